"""Build the stand-in as one application: the provider's paths and the control routes over one state."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from simulators.carriers.control import control_routes, fault_routes, journey_routes
from simulators.carriers.provider import provider_routes
from simulators.carriers.state import Clock, Config, Ledger, OrderSystem, Webhook, utc_now
from simulators.carriers.webhooks import RETRY_PAUSES, WebhookSender


def create_app(
    config: Config,
    *,
    http: httpx.AsyncClient | None = None,
    clock: Clock = utc_now,
    retry_pauses: Sequence[float] = RETRY_PAUSES,
) -> FastAPI:
    """Build the application; its lifespan ends the deliveries still under way.

    Args:
        config: The workspaces at the start.
        http: Delivers the webhooks; by default over the network, closed with the application.
        clock: Tells the time of everything that happens.
        retry_pauses: Seconds between the tries of one webhook.
    """
    system = OrderSystem(clock=clock, ledger=Ledger(clock))
    for workspace in config.workspaces:
        system.put_workspace(workspace)

    def find_webhook(slug: str) -> Webhook | None:
        known = system.workspaces.get(slug)
        return known.webhook if known is not None else None

    # The environment's proxy is not asked: what is simulated stays on this machine.
    sender = WebhookSender(
        http or httpx.AsyncClient(trust_env=False),
        system.ledger,
        find_webhook=find_webhook,
        pauses=retry_pauses,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await sender.close()

    app = FastAPI(title="Order system (simulated)", lifespan=lifespan)
    app.state.sender = sender
    app.include_router(provider_routes(system, sender))
    app.include_router(control_routes(system, sender))
    app.include_router(journey_routes(system, sender))
    app.include_router(fault_routes(system))
    return app
