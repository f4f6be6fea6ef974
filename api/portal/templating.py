"""Where templates, style sheet and script of the portal are found, and how strictly templates are read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE: Final = Path(__file__).parent
_LOOK: Final = _HERE.parent.parent / "look"


def new_environment() -> Environment:
    """Build the templates' environment: everything is escaped, and a name that does not exist is an error."""
    return Environment(
        loader=FileSystemLoader([_HERE / "templates", _LOOK / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Static(StaticFiles):
    """The portal's script and the style sheet it shares with the phone, under one address."""

    def __init__(self) -> None:
        super().__init__(directory=_HERE / "static")
        # Looked through in this order, as `StaticFiles` does with its packages.
        self.all_directories = [*self.all_directories, _LOOK / "static"]
