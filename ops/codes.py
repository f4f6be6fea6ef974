"""One-time codes for the portal of the stack that runs here, where nobody has a phone with an authenticator app."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyotp

from ops.seeded_people import SeededPerson
from ops.stack import VAR
from ops.system import NOT_THERE, print_table

_LASTS = 30  # seconds
_MEMBERS_ROLE = "member"


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `code` to the programs."""
    parser = commands.add_parser("code", help="print the one-time codes of the people that `make up` seeded")
    parser.add_argument("email", nargs="?", help="only this person's code")
    parser.set_defaults(
        run=lambda arguments: print_codes(VAR / "stack.json", arguments.email, now=time.time())
    )


def print_codes(path: Path, email: str | None, *, now: float) -> int:
    """Print who may sign in, with what, and the codes that count now; return the exit code.

    Args:
        path: Where the running stack writes what it is.
        email: Only the code of this person, and nothing else: for scripts.
        now: Seconds since 1970.
    """
    if not path.exists():
        print("No stack runs here: start `make up`.", file=sys.stderr)
        return NOT_THERE
    people = json.loads(path.read_text())["people"]
    if email is not None:
        secret = next((person["totp_secret"] for person in people if person["email"] == email), "")
        if not secret:
            print(f"{email} has no codes.", file=sys.stderr)
            return NOT_THERE
        print(_code(secret, now))
        return 0
    print_table(
        ("CODE", "E-MAIL", "PASSWORD", "ROLE", "WORKSPACE"),
        [
            (
                _code(person["totp_secret"], now) or "none",
                person["email"],
                person["password"],
                person["role"],
                person["workspace"] or "all",
            )
            for person in people
        ],
    )
    print(f"\nFor {_LASTS - int(now) % _LASTS} more seconds. Each counts once.")
    return 0


def how_to_sign_in(people: Sequence[SeededPerson]) -> str:
    """Return a line that gets somebody into the portal who has just started the stack."""
    member = next(person for person in people if person.role == _MEMBERS_ROLE)
    return (
        f"{member.email} with {member.password}; owners and ops need a code too: .venv/bin/python -m ops code"
    )


def _code(secret: str, now: float) -> str:
    return pyotp.TOTP(secret).at(int(now)) if secret else ""
