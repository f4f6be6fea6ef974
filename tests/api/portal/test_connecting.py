"""Connect and verify: each thing that can be wrong stands at its own field, in its own words (R2.2)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.portal.connecting import Entered, read_entries, verify
from clients.gupshup import Credentials, Gupshup, Verified
from domain.connecting import Obstacle, Trouble, trouble
from ops.spare_apps import NOT_LIVE, OF_ANOTHER_KEY, READY, spare_apps
from simulators.gupshup.app import create_app

GOOD = Entered(api_key=READY.api_key, app_id=READY.id, app_name=READY.name, phone="+91 80471 00031")
NO_COUNTRY = trouble(Obstacle.NUMBER_WITHOUT_COUNTRY)
Control = Callable[[dict[str, Any]], Awaitable[None]]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of Gupshup's stand-in, which has the spare apps."""
    app = create_app({"apps": spare_apps()}, pace=0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gupshup.test") as http:
        yield http
    await app.state.network.close()


@pytest.fixture
def gupshup(http: httpx.AsyncClient) -> Gupshup:
    """Our client before the stand-in."""
    return Gupshup(http, base_url="http://gupshup.test")


@pytest.fixture
def control(http: httpx.AsyncClient) -> Control:
    """Change how the stand-in behaves."""

    async def change(options: dict[str, Any]) -> None:
        assert (await http.post("/control/options", json=options)).status_code == 200

    return change


async def _free(_: str) -> bool:
    return False


async def _taken(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    "entered",
    [
        GOOD,
        # As it comes from the clipboard: spaces, and marks that nobody sees.
        Entered(
            api_key=f" {GOOD.api_key}\n",
            app_id=f"\u200b{GOOD.app_id} ",
            app_name=f"{GOOD.app_name}\u200f",
            phone="\u202a+91 80471-00031\u202c",
        ),
        replace(GOOD, phone="918047100031"),
        replace(GOOD, phone="0091 80471 00031"),
        replace(GOOD, phone="+91 (80) 4710 0031"),
    ],
)
async def test_right_entries_are_verified(gupshup: Gupshup, entered: Entered) -> None:
    """The number is kept as digits with the country code, whatever it was dressed in."""
    verified = await verify(gupshup, entered, is_taken=_free)
    assert isinstance(verified, Verified)
    assert (verified.app_id, verified.app_name, verified.phone) == (READY.id, READY.name, READY.phone)
    assert verified.number_confirmed


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        (replace(GOOD, api_key="  "), trouble(Obstacle.KEY_EMPTY)),
        (replace(GOOD, api_key="sk 1"), trouble(Obstacle.KEY_UNREADABLE)),
        (replace(GOOD, api_key="sk\r\nX: 1"), trouble(Obstacle.KEY_UNREADABLE)),
        (replace(GOOD, api_key="sk_wrong"), trouble(Obstacle.KEY_REFUSED)),
        (replace(GOOD, app_id="", app_name=" "), trouble(Obstacle.APP_EMPTY)),
        (replace(GOOD, app_id=""), trouble(Obstacle.APP_ID_EMPTY)),
        (replace(GOOD, app_name=""), trouble(Obstacle.APP_NAME_EMPTY)),
        (replace(GOOD, app_name="Banjara\x07Live"), trouble(Obstacle.APP_NAME_UNREADABLE)),
        (replace(GOOD, app_name="x" * 201), trouble(Obstacle.APP_NAME_UNREADABLE)),
        (replace(GOOD, app_id=READY.name), trouble(Obstacle.APP_UNKNOWN, app=READY.name)),
        (replace(GOOD, app_id=OF_ANOTHER_KEY.id), trouble(Obstacle.APP_UNKNOWN, app=OF_ANOTHER_KEY.id)),
        (replace(GOOD, app_id="../x"), trouble(Obstacle.APP_UNKNOWN, app="../x")),
        (replace(GOOD, app_id="a\x00b"), trouble(Obstacle.APP_UNKNOWN, app="a…b")),
        (replace(GOOD, app_name="Banjaralive"), trouble(Obstacle.APP_NAME_UNKNOWN, app="Banjaralive")),
        (
            Entered(
                api_key=NOT_LIVE.api_key, app_id=NOT_LIVE.id, app_name=NOT_LIVE.name, phone="+918047100032"
            ),
            trouble(Obstacle.APP_NOT_LIVE, app=NOT_LIVE.name),
        ),
        (replace(GOOD, phone=""), NO_COUNTRY),
        (replace(GOOD, phone="8047100031"), NO_COUNTRY),
        (replace(GOOD, phone="080 4710 0031"), trouble(Obstacle.NUMBER_WITHOUT_COUNTRY)),
        (replace(GOOD, phone="call me"), NO_COUNTRY),
        (replace(GOOD, phone="+91 80471 CALL"), NO_COUNTRY),
        (replace(GOOD, phone="+91 ८०४७१ ०००३१"), NO_COUNTRY),
        (replace(GOOD, phone="+" + "9" * 60), NO_COUNTRY),
        (replace(GOOD, phone="+91 80471 002"), trouble(Obstacle.NUMBER_NOT_VALID, phone="+91 80471 002")),
        (replace(GOOD, phone="+91  1"), trouble(Obstacle.NUMBER_NOT_VALID, phone="+91 1")),
        (
            replace(GOOD, phone="9180471000312"),
            trouble(Obstacle.NUMBER_NOT_VALID, phone="+9180471000312"),
        ),
        (
            replace(GOOD, phone="+91 80471 00041"),
            trouble(Obstacle.NUMBER_OF_ANOTHER, phone="+91 80471 00041", app=READY.name),
        ),
    ],
)
async def test_what_is_wrong_stands_at_its_field(
    gupshup: Gupshup, entered: Entered, expected: Trouble
) -> None:
    """R2.2: a wrong key, a number that is not valid, an app or number of another account."""
    assert await verify(gupshup, entered, is_taken=_free) == (expected,)


async def test_gupshup_down_is_no_fault_of_an_entry(gupshup: Gupshup, control: Control) -> None:
    """R2.2: it stands in a banner, at no field."""
    await control({"down": True})
    assert await verify(gupshup, GOOD, is_taken=_free) == (trouble(Obstacle.GUPSHUP_DOWN),)


async def test_all_that_can_be_seen_without_asking_is_told_at_once(gupshup: Gupshup) -> None:
    """A form is not corrected one field at a time."""
    nothing = Entered(api_key="", app_id="", app_name="", phone="")
    found = await verify(gupshup, nothing, is_taken=_free)
    assert isinstance(found, tuple)
    assert [each.field for each in found] == ["api_key", "app_id", "phone"]


async def test_number_of_another_workspace_is_told_to_its_holder_alone(gupshup: Gupshup) -> None:
    """S15: who does not hold its key does not learn whether a number is connected here."""
    assert await verify(gupshup, GOOD, is_taken=_taken) == (trouble(Obstacle.NUMBER_TAKEN),)
    guess = replace(GOOD, phone="+91 80471 00041")
    assert await verify(gupshup, guess, is_taken=_taken) == (
        trouble(Obstacle.NUMBER_OF_ANOTHER, phone="+91 80471 00041", app=READY.name),
    )


async def test_number_that_gupshup_cannot_confirm_is_a_result_of_its_own(
    gupshup: Gupshup, control: Control
) -> None:
    """R2.2: never shown as verified."""
    await control({"recipient_first": True})
    verified = await verify(gupshup, GOOD, is_taken=_free)
    assert isinstance(verified, Verified)
    assert not verified.number_confirmed


def test_secrets_and_phones_stand_in_no_repr() -> None:
    """R2.3, S16: what is entered is logged by nothing."""
    assert GOOD.api_key not in repr(GOOD)
    assert "80471" not in repr(GOOD)
    read = read_entries(GOOD)
    assert isinstance(read, Credentials)
    assert GOOD.api_key not in repr(read)
