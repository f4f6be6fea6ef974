"""Where Gupshup sends an app's callbacks: what is subscribed, and subscribing our own address."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from clients.gupshup import wire
from clients.gupshup.calls import Credentials, Gupshup
from clients.gupshup.errors import (
    GupshupRefused,
    GupshupUnavailable,
    SubscriptionRefused,
    TooManySubscriptions,
)

MODES = ("MESSAGE", "ENQUEUED", "FAILED", "SENT", "DELIVERED", "READ", "TEMPLATE", "ACCOUNT", "BILLING")
"""The callbacks we act on. Since 2025 FAILED and BILLING come only where they are named."""

_MOST = 5
_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An address that gets an app's callbacks; the address is a secret where it is ours."""

    id: str
    url: str = field(repr=False)
    tag: str
    version: int | None
    modes: tuple[str, ...]
    is_active: bool

    @property
    def is_complete(self) -> bool:
        """Tell whether all callbacks we act on come, in the form that we read."""
        wanted = "ALL" in self.modes or set(MODES) <= set(self.modes)
        return self.is_active and wanted and self.version == _VERSION


async def list_subscriptions(gupshup: Gupshup, credentials: Credentials) -> tuple[Subscription, ...]:
    """List where an app's callbacks go. Gupshup answers five such calls in a minute.

    Raises:
        GupshupRefused: Gupshup does not show them: also for an app that has no live number, as if the key were wrong.
        GupshupUnavailable: There is no usable answer now.
    """
    body = await gupshup.ask(credentials, "GET", _path(credentials))
    listed = body.get("subscriptions")
    if not isinstance(listed, list):
        raise GupshupUnavailable("answer without a list of subscriptions")
    return tuple(found for entry in listed if (found := _read(entry)))


async def set_subscription(
    gupshup: Gupshup, credentials: Credentials, *, url: str, tag: str, modes: Sequence[str] = MODES
) -> Subscription:
    """Have an app's callbacks sent to an address of ours, which Gupshup tries at once.

    One that carries our tag is changed, and so is one that somebody set by hand to the same address: a second one
    would double every callback. Others are left alone. May be repeated when its outcome is unknown.

    Args:
        gupshup: The API.
        credentials: The account.
        url: Where callbacks go.
        tag: Our name for it, the same each time for one account.
        modes: Which callbacks.

    Raises:
        TooManySubscriptions: The app has five already, and none is ours.
        SubscriptionRefused: Gupshup did not reach the address, or does not let this app subscribe.
        GupshupUnavailable: There is no usable answer now; it may have been set.
    """
    form = {"url": url, "tag": tag, "version": str(_VERSION), "modes": ",".join(modes)}
    try:
        present = await list_subscriptions(gupshup, credentials)
        own = next((each for each in present if each.tag == tag), None) or next(
            (each for each in present if each.url == url), None
        )
        if own:
            path = f"{_path(credentials)}/{quote(own.id, safe='')}"
            body = await gupshup.ask(credentials, "PUT", path, {**form, "tag": own.tag or tag})
        elif len(present) >= _MOST:
            raise TooManySubscriptions(None, f"the app has {len(present)} subscriptions")
        else:
            body = await gupshup.ask(credentials, "POST", _path(credentials), form)
    except SubscriptionRefused:
        raise
    except GupshupRefused as error:
        # Gupshup's words may quote the address, which is a secret.
        raise SubscriptionRefused(error.status, error.message.replace(url, "…")) from None
    stored = _read(body.get("subscription"))
    if stored is None:
        raise GupshupUnavailable("answer without a readable subscription")
    return stored


def _read(value: Any) -> Subscription | None:
    """Read one subscription; None when it lacks its id."""
    entry = wire.mapping(value)
    subscription_id = wire.identifier(entry.get("id"))
    if not subscription_id:
        return None
    version = wire.number(entry.get("version"))
    modes = entry.get("modes")
    return Subscription(
        id=subscription_id,
        url=wire.first_text(entry.get("url")),
        tag=wire.first_text(entry.get("tag")),
        version=int(version) if version is not None else None,
        modes=tuple(mode for each in modes if (mode := wire.first_text(each).upper()))
        if isinstance(modes, list)
        else (),
        is_active=wire.claim(entry.get("active")) is not False,
    )


def _path(credentials: Credentials) -> str:
    return f"/wa/app/{quote(credentials.app_id, safe='')}/subscription"
