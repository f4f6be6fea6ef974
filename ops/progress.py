"""How far a long command has come: a line that is written over on a terminal, one from time to time elsewhere."""

import sys
from typing import TextIO

__all__ = ["Progress"]

_WIDTH = 30
_STEPS = 10


class Progress:
    """Says how much of something is done.

    Args:
        total: How much there is.
        what: What is counted.
        out: Where it is said.
    """

    def __init__(self, total: int, what: str, out: TextIO | None = None) -> None:
        self._total = max(total, 1)
        self._what = what
        self._out = out or sys.stderr
        self._is_bar = self._out.isatty()
        self._said = -1

    def reached(self, done: int) -> None:
        """Say how far it is, where that is news."""
        steps = _WIDTH if self._is_bar else _STEPS
        share = done * steps // self._total
        if share == self._said:
            return
        self._said = share
        words = f"{done} of {self._total} {self._what}"
        if self._is_bar:
            bar = "#" * share + "." * (steps - share)
            self._out.write(f"\r[{bar}] {words}")
        elif share:
            self._out.write(f"{words}\n")
        self._out.flush()

    def end(self) -> None:
        """Leave the line, so that what follows stands beneath it."""
        if self._is_bar and self._said >= 0:
            self._out.write("\n")
            self._out.flush()
