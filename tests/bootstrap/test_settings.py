"""Settings that only make sense together."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from bootstrap.settings import Settings

_KEY = base64.b64encode(bytes(32)).decode()
_PROVIDER = {
    "oidc_issuer": "https://id.example.com",
    "oidc_client_id": "rescue",
    "oidc_client_secret": "secret",
    "oidc_name": "Example ID",
}


def _settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "_env_file": None,
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "master_keys": f"k:{_KEY}",
        "hash_key": _KEY,
        "payload_keys": f"k:{_KEY}",
    }
    return Settings(**(values | changes))


@pytest.mark.parametrize("missing", _PROVIDER)
def test_identity_provider_is_set_up_whole_or_not_at_all(missing: str) -> None:
    """Half of one would be a link that leads nowhere."""
    assert _settings(**_PROVIDER).oidc_name == "Example ID"
    with pytest.raises(ValidationError, match="come together"):
        _settings(**(_PROVIDER | {missing: ""}))


def test_production_talks_to_its_identity_provider_by_https() -> None:
    """S29: codes and tokens travel there."""
    safe = {
        "environment": "production",
        "public_base_url": "https://rescue.example.com",
        "codec_token": "t",
        "metrics_token": "t",
    }
    assert _settings(**safe, **_PROVIDER).oidc_issuer == "https://id.example.com"
    with pytest.raises(ValidationError, match="https only"):
        _settings(**safe, **(_PROVIDER | {"oidc_issuer": "http://id.example.com"}))
