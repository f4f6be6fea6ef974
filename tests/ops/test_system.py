"""Which system the programs work on: that of the environment, else the stack that runs here."""

import base64
import json
from pathlib import Path

import pytest

from ops.system import Stop, settings_here

_KEY = base64.b64encode(bytes(32)).decode()
_KEYS = {"MASTER_KEYS": f"k1:{_KEY}", "HASH_KEY": _KEY, "PAYLOAD_KEYS": f"p1:{_KEY}"}
_STACK = {
    "database": "postgresql://stack@127.0.0.1:54320/postgres",
    "temporal": "127.0.0.1:7299",
    "gupshup": "http://127.0.0.1:8100",
    "order_system": "http://127.0.0.1:8200",
}


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a stack, and an environment that names nothing."""
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", *_KEYS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "var"


def _run_stack(var: Path) -> None:
    (var / "stack").mkdir(parents=True)
    (var / "stack.json").write_text(json.dumps(_STACK))
    (var / "stack" / "secrets.json").write_text(json.dumps({"environment": _KEYS}))


def test_stack_that_runs_here_needs_no_settings(var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its addresses and keys are taken from where it keeps them, and it is said which system this is."""
    _run_stack(var)
    settings = settings_here(var)
    assert settings.database_url.get_secret_value() == _STACK["database"]
    assert settings.temporal_address == _STACK["temporal"]
    assert settings.payload_keys.get_secret_value() == _KEYS["PAYLOAD_KEYS"]
    printed = capsys.readouterr()
    assert "make up" in printed.err
    assert _KEY not in printed.err + printed.out


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_what_is_named_goes_before_the_stack(var: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Somebody who names a database means it."""
    _run_stack(var)
    named = {"DATABASE_URL": "postgresql://named@127.0.0.1/rescue", **_KEYS}
    if where == ".env":
        Path(".env").write_text("".join(f"{name}={value}\n" for name, value in named.items()))
    else:
        for name, value in named.items():
            monkeypatch.setenv(name, value)
    assert settings_here(var).database_url.get_secret_value() == named["DATABASE_URL"]


def test_half_a_configuration_is_not_mended_with_the_stacks(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys of one system open nothing of another; the settings are named, their values are not."""
    _run_stack(var)
    monkeypatch.setenv("DATABASE_URL", "postgresql://named@127.0.0.1/rescue")
    monkeypatch.setenv("HASH_KEY", "s3cret")
    with pytest.raises(Stop, match="HASH_KEY, MASTER_KEYS, PAYLOAD_KEYS") as stopped:
        settings_here(var)
    assert "s3cret" not in str(stopped.value)
    assert stopped.value.code == 2


def test_nothing_to_work_on_is_told(var: Path) -> None:
    """With both ways out."""
    with pytest.raises(Stop, match=r"DATABASE_URL, .*make up"):
        settings_here(var)
