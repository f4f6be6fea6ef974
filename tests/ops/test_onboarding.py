"""Connecting from the terminal: what would not work later is refused now, with what to do."""

import argparse
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bootstrap.resources import Resources, open_resources
from clients.gupshup import Credentials, Template, TemplateButton
from db import accounts, audit, billing, installations, notifications
from db.session import Database
from db.workspaces import add_workspace, find_event_endpoint
from domain.templates import REQUIRED_LABELS
from ops import onboarding
from tests.api.conftest import settings
from tests.factories import NOW, app_account, workspace
from tests.fakes import FakeGupshup

_TEMPLATE = Template(
    id="template-1",
    element_name="delivery_failed_v3",
    language="en",
    category="UTILITY",
    status="APPROVED",
    body="Hi {{1}}",
    buttons=tuple(TemplateButton("QUICK_REPLY", label) for label in REQUIRED_LABELS),
    placeholders=("1",),
)


def _given(**arguments: object) -> argparse.Namespace:
    """Return what somebody gave on the command line."""
    return argparse.Namespace(person="meera", **arguments)


_INSTALL = _given(workspace="kapaskraft", account="account-1")
_SWITCH_ON = _given(workspace="kapaskraft", template_id="template-1", variables="customer_name:there")


class _GupshupWithTemplate(FakeGupshup):
    async def list_templates(
        self,
        credentials: Credentials,  # noqa: ARG002 - part of the real one
    ) -> tuple[Template, ...]:
        return (_TEMPLATE,)


@pytest.fixture
async def resources(database: Database, database_url: str) -> AsyncIterator[Resources]:
    """The shared account is connected, a workspace is there, and nothing has a price."""
    async with open_resources(settings(database_url), name="tests") as opened:
        async with database.transaction() as session:
            await add_workspace(session, workspace())
            await accounts.save_account(
                session,
                opened.cipher,
                app_account(),
                api_key="sk_made_up",
                webhook_token="token",
                header_secret=None,
            )
        yield replace(opened, gupshup=_GupshupWithTemplate())


async def _price(resources: Resources, category: str) -> None:
    async with resources.database.transaction() as session:
        await billing.set_price(session, category, 35, valid_from=NOW)


async def _is_on(resources: Resources) -> bool:
    async with resources.database.transaction() as session:
        return bool(await notifications.list_notifications(session, "kapaskraft", "account-1"))


async def test_shared_account_is_installed_only_when_answers_have_a_price(resources: Resources) -> None:
    """R5.4: otherwise nothing would be sent and nobody would be told; the command to run is named."""
    with pytest.raises(onboarding.Wrong, match="connect price service PAISE"):
        await onboarding._install(resources, _INSTALL)
    await _price(resources, "service")
    assert await onboarding._install(resources, _INSTALL) == 0


async def test_template_is_switched_on_only_when_it_has_a_price(resources: Resources) -> None:
    """R5.4: its own category and that of answers; all that is missing is named at once."""
    async with resources.database.transaction() as session:
        await installations.install(session, "kapaskraft", "account-1", NOW)
    with pytest.raises(onboarding.Wrong, match=r"price utility PAISE\n.*price service PAISE"):
        await onboarding._template(resources, _SWITCH_ON)
    await _price(resources, "service")
    with pytest.raises(onboarding.Wrong, match="price utility PAISE"):
        await onboarding._template(resources, _SWITCH_ON)
    assert not await _is_on(resources)
    await _price(resources, "utility")
    assert await onboarding._template(resources, _SWITCH_ON) == 0
    assert await _is_on(resources)


async def test_clients_own_account_needs_no_price(resources: Resources) -> None:
    """R5.4: what goes through it is never charged by us."""
    async with resources.database.transaction() as session:
        await accounts.save_account(
            session,
            resources.cipher,
            app_account(id="account-2", owner="client", workspace_id="kapaskraft", app_id="app-2"),
            api_key="sk_made_up",
            webhook_token="token-2",
            header_secret=None,
        )
        await installations.install(session, "kapaskraft", "account-2", NOW)
    assert await onboarding._template(resources, _SWITCH_ON) == 0


async def test_unknown_account_is_named(resources: Resources) -> None:
    """A typing error is told in words."""
    with pytest.raises(onboarding.Wrong, match="no account account-9"):
        await onboarding._install(resources, _given(workspace="kapaskraft", account="account-9"))


async def test_events_go_where_the_workspace_wants_them(resources: Resources) -> None:
    """R6.10: without an address nobody could be told; one in the clear is refused."""
    in_the_clear = _given(workspace="kapaskraft", url="http://seller.example/events")
    with pytest.raises(onboarding.Wrong, match="https"):
        await onboarding._events(resources, in_the_clear)
    wanted = _given(workspace="kapaskraft", url="https://seller.example/events")
    assert await onboarding._events(resources, wanted) == 0
    async with resources.database.transaction() as session:
        endpoint = await find_event_endpoint(session, resources.cipher, "kapaskraft")
        (record,) = await audit.list_records(session, "kapaskraft")
    assert (record.action, record.person) == ("events.connected", "meera (ops)")  # I19
    assert endpoint is not None
    assert endpoint.url == wanted.url
    assert endpoint.secret.startswith("whsec_")
