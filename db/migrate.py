"""Bring a database to the newest migration; for ops, tests and the one-shot container."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import ProgrammingError

from db.session import ALL_WORKSPACES, ONE_WORKSPACE, asyncpg_url

_INSUFFICIENT_PRIVILEGE = "42501"
_MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationRefused(Exception):
    """The database does not let the login do what a migration needs."""


def upgrade(url: str) -> None:
    """Run every migration that is missing; several at once wait for each other.

    It runs a loop of its own: call it in a thread where one is running already.

    Raises:
        MigrationRefused: The login lacks a right; the message says which, and what to do.
    """
    try:
        command.upgrade(config(url), "head")
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != _INSUFFICIENT_PRIVILEGE:
            raise
        raise MigrationRefused(
            "the login of DATABASE_URL may not create roles. Give it CREATEROLE, or have an administrator run: "
            f"CREATE ROLE {ALL_WORKSPACES} NOLOGIN; CREATE ROLE {ONE_WORKSPACE} NOLOGIN; "
            f"GRANT {ALL_WORKSPACES}, {ONE_WORKSPACE} TO the login"
        ) from error


def config(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.set_main_option("path_separator", "os")
    address = asyncpg_url(url).render_as_string(hide_password=False)
    made.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
    return made
