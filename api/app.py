"""The app: opens what routes need, puts the layers around them, closes everything in order."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

from fastapi import FastAPI
from starlette.routing import Match, Mount
from starlette.types import Scope

from api import cases, codec, health, opt_outs, portal, webhooks
from api.background import Background
from api.delays import Delays
from api.dependencies import Services
from api.errors import ProblemDocument, add_error_answers
from api.limits import Allowance, Rates, Together
from api.metrics import Metrics
from api.middleware import Guard, LimitedBodies
from api.origins import Origins
from api.remembered import Remembered
from bootstrap import logs
from bootstrap.passwords import Passwords
from bootstrap.resources import open_resources
from bootstrap.settings import Settings
from bootstrap.temporal import Codec, connect
from intake.inbox import Intake
from workflows.client import Workflows

__all__ = ["ROUTERS", "create_app"]

ROUTERS = (webhooks.router, cases.router, opt_outs.router, health.router, codec.router)
"""Every route of ours."""

_DOCS_PATH = "/docs"
_NO_PAGES = ("/v1/", "/webhooks/", "/codec/", "/healthz", "/readyz", "/metrics")


class _Pages(Mount):
    """The portal, at every address that is none of the API's: there, even an error is the API's own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether an address is a page's, or nobody's."""
        if scope["type"] == "http" and scope["path"].startswith(_NO_PAGES):
            return Match.NONE, {}
        return super().matches(scope)


def create_app(
    settings: Settings | None = None,
    *,
    workflows: Workflows | None = None,
    clock: Callable[[], datetime] | None = None,
) -> FastAPI:
    """Return the app, for `uvicorn --factory api.app:create_app`.

    Args:
        settings: Read from the environment where not given.
        workflows: Built from the settings where not given; tests give their own.
        clock: The programs' clock where not given; tests give one that they move.
    """
    settings = settings or Settings()  # type: ignore[call-arg]  # the environment fills it
    logs.configure(settings.log_level)
    is_production = settings.environment == "production"
    metrics = Metrics()
    pages = portal.create_portal()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            resources = await stack.enter_async_context(open_resources(settings, name="api"))
            time = clock or resources.clock
            door = workflows or Workflows(await connect(settings, lazy=True))
            intake = Intake(
                database=resources.database,
                cipher=resources.cipher,
                workflows=door,
                clock=time,
                capabilities=resources.carriers["eshopbox"].capabilities,
            )
            background = Background(intake)
            # Left first at the end: what was answered 2xx is handled while the connections are still open.
            await stack.enter_async_context(background.running())
            pages.state.services = app.state.services = Services(
                resources=resources,
                workflows=door,
                intake=intake,
                background=background,
                metrics=metrics,
                codec=Codec(settings),
                callback_accounts=Remembered(),
                order_systems=Remembered(),
                callback_origins=Origins(settings),
                callback_rates=Rates(settings.callback_limit_per_second),
                api_rates=Rates(settings.api_limit_per_second),
                passwords=Passwords(),
                delays=Delays(resources.database, resources.cipher),
                sign_ins=Allowance(settings.sign_ins_per_minute, per=timedelta(minutes=1)),
                account_checks=Allowance(10, per=timedelta(hours=1)),
                exports=Allowance(5, per=timedelta(minutes=1)),
                test_messages=Allowance(5, per=timedelta(hours=1)),
                followed_pages=Together(6),
                clock=time,
            )
            yield

    app = FastAPI(
        title="Failed delivery rescue",
        version="1",
        summary="Open, read, act on and close cases of failed deliveries; webhooks of Gupshup and the order system.",
        lifespan=lifespan,
        docs_url=None if is_production else _DOCS_PATH,
        redoc_url=None,
        openapi_url=None if is_production else "/openapi.json",
        responses={500: {"description": "Something went wrong on our side", "model": ProblemDocument}},
    )
    add_error_answers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.append(_Pages("", pages))
    app.add_middleware(LimitedBodies, beneath=("/v1/", "/codec/"))
    app.add_middleware(
        Guard,
        metrics=metrics,
        is_https=settings.public_base_url.startswith("https://"),
        docs_path="" if is_production else _DOCS_PATH,
        error_page=portal.unexpected_page,
    )
    return app
