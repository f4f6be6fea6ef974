"""Events to a workspace's own address: signed, once, and to public addresses only."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from clients.workspace_webhook import Delivered, NotDelivered, WorkspaceWebhook, is_public

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
HAPPENED = datetime(2026, 11, 21, 8, 50, tzinfo=UTC)
URL = "https://hooks.example/events?x=1"

Handle = Callable[[httpx.Request], httpx.Response]


@dataclass
class Receiver:
    """Answer from memory and remember every request."""

    handle: Handle = lambda _: httpx.Response(204)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        return self.handle(request)


def webhook(
    receiver: Receiver, *addresses: str, allow_private: bool = False, clock: datetime | None = None
) -> WorkspaceWebhook:
    """Build the client over a receiver in memory; every name has these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses or ("8.8.8.8",)

    return WorkspaceWebhook(
        httpx.AsyncClient(transport=httpx.MockTransport(receiver)),
        allow_private=allow_private,
        clock=lambda: clock or datetime.now(UTC),
        resolve=resolve,
    )


async def deliver(
    client: WorkspaceWebhook, *, url: str = URL, secret: str = SECRET
) -> Delivered | NotDelivered:
    """Deliver one event."""
    return await client.deliver(
        url=url, secret=secret, event_id="evt-1", type="case.resolved", data={"order_id": "ORD1"}, at=HAPPENED
    )


async def test_event_is_signed_as_standard_webhooks() -> None:
    """R8.3, S6: id, time of the attempt, signature; the body says what happened and when."""
    receiver = Receiver()
    assert await deliver(webhook(receiver)) == Delivered(204)
    (request,) = receiver.requests
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == {
        "type": "case.resolved",
        "timestamp": "2026-11-21T08:50:00.000Z",
        "data": {"order_id": "ORD1"},
    }
    assert request.headers["webhook-id"] == "evt-1"
    assert request.headers["content-type"] == "application/json"


async def test_two_secrets_give_two_signatures() -> None:
    """S6: while a secret is replaced, old and new receivers both verify."""
    receiver = Receiver()
    await deliver(webhook(receiver), secret=f"{SECRET} {OLD_SECRET}")
    (request,) = receiver.requests
    for secret in (SECRET, OLD_SECRET):
        Webhook(secret).verify(request.content, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET[:-2] + "AA").verify(request.content, dict(request.headers))


async def test_a_retry_a_day_later_has_the_same_id_and_body_and_a_new_time() -> None:
    """I15: receivers know the event by its id, and refuse an old signature."""
    receiver = Receiver()
    for later in (timedelta(), timedelta(hours=23)):
        await deliver(webhook(receiver, clock=HAPPENED + later))
    first, second = receiver.requests
    assert first.content == second.content
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 23 * 3600


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_!", "whsec_a"])
async def test_unusable_secret_is_not_retried(secret: str) -> None:
    """Without a signature nothing is sent."""
    receiver = Receiver()
    assert await deliver(webhook(receiver), secret=secret) == NotDelivered(
        retryable=False, detail="the signing secret is unusable"
    )
    assert not receiver.requests


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Delivered(200)),
        (202, Delivered(202)),
        (410, NotDelivered(retryable=False, gone=True, detail="HTTP 410")),
        *(
            (status, NotDelivered(retryable=True, detail=f"HTTP {status}"))
            for status in (301, 302, 307, 308, 400, 401, 404, 408, 429, 500, 502, 503, 504)
        ),
    ],
)
async def test_outcome_by_status(status: int, outcome: Delivered | NotDelivered) -> None:
    """F57: a redirect is not followed, 410 ends it, the rest is tried again."""
    receiver = Receiver(lambda _: httpx.Response(status, headers={"location": "https://10.0.0.1/"}))
    assert await deliver(webhook(receiver)) == outcome
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError(""), httpx.ConnectTimeout(""), httpx.ReadTimeout(""), httpx.RemoteProtocolError("")],
)
async def test_trouble_on_the_way_is_retryable(error: httpx.HTTPError) -> None:
    """F57: down, slow or broken is tried again; the same id makes a repeat harmless."""

    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    outcome = await deliver(webhook(Receiver(handle)))
    assert outcome == NotDelivered(retryable=True, detail=type(error).__name__)


async def test_connection_goes_to_the_address_that_was_checked() -> None:
    """S25: resolved once; name and certificate stay the workspace's, also in other scripts and ports."""
    receiver = Receiver()
    await deliver(webhook(receiver, "2606:4700::1111"), url="https://exämple.in:8443/a?b=c")
    (request,) = receiver.requests
    assert str(request.url) == "https://[2606:4700::1111]:8443/a?b=c"
    assert request.headers["host"] == "xn--exmple-cua.in:8443"
    assert request.extensions["sni_hostname"] == "xn--exmple-cua.in"
    assert request.headers["connection"] == "close"
    assert "cookie" not in request.headers


async def test_second_address_is_tried_when_the_first_cannot_be_connected() -> None:
    """Nothing was sent to the first one, so this is no second delivery."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "8.8.8.8":
            raise httpx.ConnectError("")
        return httpx.Response(200)

    receiver = Receiver(handle)
    assert await deliver(webhook(receiver, "8.8.8.8", "1.1.1.1")) == Delivered(200)
    assert [request.url.host for request in receiver.requests] == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "2002:0a00:0001::1",
        "2001:db8::1",
        "not an address",
    ],
)
async def test_private_address_is_refused(address: str) -> None:
    """S25, F57: whatever form it hides in; one among public ones is enough."""
    assert not is_public(address)
    receiver = Receiver()
    for addresses in ((address,), ("8.8.8.8", address)):
        outcome = await deliver(webhook(receiver, *addresses))
        assert outcome == NotDelivered(retryable=False, detail="not a public address")
    assert not receiver.requests


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_address_is_public(address: str) -> None:
    """S25: mapped and translated ones as well."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:pass@hooks.example/",
        "https://[::1",
        "https://hooks.example:99999/",
        "https://a\x00b/",
    ],
)
async def test_unusable_address_is_refused(url: str) -> None:
    """S25: https only, without a user name, and nothing that is no address."""
    receiver = Receiver()
    outcome = await deliver(webhook(receiver), url=url)
    assert isinstance(outcome, NotDelivered)
    assert not outcome.retryable
    assert not receiver.requests


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "unknown"), OSError("no network"), UnicodeError("too long")]
)
async def test_name_without_address_is_retryable(error: Exception) -> None:
    """Name servers fail too."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise error

    http = httpx.AsyncClient(transport=httpx.MockTransport(Receiver()))
    client = WorkspaceWebhook(http, allow_private=False, resolve=resolve)
    assert await deliver(client) == NotDelivered(retryable=True, detail="the name has no address")


async def test_development_may_call_this_machine() -> None:
    """`allow_private`: plain http and loopback, and nothing that is no web address even then."""
    receiver = Receiver()
    client = webhook(receiver, "127.0.0.1", allow_private=True)
    assert await deliver(client, url="http://127.0.0.1:8200/events/kapaskraft") == Delivered(204)
    assert isinstance(await deliver(client, url="ftp://127.0.0.1/"), NotDelivered)


async def test_literal_addresses_and_names_are_resolved_before_they_are_judged() -> None:
    """S25: what is judged is what the system's own resolver returns, not how the host is written."""
    receiver = Receiver()
    client = WorkspaceWebhook(httpx.AsyncClient(transport=httpx.MockTransport(receiver)), allow_private=False)
    for host in ("127.0.0.1", "[::1]", "localhost"):
        outcome = await deliver(client, url=f"https://{host}/")
        assert outcome == NotDelivered(retryable=False, detail="not a public address"), host
    assert not receiver.requests


@asynccontextmanager
async def serve(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve raw answers on a port of this machine."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


def certificate(directory: Path, name: str) -> Path:
    """Write a certificate for a name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """S25: the address is pinned, and yet the certificate has to be the name's."""
    path = certificate(tmp_path, "hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        heads.append(head)
        assert json.loads(body)["type"] == "case.resolved"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ("127.0.0.1",)

    trusting = ssl.create_default_context(cafile=path)
    async with serve(answer, context) as port, httpx.AsyncClient(verify=trusting, trust_env=False) as http:
        client = WorkspaceWebhook(http, allow_private=True, resolve=resolve)
        assert await deliver(client, url=f"https://hooks.example:{port}/x") == Delivered(200)
        outcome = await deliver(client, url=f"https://other.example:{port}/x")
    assert outcome == NotDelivered(retryable=True, detail="ConnectError")
    (head,) = heads
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert f"host: hooks.example:{port}".encode() in head.lower()


async def test_endless_answer_is_not_read() -> None:
    """S25: the status decides; a body of any size costs nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with serve(answer) as port, httpx.AsyncClient(trust_env=False) as http:
        client = WorkspaceWebhook(http, allow_private=True)
        async with asyncio.timeout(5):
            assert await deliver(client, url=f"http://127.0.0.1:{port}/") == Delivered(200)
