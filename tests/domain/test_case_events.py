"""Everything that travels through Temporal comes back as what it was."""

from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from typing import TypeVar, get_args

import pytest
import temporalio.converter
from pydantic import SecretStr
from temporalio.converter import DataConverter

from bootstrap.settings import Settings
from bootstrap.temporal import data_converter
from domain.case_events import (
    ActionAnswered,
    ActionRequest,
    ActionTaken,
    Answer,
    CloseAsked,
    Command,
    CustomerOptedIn,
    CustomerOptedOut,
    CustomerReplied,
    EndCase,
    Event,
    MessageAccepted,
    MessageNotSent,
    MessageUnknown,
    Note,
    Opened,
    Purpose,
    ResendAsked,
    SendSession,
    SendTemplate,
    ShipmentMoved,
    Superseded,
    TakeAction,
    WokeUp,
)
from domain.cases import Case, progress
from domain.failures import Action, Mode
from domain.messages import NotSent
from domain.replies import AddressDraft, Reply, ReplyKind
from domain.shipments import Address, Item, ShipmentMove
from domain.timing import Policy
from domain.wording import Option, SessionKind, SessionMessage
from tests.domain.given import NOON, a_policy, opened, some_facts

T = TypeVar("T")

DAY = date(2026, 11, 22)
ADDRESS = AddressDraft("4 Rose Villa", "560001", "temple", "9999900002", "Asha", "12.9,77.5")
REQUEST = ActionRequest("c1/2", Action.UPDATE_ADDRESS, Mode.OPS, "ops@example.com", None, ADDRESS, ("a", "b"))
MESSAGE = SessionMessage(
    SessionKind.LIST, "body", "header", "footer", "button", (Option("c", "t", "d"),), (("name", "Asha"),)
)


@dataclass(frozen=True)
class Letter:
    """Something that carries an event, as a workflow's mail does."""

    event: Event


@dataclass(frozen=True)
class Order:
    """Something that carries a command."""

    command: Command


EVENTS: tuple[Event, ...] = (
    Opened(),
    CustomerReplied(Reply("w1", ReplyKind.CHOICE, NOON, "Try again", "reattempt")),
    CustomerReplied(Reply("w2", ReplyKind.LOCATION, NOON, latitude=12.97, longitude=77.0, place="temple")),
    CustomerReplied(Reply("w3", ReplyKind.ADDRESS, NOON, address=ADDRESS)),
    CustomerReplied(Reply("w4", ReplyKind.MEDIA, NOON, "हाँ", media_kind="image")),
    CustomerOptedOut(),
    CustomerOptedIn(),
    MessageAccepted("c1/1"),
    MessageNotSent("c1/1", NotSent.RECIPIENT, "1002", is_template=False),
    MessageUnknown("c1/1"),
    ActionAnswered("c1/2", Answer.REFUSED_DATE, "holiday"),
    ShipmentMoved(ShipmentMove.RTO),
    Superseded(2),
    WokeUp(),
    ActionTaken(Action.UPDATE_ADDRESS, Mode.API, "key_1", None, ADDRESS, ("words",)),
    ResendAsked(Mode.SELLER_PORTAL, "seller@example.com"),
    CloseAsked(Mode.OPS, "ops@example.com", "talked on the phone"),
)
COMMANDS: tuple[Command, ...] = (
    SendTemplate("c1/1", Purpose.FAILED_DELIVERY),
    SendSession("c1/2", Purpose.ANSWER, MESSAGE),
    TakeAction("c1/2", REQUEST),
    Note("c1/3", "action_refused", "because", Mode.WHATSAPP, "somebody"),
    EndCase("c1/4", "resolved", "a new delivery attempt", NOON, Mode.WHATSAPP, "somebody"),
)


def travelled(value: T, hint: type[T], by: DataConverter | None = None) -> T:
    """Return a value as it comes out of Temporal's default converter, or another."""
    converter = (by or temporalio.converter.default()).payload_converter
    (result,) = converter.from_payloads(converter.to_payloads([value]), [hint])
    assert isinstance(result, hint)
    return result


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_event_comes_back_as_what_it_was(event: Event) -> None:
    """The kind picks the right class out of the union."""
    back = travelled(Letter(event), Letter).event
    assert back == event
    assert type(back) is type(event)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_command_comes_back_as_what_it_was(command: Command) -> None:
    """Activities get what was decided."""
    back = travelled(Order(command), Order).command
    assert back == command
    assert type(back) is type(command)


def test_every_kind_is_tried_and_none_is_used_twice() -> None:
    """A new class must come into this table; two classes of one kind could not be told apart."""
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert {type(command) for command in COMMANDS} == set(get_args(Command))
    kinds = [one.__dataclass_fields__["kind"].default for one in get_args(Event) + get_args(Command)]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("cls", get_args(Event) + get_args(Command))
def test_kind_is_a_field_of_its_own_with_a_default(cls: type[Event]) -> None:
    """The kind is last and never passed: it is what the class is called on the wire."""
    (*_, last) = fields(cls)
    assert last.name == "kind"
    assert last.default is not MISSING


def test_case_comes_back_as_what_it_was() -> None:
    """Facts, policy, the case in the middle of things and what is shown of it."""
    facts = some_facts(
        items=(Item("sku", "Kurta", "KapasKraft", 2),),
        resolutions=(Action.REATTEMPT, Action.CANCEL, Action.UPDATE_ADDRESS),
        address=Address("Asha", ("4 Rose Villa",), "Bengaluru", "Karnataka", "560001"),
    )
    policy = a_policy(reminders_after=(1, 2))
    talk = opened(facts, policy)
    talk.plays("tap reattempt", "system refused", "tap update_address", "text 4 Rose Villa", "text yes")
    talk.play("system unknown")
    assert travelled(facts, type(facts)) == facts
    assert travelled(policy, Policy) == policy
    assert travelled(talk.case, Case) == talk.case
    shown = progress(talk.case, policy)
    assert travelled(shown, type(shown)) == shown


def our_converter() -> DataConverter:
    """Return the converter that our clients and workers use."""
    key = SecretStr("A" * 43 + "=")
    pair = SecretStr(f"k1:{key.get_secret_value()}")
    return data_converter(
        Settings(database_url=SecretStr("postgresql://"), master_keys=pair, hash_key=key, payload_keys=pair)
    )


def test_day_comes_back_as_a_day() -> None:
    """A chosen day travels in requests, acts by hand, policies, cases and what is shown of them."""  # R6.4
    by = our_converter()
    asked = replace(REQUEST, on=DAY)
    by_hand = ActionTaken(Action.RESCHEDULE, Mode.API, on=DAY)
    assert travelled(Letter(by_hand), Letter, by).event == by_hand
    assert travelled(Order(TakeAction("c1/2", asked)), Order, by).command == TakeAction("c1/2", asked)
    policy = a_policy(holidays=(DAY,))
    assert travelled(policy, Policy, by) == policy
    talk = opened(policy=policy)
    talk.plays("tap date:2026-11-23", "system refused_date", "tap date:2026-11-24", "system accepted")
    assert travelled(talk.case, Case, by) == talk.case
    shown = progress(talk.case, policy)
    assert travelled(shown, type(shown), by) == shown


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_our_converter_loses_nothing_of_temporals_own(event: Event) -> None:
    """Ours reads what the default one reads."""
    assert travelled(Letter(event), Letter, our_converter()).event == event
