"""The program's structure: what must be complete, is."""

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from temporalio import activity, workflow

import activities
import worker
import workflows
from api.metrics import Metrics
from bootstrap.resources import Resources
from bootstrap.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]


def _modules(package: ModuleType) -> list[ModuleType]:
    return [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]


def test_every_workflow_is_registered() -> None:
    """A workflow that no worker runs would hang for ever."""
    defined = {
        value
        for module in _modules(workflows)
        for value in vars(module).values()
        if isinstance(value, type) and workflow._Definition.from_class(value)
    }
    assert defined == set(worker.WORKFLOWS)


def test_every_activity_is_registered() -> None:
    """An activity that no worker runs would be retried for ever."""
    defined = {
        definition.name
        for module in _modules(activities)
        for value in vars(module).values()
        if isinstance(value, type)
        for method in vars(value).values()
        if callable(method) and (definition := activity._Definition.from_callable(method))
    }
    nothing = cast("Resources", _Anything())
    registered = {activity._Definition.must_from_callable(one).name for one in worker.activities_of(nothing)}
    assert defined == registered


class _Anything:
    def __getattr__(self, name: str) -> object:
        return _Anything()


def test_every_setting_is_in_the_example() -> None:
    """`.env.example` names all settings and nothing that is none, but for the compose file's own."""
    named = set(re.findall(r"^([A-Z_]+)=", (_ROOT / ".env.example").read_text(), re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields}
    assert settings <= named
    assert named - settings == {"POSTGRES_PASSWORD", "DATABASE_PASSWORD", "TEMPORAL_DB_PASSWORD"}


def test_every_figure_of_the_runbook_exists() -> None:
    """Whoever looks for it in an alert at night finds it."""
    named = re.findall(
        r"`([a-z_]+)(?:\{[^}]*\})?` in `/metrics`", (_ROOT / "docs" / "runbook.md").read_text()
    )
    assert named
    known = re.findall(r"^# TYPE (\S+)", Metrics().text().decode(), re.MULTILINE)
    assert set(named) <= set(known)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_pins_with_hashes_and_names_no_host(lock: str) -> None:
    """Every requirement has a version and a hash; no address stands in a lock."""
    text = (_ROOT / lock).read_text()
    assert "://" not in text
    pins = re.findall(r"^([a-z0-9][^\s=]*)==\S+.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert pins
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if block.strip())
