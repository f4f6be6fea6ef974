"""Stand in for the order system: its login, its delivery actions, its tracking and its webhooks, with state in memory."""

from simulators.carriers.app import create_app
from simulators.carriers.state import Config

__all__ = ["Config", "create_app"]
