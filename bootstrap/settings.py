"""All settings, read once from the environment (or `.env`); production refuses what is unsafe (S29)."""

import base64
import binascii
import ipaddress
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_KEY_BYTES = 32


class Settings(BaseSettings):
    """What the programs are told from outside.

    Attributes:
        environment: `production` refuses plain http, missing keys and an open codec.
        database_url: PostgreSQL, `postgresql://user:password@host:port/name`.
        temporal_address: Host and port of Temporal's frontend.
        temporal_namespace: Namespace of our runs.
        gupshup_base_url: Gupshup's self-serve API.
        eshopbox_base_url: The order system's API.
        eshopbox_auth_url: Where the order system's tokens come from.
        eshopbox_tracking_method: Its documentation says POST, an SDK of its community GET.
        public_base_url: Where Gupshup and the order system reach our webhooks.
        master_keys: `id:base64` pairs of 32 bytes, the current one first; encrypt what is at rest (S16, S17).
        hash_key: Base64 of 32 bytes; keys the hashes by which phones are found (S17).
        payload_keys: `id:base64` pairs; encrypt what Temporal keeps (S18).
        codec_token: What Temporal UI's codec requests must carry; without it the codec is open, in development only.
        codec_origin: The origin of Temporal UI, as the browser sees it.
        metrics_token: What a request for the API's figures must carry as a bearer; without it they are open, outside
            production only.
        allowed_callback_addresses: Networks that callbacks may come from, with commas between; empty for all (S2).
        forwarded_header: The one header in which our proxy names the caller's address, and which it overwrites; empty
            where no proxy stands in front: then the address of the connection counts (S2).
        log_level: Least level that is logged.
        metrics_port: The worker's Prometheus port; 0 for none.
        callback_limit_per_second: Callbacks that one app account may post a second (S26); most sellers share one account,
            whose bursts on a sale day are genuine.
        api_limit_per_second: Requests that one API key may make a second (S26).
        oidc_issuer: The identity provider that people may sign in at as well, as it names itself; empty for none. With it
            come all four of its settings, and people who are known here by their address there.
        oidc_client_id: What the provider knows us as.
        oidc_client_secret: What proves to the provider that it is us.
        oidc_name: What the sign-in page calls it.
        sign_ins_per_minute: How often one network address may try to sign in (S26).
        sweep_seconds: Pause between two sweeps of what was left over.
        statement_days: How many days after its end a month's statement is closed.
        reconciled_after_hours: How long Gupshup may take to bill a message before it counts as not billed.
        allow_private_event_urls: Whether a workspace's event URL may be private or plain http; development only.
        clock_file: Holds the seconds by which all clocks are ahead, for `python -m ops rehearse`; development only.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    environment: Literal["development", "test", "production"] = "development"
    database_url: SecretStr
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    gupshup_base_url: str = "https://api.gupshup.io"
    eshopbox_base_url: str = "https://wms.eshopbox.com"
    eshopbox_auth_url: str = "https://auth.myeshopbox.com"
    eshopbox_tracking_method: Literal["GET", "POST"] = "POST"
    public_base_url: str = "http://127.0.0.1:8000"
    master_keys: SecretStr
    hash_key: SecretStr
    payload_keys: SecretStr
    codec_token: SecretStr = SecretStr("")
    codec_origin: str = "http://127.0.0.1:8233"
    metrics_token: SecretStr = SecretStr("")
    allowed_callback_addresses: str = ""
    forwarded_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    callback_limit_per_second: int = Field(default=1000, ge=1)
    api_limit_per_second: int = Field(default=50, ge=1)
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_name: str = ""
    sign_ins_per_minute: int = Field(default=10, ge=1)
    sweep_seconds: float = Field(default=2.0, gt=0)
    statement_days: int = Field(default=5, ge=1, le=27)
    reconciled_after_hours: int = Field(default=48, ge=1, le=720)
    allow_private_event_urls: bool = False
    clock_file: str = ""

    @field_validator("gupshup_base_url", "eshopbox_base_url", "eshopbox_auth_url", "public_base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        # Kept as written: tokens name it letter by letter.
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("master_keys", "payload_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        named_keys(value)
        return value

    @field_validator("hash_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        plain_key(value)
        return value

    @field_validator("allowed_callback_addresses")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        given = (
            self.oidc_issuer,
            self.oidc_client_id,
            self.oidc_client_secret.get_secret_value(),
            self.oidc_name,
        )
        if any(given) and not all(given):
            raise ValueError("OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and OIDC_NAME come together")
        return self

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.environment != "production":
            return self
        urls = (self.gupshup_base_url, self.eshopbox_base_url, self.eshopbox_auth_url, self.public_base_url)
        if any(not url.startswith("https://") for url in (*urls, self.oidc_issuer or "https://")):
            raise ValueError("production talks https only")
        if not self.codec_token.get_secret_value():
            raise ValueError("production needs CODEC_TOKEN: an open codec would show customers' data")
        if not self.metrics_token.get_secret_value():
            raise ValueError("production needs METRICS_TOKEN: figures are not public")
        if self.allow_private_event_urls:
            raise ValueError("production does not post events to private addresses")
        if self.clock_file:
            raise ValueError("production has no clock but the real one")
        return self


def networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the networks of a list with commas between; a single address is a network of one.

    Raises:
        ValueError: One is no network.
    """
    return tuple(
        ipaddress.ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip()
    )


def named_keys(value: SecretStr) -> dict[str, bytes]:
    """Return keys by their id, in the order given.

    Raises:
        ValueError: A pair is not `id:base64` of 32 bytes.
    """
    keys: dict[str, bytes] = {}
    for pair in filter(None, value.get_secret_value().split(",")):
        name, _, encoded = pair.strip().partition(":")
        if not name or not encoded:
            raise ValueError("each key is written id:base64")
        keys[name] = plain_key(SecretStr(encoded))
    if not keys:
        raise ValueError("at least one key is needed, written id:base64")
    return keys


def plain_key(value: SecretStr) -> bytes:
    """Return a key's bytes.

    Raises:
        ValueError: It is not base64 of 32 bytes.
    """
    try:
        key = base64.b64decode(value.get_secret_value(), validate=True)
    except binascii.Error as error:
        raise ValueError("a key is base64") from error
    if len(key) != _KEY_BYTES:
        raise ValueError(f"a key has {_KEY_BYTES} bytes, this one {len(key)}")
    return key
