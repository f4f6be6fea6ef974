"""Connections and transactions: one engine per purpose, one transaction per request, activity or callback.

DatabaseTrouble
├── DatabaseUnavailable   refused, cut, read-only, out of connections or space: nothing is known to be done
└── TryAgain              deadlock, serialization failure, lock time-out, lost race: the whole transaction again
NotFound                  a row that the caller relies on is not there
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import event, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

__all__ = [
    "Database",
    "DatabaseTrouble",
    "DatabaseUnavailable",
    "NotFound",
    "Session",
    "TryAgain",
    "asyncpg_url",
]

Session = AsyncSession

ALL_WORKSPACES = "rescue_all_workspaces"
"""The role of intake and workers: reads and writes rows, owns nothing, acts for every workspace."""

ONE_WORKSPACE = "rescue_one_workspace"
"""The role of a transaction that acts for one workspace: row-level security hides the others (S13)."""

# Both end with the transaction: a pooled connection carries nothing over.
_CONFINE = text("SELECT set_config('app.workspace_id', :workspace_id, true), set_config('role', :role, true)")

_T = TypeVar("_T")

_UNAVAILABLE = frozenset(
    {
        "25006",  # read-only: a standby that is being promoted
        "53100",  # disk full
        "53300",  # too many connections
        "57014",  # statement time-out
        "57P01",  # shut down by an administrator
        "57P02",  # crashed
        "57P03",  # cannot connect now
        "57P05",  # idle for too long
        "58030",  # input or output error
    }
)
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03"})
_CONNECTION_CLASS = "08"


class DatabaseTrouble(Exception):
    """PostgreSQL could not do what was asked; the request itself was right."""


class DatabaseUnavailable(DatabaseTrouble):
    """PostgreSQL cannot be reached or cannot write now."""


class TryAgain(DatabaseTrouble):
    """The transaction lost against another one; the whole of it may be repeated."""


class NotFound(LookupError):
    """A row that the caller relies on is not there."""


class Database:
    """One pool of connections to PostgreSQL.

    Args:
        url: `postgresql://` or `postgresql+asyncpg://`, also with `?host=` for a socket's directory.
        pool_size: Most connections that stay open.
        max_overflow: How many more may be opened for a moment.
        name: Who connects, as PostgreSQL's own views show it.
        role: Which role to act as: by default one that owns nothing and acts for all workspaces; None for the login.
        statement_timeout: The longest that one statement may take.
        lock_timeout: The longest that one statement may wait for a lock.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        max_overflow: int = 0,
        name: str = "app",
        role: str | None = ALL_WORKSPACES,
        statement_timeout: timedelta = timedelta(seconds=10),
        lock_timeout: timedelta = timedelta(seconds=3),
    ) -> None:
        self._name = name
        self._engine: AsyncEngine = create_async_engine(
            asyncpg_url(url),
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=2,
            pool_use_lifo=True,
            hide_parameters=True,  # an error's text must not carry a customer's data
            connect_args={
                "timeout": 2,
                # PostgreSQL's own limit comes first; this one is for a server that does not answer at all.
                "command_timeout": statement_timeout.total_seconds() + 2,
                "prepared_statement_cache_size": 500,
                "server_settings": ({"role": role} if role else {})
                | {
                    "application_name": name,
                    "timezone": "UTC",
                    "statement_timeout": _milliseconds(statement_timeout),
                    "lock_timeout": _milliseconds(lock_timeout),
                    "idle_in_transaction_session_timeout": "60000",
                    "jit": "off",
                },
            },
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)

    @asynccontextmanager
    async def transaction(self, workspace_id: str | None = None) -> AsyncIterator[Session]:
        """Open a transaction that is committed at the end and rolled back on any error.

        Args:
            workspace_id: Confine the transaction to the rows of one workspace, whatever its queries say (S13);
                None for intake and workers, which act for all of them.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached or cannot write; after a cut in the commit nobody
                knows whether it happened, so look before doing it again.
            TryAgain: The transaction lost against another one.
        """
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            try:
                await session.connection()
            except OSError as error:  # refused, no such host, no such socket: the driver raises them bare
                raise DatabaseUnavailable(f"{self._name}: cannot connect: {type(error).__name__}") from error
            except (DBAPIError, PoolTimeout) as error:
                raise DatabaseUnavailable(
                    f"{self._name}: cannot connect: {_code(error) or 'no answer'}"
                ) from error
            try:
                if workspace_id is not None:
                    await session.execute(_CONFINE, {"role": ONE_WORKSPACE, "workspace_id": workspace_id})
                yield session
                await session.commit()
            except (ConnectionError, TimeoutError) as error:
                raise DatabaseUnavailable(f"{self._name}: connection lost: {type(error).__name__}") from error
            except DBAPIError as error:
                raise _translated(error, self._name) from error

    async def in_transaction(self, work: Callable[[Session], Awaitable[_T]], *, times: int = 3) -> _T:
        """Do some work in a transaction of its own, again from its start when it lost against another (F20).

        Raises:
            DatabaseUnavailable: As `transaction`.
            TryAgain: It lost every time.
        """
        for _ in range(times - 1):
            try:
                async with self.transaction() as session:
                    return await work(session)
            except TryAgain:
                continue
        async with self.transaction() as session:
            return await work(session)

    async def ping(self) -> None:
        """Ask PostgreSQL for a sign of life.

        Raises:
            DatabaseUnavailable: There is none.
        """
        async with self.transaction() as session:
            await session.execute(select(1))

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def asyncpg_url(url: str) -> URL:
    """Return an address with the driver that we use, whatever driver it names."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def _milliseconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1000))


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that the server has closed.

    The driver learns of a closed socket by itself, so this costs no round trip; SQLAlchemy's own ping costs three.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("closed by the server")


def _code(error: DBAPIError | PoolTimeout) -> str:
    """Return PostgreSQL's code of an error; empty where PostgreSQL did not speak."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _translated(error: DBAPIError, name: str) -> Exception:
    """Return our error for the driver's; what is neither a connection's nor a race's fault stays as it is."""
    code = _code(error)
    if code in _TRY_AGAIN:
        return TryAgain(f"{name}: {code}")
    cut = error.connection_invalidated or (isinstance(error, InterfaceError) and not code)
    if cut or code in _UNAVAILABLE or code.startswith(_CONNECTION_CLASS):
        return DatabaseUnavailable(f"{name}: {code or 'connection lost'}")
    return error
