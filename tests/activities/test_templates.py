"""The hourly check against a real database: held, told, released; keys that are refused are asked seldom."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.templates import Templates
from activities.values import TemplateCheck, TemplatesChecked
from clients.gupshup import Credentials, GupshupRefused, GupshupUnavailable, Template, TemplateButton
from db import accounts, installations, notifications, outgoing_events, workspaces
from db.encryption import Cipher
from db.notifications import Notification
from db.outgoing_events import OutgoingEvent
from db.session import Database, Session
from domain.connecting import KEY_LOST
from tests.activities.conftest import NOTIFICATION
from tests.factories import NOW, app_account, workspace
from tests.fakes import FakeGupshup

TEMPLATE = Template(
    id="template-1",
    element_name="delivery_failed_v3",
    language="en",
    category="UTILITY",
    status="APPROVED",
    body=NOTIFICATION.body,
    buttons=tuple(TemplateButton("QUICK_REPLY", button.label) for button in NOTIFICATION.buttons),
    placeholders=("1", "2"),
)


class Listing(FakeGupshup):
    """Gupshup with its list of templates."""

    def __init__(self) -> None:
        super().__init__()
        self.templates: dict[str, tuple[Template, ...]] = {"key-1": (TEMPLATE,)}
        self.alone: Template | None = None
        self.trouble: Exception | None = None
        self.asked = 0

    async def list_templates(self, credentials: Credentials) -> tuple[Template, ...]:
        """List an account's templates."""
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return self.templates[credentials.api_key]

    async def get_template(self, credentials: Credentials, template_id: str) -> Template | None:  # noqa: ARG002 - the real one's
        """Show one template."""
        return self.alone


class Guard:
    """A workspace with a notification on, and the check around it."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self.database = database
        self.cipher = cipher
        self.now = NOW
        self.gupshup = Listing()
        self.templates = Templates(
            database=database, cipher=cipher, gupshup=self.gupshup, clock=lambda: self.now
        )

    async def check(self, account_id: str = "") -> TemplatesChecked:
        """Check as the workflow does, an hour after the last time."""
        self.now += timedelta(hours=1)
        return await self.again(account_id)

    async def again(self, account_id: str = "") -> TemplatesChecked:
        """Check once more in the same moment."""
        return await ActivityEnvironment().run(self.templates.check, TemplateCheck(account_id))

    def list(self, **changes: object) -> None:
        """Have Gupshup list the template otherwise."""
        self.gupshup.templates["key-1"] = (replace(TEMPLATE, **changes),)  # type: ignore[arg-type]  # by name

    async def change(self, work: Callable[[Session], Awaitable[object]]) -> None:
        """Do something in the database."""
        async with self.database.transaction() as session:
            await work(session)

    async def attention(self, slug: str = "kapaskraft", event: str = "failed_delivery") -> str:
        """Return why a notification is held."""
        async with self.database.transaction() as session:
            found = await notifications.list_of_event(session, slug, "account-1", event)
        return found[0].attention

    async def account(self) -> accounts.AppAccount:
        """Return the account."""
        async with self.database.transaction() as session:
            return await accounts.get_account(session, "account-1")

    async def told(self) -> tuple[OutgoingEvent, ...]:
        """Return what workspaces are told, oldest first."""
        async with self.database.transaction() as session:
            found = await outgoing_events.list_events(session, self.cipher, limit=100)
        return tuple(reversed(found))


@pytest.fixture
async def guard(database: Database, cipher: Cipher) -> Guard:
    """One workspace that wants events, on the shared account."""
    made = Guard(database, cipher)
    async with database.transaction() as session:
        await workspaces.add_workspace(session, workspace())
        await workspaces.save_event_endpoint(
            session, cipher, workspaces.EventEndpoint("kapaskraft", "https://seller.example/e", "whsec_x")
        )
        await accounts.save_account(
            session, cipher, app_account(), api_key="key-1", webhook_token="t-1", header_secret=None
        )
        await installations.install(session, "kapaskraft", "account-1", NOW)
        await notifications.save_notification(session, NOTIFICATION)
    return made


async def test_template_that_is_as_it_was_changes_nothing(guard: Guard) -> None:
    """R4.8 check: its list is kept for pages; nobody is told."""
    checked = await guard.check()
    assert checked == TemplatesChecked(asked=1)
    assert await guard.attention() == ""
    assert not await guard.told()
    assert (await guard.account()).templates_read_at == guard.now


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "PAUSED"}, "template paused"),
        ({"status": "DISABLED", "reason": "LOW_QUALITY"}, "template disabled: LOW_QUALITY"),
        ({"category": "MARKETING"}, "template's category is now marketing"),
        ({"body": "Hi {{1}}.", "placeholders": ("1",)}, "template's placeholders changed"),
        ({"buttons": TEMPLATE.buttons[::-1]}, "template's buttons changed"),
    ],
)
async def test_change_holds_tells_and_is_let_go_by_itself(
    guard: Guard, changes: dict[str, object], reason: str
) -> None:
    """R4.8 check, R4.8 told, F33: what Gupshup sent no event of is found within the hour; each is told once."""
    guard.list(**changes)
    checked = await guard.check()
    assert [(one.event, one.reason) for one in checked.held] == [("failed_delivery", reason)]
    assert await guard.attention() == reason
    assert await guard.check() == TemplatesChecked(asked=1)
    guard.list()
    checked = await guard.check()
    assert [one.reason for one in checked.released] == [reason]
    assert await guard.attention() == ""
    held, released = await guard.told()
    assert (held.type, released.type) == ("notification.held", "notification.released")
    assert dict(held.data) == {**released.data, "since": held.data["since"]}
    assert held.data["template_name"] == "delivery_failed_v3"
    assert held.data["reason"] == reason


async def test_template_that_is_listed_no_more_is_asked_for_alone(guard: Guard) -> None:
    """R4.8: only a plain answer says that it is gone."""
    guard.gupshup.templates["key-1"] = ()
    guard.gupshup.alone = TEMPLATE
    await guard.check()
    assert await guard.attention() == ""
    guard.gupshup.alone = None
    await guard.check()
    assert await guard.attention() == "template deleted"


async def test_failed_send_is_believed_for_an_hour(guard: Guard) -> None:
    """R4.8: the list may not know yet; afterwards it is tried again."""
    held = replace(NOTIFICATION, attention="sending failed with code 132015", attention_at=NOW)
    await guard.change(lambda session: notifications.save_notification(session, held))
    guard.now -= timedelta(minutes=30)
    await guard.check()
    assert await guard.attention() == "sending failed with code 132015"
    await guard.check()
    assert await guard.attention() == ""


async def test_each_workspace_goes_by_what_it_was_set_up_with(guard: Guard) -> None:
    """R4.8, R4.4: of the copies of the platform's template those are held whose seller accepted no such price."""

    async def furnish(session: Session) -> None:
        await workspaces.ensure_platform(session)
        await workspaces.add_workspace(session, workspace(id="nakshi"))
        await installations.install(session, "nakshi", "account-1", NOW)
        accepted = replace(NOTIFICATION, workspace_id="nakshi", category="MARKETING")
        await notifications.save_notification(session, accepted)
        await notifications.save_notification(
            session, replace(NOTIFICATION, workspace_id=workspaces.PLATFORM)
        )

    await guard.change(furnish)
    guard.list(category="MARKETING")
    await guard.check()
    assert await guard.attention("kapaskraft") == "template's category is now marketing"
    assert await guard.attention("nakshi") == ""
    assert await guard.attention(workspaces.PLATFORM) == "template's category is now marketing"
    assert guard.gupshup.asked == 1


async def test_what_is_off_is_not_in_use(guard: Guard) -> None:
    """Nothing is asked for it; what is off and held is let go, so that it can be switched on."""

    async def switch(row: Notification) -> None:
        await guard.change(lambda session: notifications.save_notification(session, row))

    await switch(replace(NOTIFICATION, is_on=False))
    assert await guard.check() == TemplatesChecked()
    await switch(replace(NOTIFICATION, is_on=False, attention="template paused", attention_at=NOW))
    assert len((await guard.check()).released) == 1
    assert not await guard.told()


async def test_refused_key_is_put_before_people_and_asked_seldom(guard: Guard) -> None:
    """F34: at most once in five minutes, whoever asks; an answer lifts it again."""
    guard.gupshup.trouble = GupshupRefused(401, "Authentication Failed")
    assert (await guard.check()).refused == ("account-1",)
    assert (await guard.account()).attention == KEY_LOST
    assert await guard.attention() == ""
    guard.now += timedelta(minutes=4, seconds=59)
    assert (await guard.again("account-1")).just_asked == ("account-1",)
    assert guard.gupshup.asked == 1
    guard.now += timedelta(seconds=1)
    guard.gupshup.trouble = None
    assert (await guard.again()).asked == 1
    assert (await guard.account()).attention == ""
    assert (await guard.again()).asked == 1  # by hand, as often as somebody likes


@pytest.mark.parametrize(
    "trouble", [GupshupUnavailable("away"), GupshupRefused(400, "something else"), RuntimeError("a bug")]
)
async def test_silence_of_one_account_holds_nothing_and_no_other_account(
    guard: Guard, trouble: Exception
) -> None:
    """I18: what is not known is left as it is, and the others are asked."""
    other = app_account(
        id="account-2", app_id="app-2", phone="919999900098", owner="client", workspace_id="kapaskraft"
    )

    async def furnish(session: Session) -> None:
        await accounts.save_account(
            session, guard.cipher, other, api_key="key-2", webhook_token="t-2", header_secret=None
        )
        await installations.install(session, "kapaskraft", "account-2", NOW)
        await notifications.save_notification(session, replace(NOTIFICATION, account_id="account-2"))

    guard.list(status="PAUSED")
    await guard.check()
    await guard.change(furnish)
    listing = guard.gupshup.list_templates

    async def half(credentials: Credentials) -> tuple[Template, ...]:
        if credentials.api_key == "key-1":
            raise trouble
        return await listing(credentials)

    guard.gupshup.templates["key-2"] = (TEMPLATE,)
    guard.gupshup.list_templates = half  # type: ignore[method-assign]  # it is the stand-in's own
    checked = await guard.check()
    assert (checked.away, checked.asked) == (("account-1",), 1)
    assert await guard.attention() == "template paused"
    assert (await guard.account()).attention == ""


async def test_what_was_set_up_anew_meanwhile_is_left_alone(guard: Guard) -> None:
    """The check knew the template of before."""
    listing = guard.gupshup.list_templates

    async def slowly(credentials: Credentials) -> tuple[Template, ...]:
        await guard.change(
            lambda session: notifications.save_notification(session, replace(NOTIFICATION, template_id="new"))
        )
        return await listing(credentials)

    guard.list(status="PAUSED")
    guard.gupshup.list_templates = slowly  # type: ignore[method-assign]  # it is the stand-in's own
    await guard.check()
    assert await guard.attention() == ""


async def test_wallet_trouble_is_not_lifted_by_a_list(guard: Guard) -> None:
    """F32: that the key works says nothing of the wallet."""
    await guard.change(
        lambda session: accounts.set_attention(session, "account-1", "sending failed with code 1003")
    )
    await guard.check()
    assert (await guard.account()).attention == "sending failed with code 1003"
