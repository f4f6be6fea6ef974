"""The container setup agrees with the program: checked as far as that is possible without a container engine."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
ENV_EXAMPLE = ROOT / ".env.example"
OPTIONS = ROOT / "workflows" / "options.py"

SETUP: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = SETUP["services"]
ONE_SHOTS = {"temporal-schema", "temporal-namespace", "migrations"}
OURS = ("migrations", "api", "worker")
SETTINGS = {name.upper() for name in Settings.model_fields}

each_service = pytest.mark.parametrize("name", list(SERVICES))


def module_file(module: str) -> Path | None:
    """Find what `python -m` or an import of that name would run."""
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__main__.py", path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def test_every_part_of_the_deployment_is_there() -> None:
    """Database, Temporal with its two jobs and its pages, and our three programs; the stand-ins on demand only."""
    assert set(SERVICES) >= {"postgres", "temporal", "temporal-ui", "api", "worker"} | ONE_SHOTS
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {
        "gupshup-simulator",
        "order-system-simulator",
    }


@each_service
def test_dependency_exists_and_waits_for_the_right_thing(name: str) -> None:
    """A job is waited for until it has succeeded, a server until it is healthy."""
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert needed in SERVICES
        expected = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
        assert how == {"condition": expected}


def test_callbacks_do_not_wait_for_temporal() -> None:
    """I1: a callback needs PostgreSQL alone, so the API starts while Temporal is down."""
    reached, waiting = set[str](), ["api"]
    while waiting:
        for needed in SERVICES[waiting.pop()].get("depends_on", {}):
            reached.add(needed)
            waiting.append(needed)
    assert reached == {"migrations", "postgres"}


@each_service
def test_image_is_pinned_to_a_patch_version(name: str) -> None:
    """No floating tag, and not the image that sets a server up by itself."""
    image: str = SERVICES[name]["image"]
    assert re.fullmatch(r"[a-z0-9./-]+:\d+(\.\d+)+", image), image
    assert "auto-setup" not in image


def test_our_images_carry_the_version_of_the_project() -> None:
    """A release changes both."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = {service["image"].rpartition(":")[2] for service in SERVICES.values() if "build" in service}
    assert ours == {version}


def test_temporal_and_its_tools_are_of_one_version() -> None:
    """The schema must be the server's own."""
    versions = {
        SERVICES[name]["image"].rpartition(":")[2]
        for name in ("temporal", "temporal-schema", "temporal-namespace")
    }
    assert len(versions) == 1


@each_service
def test_published_port_is_loopback_only(name: str) -> None:
    """Nothing is reachable from outside the machine but through the proxy in front."""
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port


def test_databases_and_temporal_have_no_way_out() -> None:
    """They have no login fit for an open network."""
    assert SETUP["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "temporal"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


@each_service
def test_server_has_a_health_check_and_comes_back(name: str) -> None:
    """Everything that keeps running says how it is; what is not a stand-in starts again after a crash."""
    service = SERVICES[name]
    if name in ONE_SHOTS:
        assert "healthcheck" not in service
        assert "restart" not in service
        return
    assert service["healthcheck"]["test"]
    assert "profiles" in service or service["restart"] == "unless-stopped"


def test_health_route_of_the_api_exists() -> None:
    """The check asks for an address that the API serves."""
    [address] = re.findall(
        r"http://127\.0\.0\.1:8000(/[^']*)", " ".join(SERVICES["api"]["healthcheck"]["test"])
    )
    sources = [path.read_text() for path in (ROOT / "api").rglob("*.py")]
    assert any(f'"{address}"' in source for source in sources), f"no route {address} in api/"


@each_service
def test_command_names_what_exists(name: str) -> None:
    """Each command of ours refers to a module, a factory or a file of this repository."""
    command: list[str] = SERVICES[name].get("command", [])
    match command:
        case ["uvicorn", "--factory", target, *_]:
            module, _, factory = target.partition(":")
            found = module_file(module)
            assert found is not None, f"{module} is missing"
            assert re.search(rf"^(async )?def {factory}\(", found.read_text(), re.MULTILINE)
        case ["python", "-m", module, *_]:
            package = module_file(module)
            assert package is not None, f"{module} is missing"
            assert "__main__" in package.read_text() or package.name == "__main__.py"
        case ["python", script]:
            assert (ROOT / script).is_file(), f"{script} is missing"
        case ["alembic", *_]:
            assert "alembic" in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
        case _:
            assert name not in OURS


@each_service
def test_mounted_file_exists(name: str) -> None:
    """Each script, configuration and folder that is mounted is in the repository."""
    service = SERVICES[name]
    mounts = {
        target: ROOT / source
        for source, target, *_ in (volume.split(":") for volume in service.get("volumes", []))
        if source.startswith("./")
    }
    assert all(source.is_dir() for source in mounts.values())
    arguments = [*service.get("entrypoint", []), *service.get("command", [])]
    arguments += [str(value) for value in service.get("environment", {}).values()]
    for argument in arguments:
        for target, source in mounts.items():
            if argument.startswith(f"{target}/"):
                assert (source / argument.removeprefix(f"{target}/")).is_file(), argument


def test_every_variable_is_in_the_example() -> None:
    """Whoever copies the example finds each value that the setup asks for."""
    assert ENV_EXAMPLE.is_file(), f"{ENV_EXAMPLE.name} is missing"
    example = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", ENV_EXAMPLE.read_text(), re.MULTILINE))
    asked = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", COMPOSE.read_text()))
    assert asked - example == set()


def test_missing_value_stops_the_start() -> None:
    """No variable has a default, least of all a password; some may be empty, and none may be left out."""
    text = COMPOSE.read_text()
    assert re.findall(r"\$\{[^}]*\}", text) == re.findall(r"\$\{[A-Z][A-Z0-9_]*:?\?\}", text)
    assert set(re.findall(r"\$\{(\w+)\?\}", text)) == {
        "ALLOWED_CALLBACK_ADDRESSES",
        "FORWARDED_HEADER",
        "OIDC_ISSUER",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
        "OIDC_NAME",
    }


def test_worker_gets_more_time_to_end_than_it_takes() -> None:
    """Calls under way finish within the worker's own grace; then it still has to close."""
    found = re.search(
        r"graceful_shutdown_timeout=timedelta\(seconds=(\d+)\)", (ROOT / "worker.py").read_text()
    )
    assert found is not None
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) >= 2 * int(found.group(1))


def test_temporal_ui_is_one_origin_with_its_codec() -> None:
    """S18: one login covers both, and the example of a proxy adds the token that the UI cannot send."""
    environment = SERVICES["temporal-ui"]["environment"]
    assert environment["TEMPORAL_CODEC_ENDPOINT"] == "${CODEC_ORIGIN:?}/codec"
    assert environment["TEMPORAL_CORS_ORIGINS"] == SERVICES["api"]["environment"]["CODEC_ORIGIN"]
    proxy = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
    assert "X-Codec-Token" in proxy
    published = {
        port.rpartition(":")[0] for name in ("api", "temporal-ui") for port in SERVICES[name]["ports"]
    }
    assert set(re.findall(r"proxy_pass http://([^;]+);", proxy)) == published


def test_secret_is_never_written_out() -> None:
    """Everything named like a secret is a variable."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|KEY|TOKEN|SECRET", name):
                assert re.fullmatch(r"\$\{[A-Z0-9_]+:?\?\}", value), name


@pytest.mark.parametrize("name", OURS)
def test_our_programs_get_every_setting(name: str) -> None:
    """The settings are one class: each program gets all of them."""
    assert set(SERVICES[name]["environment"]) == SETTINGS


@pytest.mark.parametrize("name", [*OURS, "gupshup-simulator", "order-system-simulator"])
def test_our_containers_are_hardened(name: str) -> None:
    """No capability, no new privilege, nothing writable but a temporary folder."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_search_attributes_are_those_of_the_workflows() -> None:
    """An attribute that is not registered makes the server refuse every start."""
    found = re.search(r"^SEARCH_ATTRIBUTES\b[^=]*= \(([^)]*)\)", OPTIONS.read_text(), re.MULTILINE)
    assert found is not None, "workflows/options.py names no SEARCH_ATTRIBUTES"
    named = re.findall(r'"(\w+)"', found.group(1))
    assert SERVICES["temporal-namespace"]["environment"]["SEARCH_ATTRIBUTES"].split() == named


def test_access_log_is_off() -> None:
    """I12: the addresses of callbacks carry their secret."""
    assert "--no-access-log" in SERVICES["api"]["command"]


def test_connections_fit_the_database() -> None:
    """Four services of Temporal with 20 + 10 connections each, and room for ours."""
    [limit] = [part for part in SERVICES["postgres"]["command"] if part.startswith("max_connections=")]
    assert int(limit.partition("=")[2]) >= 4 * (20 + 10) + 100


def test_image_is_built_from_locked_wheels_and_runs_without_root() -> None:
    """Hashes are required, bases are pinned, every final stage ends as a numbered user."""
    text = DOCKERFILE.read_text()
    assert "--require-hashes" in text
    assert "requirements.lock" in text
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    names = [re.match(r"\S+ AS (\w+)", stage) for stage in stages]
    known = {match.group(1) for match in names if match}
    for stage in stages:
        base = stage.split()[0]
        assert base in known or re.search(r":\d+\.\d+\.\d+", base), base
    for stage in stages:
        if not stage.split()[2].startswith("dependencies"):
            assert re.findall(r"^USER (\S+)", stage, re.MULTILINE)[-1] == "10001:10001"


def test_everything_the_image_copies_exists_and_passes_the_ignore_file() -> None:
    """A new package that nobody copied would be missing in production only."""
    allowed = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = set[str]()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(), re.MULTILINE):
        copied.update(source.removeprefix("./") for source in line.split()[:-1])
    assert copied == allowed
    assert [source for source in sorted(copied) if not (ROOT / source).exists()] == []
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(contracts["root_packages"]) <= copied


def test_database_script_is_executable() -> None:
    """The image would otherwise source it, and its strict settings would leak into the image's own start."""
    assert os.access(ROOT / "deploy" / "postgres" / "create-databases.sh", os.X_OK)


def test_shell_script_is_well_formed() -> None:
    """Scripts that run in containers parse, and stop at the first error."""
    for script in (ROOT / "deploy").rglob("*.sh"):
        shell = shutil.which("bash" if "bash" in script.read_text().partition("\n")[0] else "sh")
        assert shell is not None
        subprocess.run([shell, "-n", str(script)], check=True)  # noqa: S603
        assert re.search(r"^set -eu", script.read_text(), re.MULTILINE), script.name


def test_docker_itself_accepts_the_file() -> None:
    """Where the compose client is installed, it reads the file; an engine is not needed for that."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("no docker client here")
    compose = [docker, "compose"]
    if subprocess.run([*compose, "version"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("no docker compose plug-in here")
    asked = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", COMPOSE.read_text()))
    command = [*compose, "--file", str(COMPOSE), "--profile", "simulators", "config", "--quiet"]
    subprocess.run(command, check=True, env=os.environ | dict.fromkeys(asked, "x"), cwd=ROOT)  # noqa: S603


def test_temporal_lets_activities_run_on_their_own() -> None:
    """R5.1 journey: messages about the journey have no workflow; a server that refuses them would send none."""
    deployed = yaml.safe_load((ROOT / "deploy" / "temporal" / "dynamic.yaml").read_text())
    assert deployed["activity.enableStandalone"] == [{"value": True}]
