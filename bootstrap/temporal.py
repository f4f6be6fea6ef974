"""Temporal's client: encrypted payloads, and the codec by which Temporal UI shows them (S18)."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import temporalio.converter
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.converter import (
    AdvancedJSONEncoder,
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    JSONTypeConverter,
    JSONTypeConverterUnhandled,
    PayloadCodec,
)
from temporalio.runtime import Runtime
from temporalio.service import RetryConfig

from bootstrap.settings import Settings, named_keys

_ENCODING = b"binary/encrypted"
_NONCE_BYTES = 12


class UndecodablePayload(Exception):
    """A payload's key is unknown, or the payload was changed."""


class _EncoderWithDays(AdvancedJSONEncoder):
    def default(self, o: Any) -> Any:
        """Write a day as ISO; Temporal's own encoder knows only datetimes."""
        return o.isoformat() if isinstance(o, date) else super().default(o)


class _Days(JSONTypeConverter):
    def to_typed_value(self, hint: type, value: Any) -> date | JSONTypeConverterUnhandled | None:
        """Read a day where one is expected.

        Raises:
            TypeError: Something else stands there; a union then tries its next member.
        """
        if hint is not date:
            return JSONTypeConverter.Unhandled
        if not isinstance(value, str):
            raise TypeError(f"expected an ISO day, got {type(value)}")
        return date.fromisoformat(value)


class PayloadsWithDays(CompositePayloadConverter):
    """Temporal's own converters, and days: an action carries the day the customer chose."""

    def __init__(self) -> None:
        json = JSONPlainPayloadConverter(encoder=_EncoderWithDays, custom_type_converters=[_Days()])
        usual = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(json if one.encoding == json.encoding else one for one in usual))


class EncryptedPayloads(PayloadCodec):
    """AES-256-GCM around every payload; the key's id travels in the metadata, so that keys can be rotated."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt payloads with the current key."""
        return [self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt payloads with the key that each names.

        Raises:
            UndecodablePayload: The key is unknown or the payload was changed.
        """
        return [self._opened(payload) for payload in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        data = self._ciphers[self._current].encrypt(
            nonce, payload.SerializeToString(), self._current.encode()
        )
        return Payload(metadata={"encoding": _ENCODING, "key-id": self._current.encode()}, data=nonce + data)

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        name = payload.metadata.get("key-id", b"").decode(errors="replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise UndecodablePayload(f"no key {name!r}")
        try:
            plain = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:  # too short to hold a nonce and a tag
            raise UndecodablePayload(f"changed, or another key than {name!r}") from error
        return Payload.FromString(plain)


def data_converter(settings: Settings) -> DataConverter:
    """Return the converter of every client and worker."""
    return dataclasses.replace(
        temporalio.converter.default(),
        payload_converter_class=PayloadsWithDays,
        payload_codec=EncryptedPayloads(named_keys(settings.payload_keys)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(settings: Settings, *, lazy: bool, runtime: Runtime | None = None) -> Client:
    """Return a client; a lazy one exists also while Temporal is down (I1 must not depend on it)."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=data_converter(settings),
        lazy=lazy,
        runtime=runtime,
        # Whoever answers a webhook or a page does not wait: the sweep brings what could not be told.
        retry_config=RetryConfig(max_elapsed_time_millis=500) if lazy else None,
    )


async def register_search_attributes(settings: Settings, names: Sequence[str]) -> None:
    """Make sure that the namespace knows our search attributes; without them every start is refused."""
    client = await connect(settings, lazy=False)
    service = client.operator_service
    known = await service.list_search_attributes(
        ListSearchAttributesRequest(namespace=settings.temporal_namespace)
    )
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    missing = {name: keyword for name in names if name not in known.custom_attributes}
    if missing:
        await service.add_search_attributes(
            AddSearchAttributesRequest(namespace=settings.temporal_namespace, search_attributes=missing)
        )


class Codec:
    """What Temporal UI asks to show encrypted payloads: JSON in, JSON out."""

    def __init__(self, settings: Settings) -> None:
        self._codec = EncryptedPayloads(named_keys(settings.payload_keys))

    async def decode(self, body: bytes) -> str:
        """Decode the payloads of a codec request.

        Raises:
            UndecodablePayload: The request or a payload cannot be read.
        """
        return await self._turn(body, decode=True)

    async def encode(self, body: bytes) -> str:
        """Encode the payloads of a codec request, so that ops can signal from the UI.

        Raises:
            UndecodablePayload: The request cannot be read.
        """
        return await self._turn(body, decode=False)

    async def _turn(self, body: bytes, *, decode: bool) -> str:
        try:
            payloads = json_format.Parse(body, Payloads()).payloads
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise UndecodablePayload("the body is not a codec request") from error
        turned = await (self._codec.decode(payloads) if decode else self._codec.encode(payloads))
        return json_format.MessageToJson(Payloads(payloads=turned))
