"""The whole system on one machine: PostgreSQL, Temporal, both stand-ins, the API and the worker, all from packages.

What the environment names (`GUPSHUP_BASE_URL`, `ESHOPBOX_BASE_URL`, `ESHOPBOX_AUTH_URL`, `DATABASE_URL`,
`TEMPORAL_ADDRESS`) replaces the embedded part of that name.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from bootstrap.resources import cipher_of, clock_of
from bootstrap.settings import Settings
from bootstrap.temporal import register_search_attributes
from db.migrate import upgrade
from db.session import Database
from domain.timing import Policy
from ops.embedded import PostgresFailed, start_postgres, stop_postgres
from ops.processes import Child, Processes, answers, free_port, listens
from ops.seed import (
    LABELS,
    NO_QUIET_HOURS,
    SECRET_HEADER,
    Seed,
    gupshup_simulator,
    load,
    order_system_simulator,
    plant,
)
from ops.spare_apps import SPARE_APPS
from workflows.client import SEARCH_ATTRIBUTES

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
"""Where `make up` keeps `stack.json`, while it runs, and all that the stack itself keeps."""
BINARIES = Path(sys.executable).parent

PEOPLE = [
    {"phone": "919999900001", "name": "Asha Rao"},
    {"phone": "919999900002", "name": "Vikram Iyer"},
    {"phone": "919999900003", "name": "Meera Nair"},
    {"phone": "919999900004", "name": "Kabir Shah"},
    {"phone": "919999900005", "name": "Sunita Devi"},
    {"phone": "919999900006", "name": "Farah Khan"},
]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where things listen on the loopback interface."""

    api: int
    gupshup: int
    order_system: int
    temporal: int
    temporal_ui: int
    postgres: int

    @classmethod
    def usual(cls) -> "Ports":
        """Return the usual ports where they are free, else others."""
        return cls(*(free_port(port) for port in (8000, 8100, 8200, 7233, 8233, 54320)))

    @classmethod
    def any(cls) -> "Ports":
        """Return free ports."""
        return cls(*(free_port() for _ in range(6)))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each part is reached."""

    api: str
    gupshup: str
    order_system: str
    order_system_auth: str
    temporal: str
    temporal_ui: str
    database: str
    phone: str
    has_gupshup_simulator: bool
    has_order_system_simulator: bool


class Stack:
    """The running system; use as an asynchronous context manager.

    Args:
        directory: Where its data, its secrets and its logs are kept.
        ports: Where its parts listen.
        say: Told of what dies and is started again.
        replaced: What replaces embedded parts.
        people: The customers whose phones there are.
        policy: What the seeded workspaces chose.
    """

    def __init__(
        self,
        directory: Path,
        ports: Ports,
        *,
        say: Callable[[str], None],
        replaced: Mapping[str, str] = os.environ,
        people: list[dict[str, str]] = PEOPLE,
        policy: Policy = NO_QUIET_HOURS,
    ) -> None:
        self.directory = directory
        self._ports = ports
        self._say = say
        self._replaced = replaced
        self._people = people
        self._policy = policy
        self.processes = Processes(directory / "log", say)
        self.seed: Seed = load(directory / "secrets.json")
        self.addresses = self._addresses()
        self._postgres_watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start everything, in order."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        await self._stop()

    async def _stop(self) -> None:
        await self.processes.stop()
        if self._postgres_watch is not None:
            self._postgres_watch.cancel()
            await asyncio.gather(self._postgres_watch, return_exceptions=True)
            await asyncio.to_thread(stop_postgres, self.directory / "postgres")

    def _start_postgres(self) -> str:
        return start_postgres(self.directory / "postgres", port=self._ports.postgres)

    async def _watch_postgres(self) -> None:
        """Start PostgreSQL again when it dies; it goes its own way, so it is no child of ours."""
        is_there = listens(self._ports.postgres)
        while True:
            await asyncio.sleep(1.0)
            if not await is_there():
                self._say("postgres does not answer; it is started again")
                try:
                    await asyncio.to_thread(self._start_postgres)
                except PostgresFailed as error:  # its last processes may still be ending
                    self._say(str(error))

    def as_json(self) -> dict[str, Any]:
        """Return the addresses and test credentials that `var/stack.json` documents."""
        at = self.addresses
        return {
            "api": at.api,
            "portal": at.api,
            "phone": at.phone,
            "temporal": at.temporal,
            "temporal_ui": at.temporal_ui,
            "database": at.database,
            "gupshup": at.gupshup,
            "order_system": at.order_system,
            "workspaces": [self._workspace_json(workspace.slug) for workspace in self.seed.workspaces],
            "newcomer": self._newcomer_json(),
            "people": [
                {
                    "workspace": person.workspace,
                    "email": person.email,
                    "password": person.password,
                    "role": person.role,
                    "totp_secret": person.totp_secret,
                }
                for person in self.seed.people
            ],
        }

    def write_json(self, path: Path) -> None:
        """Write `as_json` to a file that only its owner can read, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(self.as_json(), indent=2) + "\n")
        fresh.replace(path)

    def _newcomer_json(self) -> dict[str, Any]:
        """Return the workspace that has installed nothing, and the apps at the stand-in that it can connect."""
        newcomer = self.seed.newcomer
        return {
            "slug": newcomer.slug,
            "name": newcomer.name,
            "api_key": newcomer.api_key,
            "order_webhook": {
                "url": f"{self.addresses.api}/webhooks/orders/{newcomer.slug}",
                "headers": {SECRET_HEADER: newcomer.webhook_secret},
            },
            "event_secret": newcomer.event_secret,
            "gupshup_apps": [
                {
                    "app_id": app.id,
                    "app_name": app.name,
                    "api_key": app.api_key,
                    "phone": f"+{app.phone}",
                    "is_live": app.is_live,
                    "templates": {template.name: template.id for template in app.templates},
                }
                for app in SPARE_APPS
            ],
        }

    def _workspace_json(self, slug: str) -> dict[str, Any]:
        workspace = next(one for one in self.seed.workspaces if one.slug == slug)
        account = self.seed.account_of(workspace)
        api = self.addresses.api
        return {
            "slug": slug,
            "name": workspace.name,
            "api_key": workspace.api_key,
            "order_webhook": {
                "url": f"{api}/webhooks/orders/{slug}",
                "headers": {SECRET_HEADER: workspace.webhook_secret},
            },
            "gupshup_webhook": {
                "url": f"{api}/webhooks/gupshup/{account.webhook_token}",
                "headers": {SECRET_HEADER: account.header_secret},
            },
            "event_secret": workspace.event_secret,
            "account": account.owner,
            "app_name": account.app_name,
            "app_id": account.app_id,
            "sender_phone": account.phone,
            "gupshup_api_key": account.api_key,
            "failed_delivery_template": {"id": account.template_id, "buttons": list(LABELS)},
        }

    def _addresses(self) -> Addresses:
        own_gupshup = self._replaced.get("GUPSHUP_BASE_URL", "").rstrip("/")
        own_orders = self._replaced.get("ESHOPBOX_BASE_URL", "").rstrip("/")
        own_auth = self._replaced.get("ESHOPBOX_AUTH_URL", "").rstrip("/")
        gupshup = own_gupshup or f"http://127.0.0.1:{self._ports.gupshup}"
        simulator = f"http://127.0.0.1:{self._ports.order_system}"
        return Addresses(
            api=f"http://127.0.0.1:{self._ports.api}",
            gupshup=gupshup,
            order_system=own_orders or simulator,
            order_system_auth=own_auth or simulator,
            temporal=self._replaced.get("TEMPORAL_ADDRESS") or f"127.0.0.1:{self._ports.temporal}",
            temporal_ui=""
            if self._replaced.get("TEMPORAL_ADDRESS")
            else f"http://127.0.0.1:{self._ports.temporal_ui}",
            database=self._replaced.get("DATABASE_URL", ""),
            phone="" if own_gupshup else f"{gupshup}/phone",
            has_gupshup_simulator=not own_gupshup,
            has_order_system_simulator=not (own_orders and own_auth),
        )

    async def _start(self) -> None:
        at = self.addresses
        starting: list[Awaitable[object]] = [self._start_simulators()]
        if not self._replaced.get("TEMPORAL_ADDRESS"):
            starting.append(self._start_temporal())
        starting.append(self._prepare_database())
        await asyncio.gather(*starting)
        at = self.addresses
        settings = Settings(_env_file=None, **self._as_settings())  # type: ignore[call-arg, arg-type]
        await self._prepare_temporal(settings)
        environment = self._environment()
        api = Child(
            "api",
            (
                sys.executable, "-m", "uvicorn", "--factory", "api.app:create_app", "--host", "127.0.0.1",
                "--port", str(self._ports.api), "--no-access-log", "--loop", "uvloop", "--http", "httptools",
                "--timeout-graceful-shutdown", "10",
            ),
            answers(f"{at.api}/healthz"),
            environment,
        )  # fmt: skip
        worker_port = free_port()
        worker = Child(
            "worker",
            (sys.executable, "worker.py"),
            answers(f"http://127.0.0.1:{worker_port}/metrics"),
            {**environment, "METRICS_PORT": str(worker_port)},
        )
        await asyncio.gather(self.processes.start(api), self.processes.start(worker))

    async def _prepare_database(self) -> None:
        if not self.addresses.database:
            url = await asyncio.to_thread(self._start_postgres)
            self.addresses = replace(self.addresses, database=url)
            # One that was left running keeps the port it was started with.
            self._ports = replace(self._ports, postgres=urlsplit(url).port or self._ports.postgres)
            self._postgres_watch = asyncio.create_task(self._watch_postgres())
        await asyncio.to_thread(upgrade, self.addresses.database)
        settings = Settings(_env_file=None, **self._as_settings())  # type: ignore[call-arg, arg-type]
        database = Database(self.addresses.database, pool_size=2, name="seed")
        at = self.addresses
        simulator = f"{at.order_system}/events" if at.has_order_system_simulator else None
        events_url = self._replaced.get("EVENTS_URL", "").rstrip("/") or simulator
        try:
            await plant(
                database,
                cipher_of(settings),
                self.seed,
                events_url=events_url,
                now=clock_of(settings)(),
                policy=self._policy,
            )
        finally:
            await database.dispose()

    async def _start_simulators(self) -> None:
        at = self.addresses
        if at.has_gupshup_simulator:
            config = gupshup_simulator(
                self.seed, webhook_base=at.api, order_system_url=at.order_system, people=self._people
            )
            await self._start_simulator("gupshup", self._ports.gupshup, config)
        if at.has_order_system_simulator:
            config = order_system_simulator(self.seed, webhook_base=at.api, people=self._people)
            await self._start_simulator("order-system", self._ports.order_system, config)

    async def _start_simulator(self, name: str, port: int, config: object) -> None:
        module = {"gupshup": "simulators.gupshup", "order-system": "simulators.carriers"}[name]
        path = self.directory / f"{name}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
        command = (
            sys.executable,
            "-m",
            module,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--config",
            str(path),
            *self._simulator_arguments(name),
        )
        await self.processes.start(Child(name, command, answers(f"http://127.0.0.1:{port}/healthz")))

    def _simulator_arguments(self, name: str) -> tuple[str, ...]:  # noqa: ARG002 - for stacks of another kind
        """Return what a stand-in is told beyond the usual."""
        return ()

    async def _start_temporal(self) -> None:
        attributes = [f"--search-attribute={name}=Keyword" for name in SEARCH_ATTRIBUTES]
        command = (
            str(BINARIES / "temporal"), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._ports.temporal),
            "--ui-port", str(self._ports.temporal_ui), "--db-filename", str(self.directory / "temporal.db"),
            # A killed server loses nothing with these, and is two to three times as fast.
            "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal",
            "--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
            "--dynamic-config-value", 'history.workflowTaskRetryMaxInterval="5s"',
            "--ui-codec-endpoint", f"{self.addresses.api}/codec", "--log-level", "warn", *attributes,
        )  # fmt: skip
        await self.processes.start(Child("temporal", command, listens(self._ports.temporal)))

    async def _prepare_temporal(self, settings: Settings) -> None:
        await register_search_attributes(settings, SEARCH_ATTRIBUTES)

    def _environment(self) -> Mapping[str, str]:
        """Return what our own programs are told."""
        return {name.upper(): str(value) for name, value in self._as_settings().items()}

    def _as_settings(self) -> dict[str, object]:
        at = self.addresses
        return {
            "environment": "development",
            "database_url": at.database,
            "temporal_address": at.temporal,
            "gupshup_base_url": at.gupshup,
            "eshopbox_base_url": at.order_system,
            "eshopbox_auth_url": at.order_system_auth,
            "public_base_url": at.api,
            "codec_origin": at.temporal_ui,
            "allow_private_event_urls": "true",
            "sweep_seconds": "0.5",
            **{name.lower(): value for name, value in self.seed.environment.items()},
        }
