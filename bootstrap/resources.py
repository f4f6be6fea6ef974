"""Everything that has to be opened and closed, opened once and handed to whoever needs it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bootstrap.settings import Settings, named_keys, plain_key
from clients.carriers.base import Carrier
from clients.carriers.eshopbox import Eshopbox
from clients.gupshup import Gupshup
from clients.identity_provider import IdentityProvider
from clients.workspace_webhook import WorkspaceWebhook
from db.encryption import Cipher
from db.session import Database

CONCURRENT_ACTIVITIES = 100
"""How many activities a worker runs at once."""

# The clients' own total time-outs are longer than that of the pool: a request without a connection was not sent.
_GUPSHUP_TIMEOUT = httpx.Timeout(10.0, connect=3.0, pool=3.0)
_ORDER_SYSTEM_TIMEOUT = httpx.Timeout(20.0, connect=3.0, pool=3.0)
_PROVIDER_TIMEOUT = httpx.Timeout(5.0, connect=3.0, pool=3.0)  # somebody waits in front of it
_WORKSPACE_TIMEOUT = httpx.Timeout(10.0, connect=3.0, pool=3.0)
# No activity waits for another's connection. Idle ones are kept for less than servers usually keep theirs: a request
# on a connection just closed is an unknown outcome.
_LIMITS = httpx.Limits(
    max_connections=CONCURRENT_ACTIVITIES, max_keepalive_connections=20, keepalive_expiry=2.0
)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a program works with.

    Attributes:
        database: Pages, the API, activities and intake.
        callbacks_database: A small pool of its own, so that slow pages cannot starve callbacks (F21).
        cipher: Encryption of what is at rest.
        gupshup: Gupshup's API.
        carriers: The adapters by name.
        workspace_webhook: Outgoing events.
        identity_provider: Where people may sign in as well; None where the settings name none.
        clock: Tells the time, wherever it matters.
    """

    settings: Settings
    database: Database
    callbacks_database: Database
    cipher: Cipher
    gupshup: Gupshup
    carriers: dict[str, Carrier]
    workspace_webhook: WorkspaceWebhook
    identity_provider: IdentityProvider | None
    clock: Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time; handed in wherever time matters."""
    return datetime.now(UTC)


def clock_of(settings: Settings) -> Callable[[], datetime]:
    """Return the clock of a program: the real one, or the moved one of a rehearsal."""
    if not settings.clock_file:
        return utc_now
    ahead = Path(settings.clock_file)
    return lambda: utc_now() + timedelta(seconds=float(ahead.read_text()))


def cipher_of(settings: Settings) -> Cipher:
    """Return the cipher for what is at rest."""
    return Cipher(named_keys(settings.master_keys), plain_key(settings.hash_key))


@asynccontextmanager
async def open_resources(settings: Settings, *, name: str) -> AsyncIterator[Resources]:
    """Open what a program needs, and close it at the end; nothing is connected before it is used."""
    url = settings.database_url.get_secret_value()
    clock = clock_of(settings)
    database = Database(url, pool_size=10, name=name)
    callbacks_database = Database(url, pool_size=5, name=f"{name}-callbacks")
    # No proxy variables, no redirects: hosts come from the settings alone (S25).
    async with (
        httpx.AsyncClient(timeout=_GUPSHUP_TIMEOUT, limits=_LIMITS, trust_env=False) as gupshup_http,
        httpx.AsyncClient(
            timeout=_ORDER_SYSTEM_TIMEOUT, limits=_LIMITS, trust_env=False
        ) as order_system_http,
        httpx.AsyncClient(timeout=_WORKSPACE_TIMEOUT, limits=_LIMITS, trust_env=False) as workspace_http,
        httpx.AsyncClient(timeout=_PROVIDER_TIMEOUT, trust_env=False) as provider_http,
    ):
        try:
            yield Resources(
                settings=settings,
                database=database,
                callbacks_database=callbacks_database,
                cipher=cipher_of(settings),
                gupshup=Gupshup(gupshup_http, base_url=settings.gupshup_base_url),
                carriers={
                    "eshopbox": Eshopbox(
                        order_system_http,
                        base_url=settings.eshopbox_base_url,
                        auth_url=settings.eshopbox_auth_url,
                        tracking_method=settings.eshopbox_tracking_method,
                        clock=clock,
                    )
                },
                workspace_webhook=WorkspaceWebhook(
                    workspace_http, allow_private=settings.allow_private_event_urls, clock=clock
                ),
                identity_provider=_identity_provider(settings, provider_http, clock),
                clock=clock,
            )
        finally:
            await callbacks_database.dispose()
            await database.dispose()


def _identity_provider(
    settings: Settings, http: httpx.AsyncClient, clock: Callable[[], datetime]
) -> IdentityProvider | None:
    if not settings.oidc_issuer:
        return None
    return IdentityProvider(
        http,
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_base_url}/sign-in/elsewhere/back",
        clock=clock,
    )
