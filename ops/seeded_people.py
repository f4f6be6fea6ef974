"""Who signs in to the portal of demos, development and tests: an owner and a member of each workspace, one of staff."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyotp

from bootstrap.passwords import Passwords
from db import people
from db.encryption import Cipher
from db.people import EmailTaken, Role
from db.session import Database

_PEOPLE = (
    ("kapaskraft", Role.OWNER, "Meera Iyer"),
    ("kapaskraft", Role.MEMBER, "Rohan Shetty"),
    ("nilgiritea", Role.OWNER, "Lakshmi Menon"),
    ("nilgiritea", Role.MEMBER, "Farah Ansari"),
    ("banjara", Role.OWNER, "Harpreet Gill"),
    ("banjara", Role.MEMBER, "Imran Shaikh"),
    ("chanderi", Role.OWNER, "Devika Rane"),
    ("chanderi", Role.MEMBER, "Salim Qureshi"),
    (None, Role.OPS, "Neha Kulkarni"),
)


@dataclass(frozen=True, slots=True)
class SeededPerson:
    """Somebody who signs in to the portal of the demo.

    Attributes:
        workspace: The slug; None for Eshopbox's staff.
        totp_secret: Of the one-time codes; empty for members, who need none.
    """

    workspace: str | None
    email: str
    name: str
    role: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)


def fresh_people() -> tuple[SeededPerson, ...]:
    """Return everybody, with fresh passwords and secrets."""
    return tuple(
        SeededPerson(
            workspace=workspace,
            email=f"{role}@{workspace or 'eshopbox'}.example",
            name=name,
            role=role.value,
            password=secrets.token_urlsafe(15),
            totp_secret="" if role is Role.MEMBER else pyotp.random_base32(),
        )
        for workspace, role, name in _PEOPLE
    )


async def plant_people(database: Database, cipher: Cipher, seeded: Iterable[SeededPerson]) -> None:
    """Add who is not there yet: whoever chose another password meanwhile keeps it."""
    passwords = Passwords()
    for person in seeded:
        async with database.transaction() as session:
            if await people.find_sign_in(session, cipher, person.email) is not None:
                continue
        kept = await passwords.hash(person.password)
        async with database.transaction() as session:
            try:
                added = await people.add_person(
                    session,
                    workspace_id=person.workspace,
                    email=person.email,
                    name=person.name,
                    role=Role(person.role),
                    password_hash=kept,
                    password_is_temporary=False,
                )
            except EmailTaken:  # by another stack that plants into the same database
                continue
            if person.totp_secret:
                await people.set_totp(session, cipher, added.id, person.totp_secret)
