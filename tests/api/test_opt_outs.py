"""The JSON API about what customers want: of the workspace's own account only, with proof (R5.5)."""

from typing import Any

import pytest

from db import accounts, customers, installations
from tests.api.conftest import Outside
from tests.factories import PHONE, app_account
from tests.intake.stage import ACCOUNT

OWN = "account-own"
WISH = {"phone": "+91 99999 00001", "note": "asked on the phone"}

Keys = dict[str, dict[str, str]]


@pytest.fixture
async def own(outside: Outside) -> Outside:
    """The first workspace has an account of its own."""
    account = app_account(
        id=OWN,
        owner="client",
        workspace_id="kapaskraft",
        app_name="KapasOwn",
        app_id="own",
        phone="919999900099",
    )
    async with outside.stage.database.transaction() as session:
        await accounts.save_account(
            session, outside.stage.cipher, account, api_key="k", webhook_token="t-own", header_secret=None
        )
        await installations.install(session, "kapaskraft", OWN, outside.stage.clock())
    return outside


async def _refuses(outside: Outside, category: str, account_id: str = OWN) -> bool:
    async with outside.stage.database.transaction() as session:
        found = await customers.customer(session, account_id, outside.stage.cipher.phone_hash(PHONE))
    return found.refuses(category)


async def _post(outside: Outside, path: str, headers: dict[str, str], **body: Any) -> Any:
    return await outside.http.post(f"/v1/{path}", json=WISH | body, headers=headers)


async def test_opt_out_stops_the_own_account_and_is_lifted_with_proof(own: Outside, keys: Keys) -> None:
    """R5.5: each word is kept with its note, the key and who entered it."""
    answer = await _post(own, "opt-outs", keys["kapaskraft"], person="Meera")
    assert answer.status_code == 200, answer.text
    assert answer.json()["opted_out_at"] is not None
    assert await _refuses(own, "utility")
    assert not await _refuses(own, "utility", ACCOUNT)
    answer = await _post(own, "opt-ins", keys["kapaskraft"])
    assert answer.json() == {"opted_out_at": None, "marketing_opted_out_at": None}
    asked = {"phone": PHONE}
    answer = await own.http.post("/v1/opt-outs/look-up", json=asked, headers=keys["kapaskraft"])
    history = answer.json()["history"]
    assert [(one["is_wanted"], one["source"], one["note"]) for one in history] == [
        (True, "api", "asked on the phone"),
        (False, "api", "asked on the phone"),
    ]
    assert history[1]["person"] == "Meera"
    assert "key " in history[1]["proof"]


async def test_same_request_again_is_one_word(own: Outside, keys: Keys) -> None:
    """I13: and what is kept of the answer has no note in it."""
    headers = keys["kapaskraft"] | {"Idempotency-Key": "wish-1"}
    first, again = [await _post(own, "opt-outs", headers, scope="marketing") for _ in range(2)]
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert "asked" not in first.text
    assert (await _refuses(own, "marketing"), await _refuses(own, "utility")) == (True, False)
    answer = await own.http.post("/v1/opt-outs/look-up", json={"phone": PHONE}, headers=keys["kapaskraft"])
    assert len(answer.json()["history"]) == 1


async def test_word_of_before_is_kept_and_a_later_one_stands(own: Outside, keys: Keys) -> None:
    """R5.5: the customer's last word counts."""
    await _post(own, "opt-ins", keys["kapaskraft"])
    answer = await _post(own, "opt-outs", keys["kapaskraft"], at="2026-01-05T10:00:00+05:30")
    assert answer.json()["opted_out_at"] is None


async def test_shared_account_takes_no_sellers_word(outside: Outside, keys: Keys) -> None:
    """R5.5, I11: its opt-outs concern every seller's customers."""
    for path in ("opt-outs", "opt-ins"):
        answer = await _post(outside, path, keys["nakshi"])
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem:no-own-account")
    assert not await _refuses(outside, "utility", ACCOUNT)


@pytest.mark.parametrize(
    "body",
    [{"phone": "0221234567"}, {"note": ""}, {"scope": "news"}, {"at": "2099-01-01T00:00:00Z"}, {"other": 1}],
)
async def test_wish_that_cannot_be_read_is_refused(own: Outside, keys: Keys, body: dict[str, Any]) -> None:
    """S27: with what would be right, and nothing kept."""
    answer = await _post(own, "opt-outs", keys["kapaskraft"], **body)
    assert answer.status_code == 422
    assert not await _refuses(own, "marketing")
