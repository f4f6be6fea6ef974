"""Bring a database to the newest migration; for ops, tests and the one-shot container."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from db.session import asyncpg_url

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> None:
    """Run every migration that is missing; several at once wait for each other.

    It runs a loop of its own: call it in a thread where one is running already.
    """
    command.upgrade(config(url), "head")


def config(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.set_main_option("path_separator", "os")
    address = asyncpg_url(url).render_as_string(hide_password=False)
    made.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
    return made
