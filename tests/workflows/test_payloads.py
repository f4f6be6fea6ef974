"""What Temporal gets to see of a customer: nothing that can be read without our keys (I12, S18, F66)."""

import base64
import json
from datetime import UTC, datetime

import pytest
from google.protobuf import json_format
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from bootstrap.settings import Settings
from bootstrap.temporal import Codec, EncryptedPayloads, UndecodablePayload, data_converter
from domain.case_events import CustomerReplied
from domain.replies import AddressDraft, Reply, ReplyKind
from domain.timing import Policy
from tests.domain.given import some_facts
from tests.workflows.stage import PERSON, on_stage, payload_data
from workflows.values import CaseStart, Mail

_OLD, _NEW = bytes(range(32)), bytes(range(32, 64))
_START = CaseStart(some_facts(), Policy())
_MAIL = Mail(
    "inbox:1",
    CustomerReplied(
        Reply(
            "wamid.1",
            ReplyKind.ADDRESS,
            datetime(2026, 11, 20, 6, 30, tzinfo=UTC),
            text="please come to 4 Rose Villa",
            address=AddressDraft("4 Rose Villa, MG Road", pincode="560001", phone="9999000099"),
        )
    ),
)
_PERSONAL = (PERSON, "Asha", "Rose Villa", "9999000099", "please come")


def _settings(keys: str = "new:" + base64.b64encode(_NEW).decode()) -> Settings:
    key = SecretStr("k:" + base64.b64encode(_OLD).decode())
    return Settings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1/none"),
        master_keys=key,
        hash_key=SecretStr(base64.b64encode(_OLD).decode()),
        payload_keys=SecretStr(keys),
    )


@pytest.mark.parametrize("value", [_START, _MAIL], ids=["start", "mail"])
async def test_values_come_back_as_they_were_and_cannot_be_read_between(value: object) -> None:
    """Encrypted, and whole again on the other side."""
    converter = data_converter(_settings())
    (payload,) = await converter.encode([value])
    assert not any(word.encode() in payload.SerializeToString() for word in _PERSONAL)
    assert await converter.decode([payload], [type(value)]) == [value]


async def test_same_value_never_looks_the_same() -> None:
    """Nobody can tell that two customers said the same."""
    converter = data_converter(_settings())
    first, second = await converter.encode([_MAIL, _MAIL])
    assert first.data != second.data


async def test_failure_hides_its_message_and_its_stack() -> None:
    """An error's text may quote what it was about."""
    converter = data_converter(_settings())
    failure = Failure()
    with pytest.raises(ApplicationError) as broken:
        raise ApplicationError(f"no route to {PERSON}", "Asha Rao", type="Broken")
    await converter.encode_failure(broken.value, failure)
    raw = failure.SerializeToString()
    assert not any(word.encode() in raw for word in (*_PERSONAL, "no route", "test_payloads"))
    decoded = await converter.decode_failure(failure)
    assert isinstance(decoded, ApplicationError)
    assert (decoded.message, decoded.type) == (f"no route to {PERSON}", "Broken")


async def test_old_key_still_opens_what_it_closed() -> None:
    """The first key closes; all of them open, until the last run of the old one is over."""
    old = EncryptedPayloads({"old": _OLD})
    rotated = EncryptedPayloads({"new": _NEW, "old": _OLD})
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"hello"')
    closed = await old.encode([plain])
    assert await rotated.decode(closed) == [plain]
    (closed_anew,) = await rotated.encode([plain])
    assert closed_anew.metadata["key-id"] == b"new"
    with pytest.raises(UndecodablePayload, match="no key"):
        await old.decode([closed_anew])


@pytest.mark.parametrize("position", [0, 11, 12, -1])
async def test_changed_payload_is_refused(position: int) -> None:
    """Nonce, text and tag are all covered."""
    codec = EncryptedPayloads({"new": _NEW})
    (closed,) = await codec.encode([Payload(data=b"hello")])
    data = bytearray(closed.data)
    data[position] ^= 1
    with pytest.raises(UndecodablePayload, match="changed"):
        await codec.decode([Payload(metadata=closed.metadata, data=bytes(data))])


async def test_payload_under_another_keys_name_is_refused() -> None:
    """The name is part of what is protected."""
    codec = EncryptedPayloads({"new": _NEW, "same": _NEW})
    (closed,) = await codec.encode([Payload(data=b"hello")])
    closed.metadata["key-id"] = b"same"
    with pytest.raises(UndecodablePayload, match="changed"):
        await codec.decode([closed])


async def test_temporal_ui_reads_and_writes_through_the_codec() -> None:
    """JSON in and out, as the UI's codec requests have it."""
    codec = Codec(_settings())
    plain = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'{"id":"inbox:1"}')])
    closed = await codec.encode(json_format.MessageToJson(plain).encode())
    assert "inbox:1" not in base64.b64decode(json.loads(closed)["payloads"][0]["data"]).decode("latin-1")
    assert json_format.Parse(await codec.decode(closed.encode()), Payloads()) == plain


@pytest.mark.parametrize("body", [b"", b"7", b"\xff", b'{"payloads": 7}', b'{"other": []}'])
async def test_unreadable_codec_request_is_refused(body: bytes) -> None:
    """With one error, whatever is wrong."""
    with pytest.raises(UndecodablePayload):
        await Codec(_settings()).decode(body)


@pytest.mark.temporal
async def test_history_of_a_whole_case_tells_nothing_of_the_customer() -> None:
    """Inputs, signals, results, summaries and details: everything that Temporal keeps."""
    converter = data_converter(_settings())
    async with on_stage(converter=converter) as stage:
        await stage.start(Policy(quiet_from="", quiet_until=""))
        await stage.until("template failed_delivery")
        await stage.tap("update_address")
        await stage.write("please come to 4 Rose Villa, MG Road, 560001")
        await stage.tap("address_yes")
        assert await stage.outcome() == "resolved"
        kept = b""
        async for event in stage.case.fetch_history_events():
            kept += event.SerializeToString()
            for data in payload_data(event):
                assert b"json/plain" not in data
        assert b"binary/encrypted" in kept
        assert not any(word.encode() in kept for word in _PERSONAL)
