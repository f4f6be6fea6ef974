"""People who sign in: a workspace's owners and members, and Eshopbox's own staff (S7, S8).

EmailTaken   another person signs in with this address
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.rows import columns, is_id, many, one
from db.session import NotFound, Session
from db.tables import people


class EmailTaken(Exception):
    """Another person signs in with this address."""


class Role(StrEnum):
    """What a person may do."""

    OWNER = "owner"
    MEMBER = "member"
    OPS = "ops"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in.

    Attributes:
        id: Our id.
        workspace_id: Whose workspace; None for Eshopbox's staff.
        email: What they sign in with, in lower case.
        name: Their name.
        role: What they may do.
        password_is_temporary: Whether they have to choose a password of their own before anything else.
        disabled_at: Since when they may not sign in any more.
        created_at: When they were added.
    """

    id: str
    workspace_id: str | None
    email: str
    name: str
    role: Role
    password_is_temporary: bool
    disabled_at: datetime | None
    created_at: datetime

    @property
    def needs_second_step(self) -> bool:
        """Tell whether a password alone is too little: who can spend money or sees everyone's data (S8)."""
        return self.role is not Role.MEMBER


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a sign-in is checked against.

    Attributes:
        person: Who signs in.
        password_hash: Argon2's; empty where they sign in elsewhere only.
        totp_secret: The secret of their one-time codes; empty before they set it up.
        totp_step: The step of the last code used: each counts once.
    """

    person: Person
    password_hash: str = field(repr=False)
    totp_secret: str = field(repr=False)
    totp_step: int


async def add_person(
    session: Session,
    *,
    workspace_id: str | None,
    email: str,
    name: str,
    role: Role,
    password_hash: str,
    password_is_temporary: bool = True,
) -> Person:
    """Add somebody who may sign in.

    Raises:
        EmailTaken: Another person signs in with this address.
    """
    statement = (
        insert(people)
        .values(
            id=str(uuid4()),
            workspace_id=workspace_id,
            email=_email(email),
            name=name,
            role=role.value,
            password_hash=password_hash,
            password_is_temporary=password_is_temporary,
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(*columns(people, Person))
    )
    added = await one(session, statement, _person)
    if added is None:
        raise EmailTaken
    return added


async def find_sign_in(session: Session, cipher: Cipher, email: str) -> SignIn | None:
    """Return what the sign-in of an address is checked against, disabled or not."""
    return await _find_sign_in(session, cipher, people.c.email == _email(email))


async def find_sign_in_elsewhere(
    session: Session, cipher: Cipher, *, issuer: str, subject: str
) -> SignIn | None:
    """Return who an identity provider's subject is, if we know them."""
    return await _find_sign_in(
        session, cipher, (people.c.oidc_issuer == issuer) & (people.c.oidc_subject == subject)
    )


async def get_sign_in(session: Session, cipher: Cipher, person_id: str) -> SignIn:
    """Return what a person's sign-in is checked against.

    Raises:
        NotFound: There is no such person.
    """
    found = await _find_sign_in(session, cipher, people.c.id == person_id)
    if found is None:
        raise NotFound(f"person {person_id}")
    return found


async def list_people(session: Session, workspace_id: str) -> tuple[Person, ...]:
    """Return who signs in to a workspace, owners first."""
    statement = (
        select(*columns(people, Person))
        .where(people.c.workspace_id == workspace_id)
        .order_by(people.c.role.desc(), people.c.name, people.c.id)
    )
    return await many(session, statement, _person)


async def list_everybody(session: Session, workspace_id: str | None = None) -> tuple[Person, ...]:
    """Return who signs in to any workspace, Eshopbox's staff first, or to one; for ops only."""
    statement = select(*columns(people, Person)).order_by(
        people.c.workspace_id.nulls_first(), people.c.role.desc(), people.c.email
    )
    if workspace_id is not None:
        statement = statement.where(people.c.workspace_id == workspace_id)
    return await many(session, statement, _person)


async def find_person(session: Session, workspace_id: str, person_id: str) -> Person | None:
    """Return somebody who signs in to a workspace; None also for what is no id of ours, as an address may hold it."""
    if not is_id(person_id):
        return None
    statement = select(*columns(people, Person)).where(
        people.c.workspace_id == workspace_id, people.c.id == person_id
    )
    return await one(session, statement, _person)


async def set_password(session: Session, person_id: str, password_hash: str, *, is_temporary: bool) -> None:
    """Keep a new password's hash."""
    await session.execute(
        update(people)
        .where(people.c.id == person_id)
        .values(password_hash=password_hash, password_is_temporary=is_temporary)
    )


async def set_totp(session: Session, cipher: Cipher, person_id: str, secret: str | None) -> None:
    """Keep the secret of a person's one-time codes; with None they set it up again at their next sign-in."""
    sealed = None if secret is None else cipher.seal_credential(secret, context=_totp_context(person_id))
    await session.execute(
        update(people).where(people.c.id == person_id).values(totp_sealed=sealed, totp_step=0)
    )


async def use_totp_step(session: Session, person_id: str, step: int) -> bool:
    """Use up a one-time code, and tell whether it had not been used: each counts once (S8)."""
    statement = (
        update(people)
        .where(people.c.id == person_id, people.c.totp_step < step)
        .values(totp_step=step)
        .returning(people.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def link_elsewhere(session: Session, person_id: str, *, issuer: str, subject: str) -> bool:
    """Remember as whom an identity provider knows a person, once; tell whether it was done now."""
    statement = (
        update(people)
        .where(people.c.id == person_id, people.c.oidc_subject.is_(None))
        .values(oidc_issuer=issuer, oidc_subject=subject)
        .returning(people.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def set_role(session: Session, workspace_id: str, person_id: str, role: Role) -> bool:
    """Change what a person of a workspace may do, unless nobody would be left who owns it; tell whether it was done."""
    if role is not Role.OWNER and not await _is_not_last_owner(session, workspace_id, person_id):
        return False
    await session.execute(
        update(people)
        .where(people.c.workspace_id == workspace_id, people.c.id == person_id)
        .values(role=role.value)
    )
    return True


async def set_disabled(
    session: Session, workspace_id: str | None, person_id: str, disabled_at: datetime | None
) -> bool:
    """Let a person of a workspace sign in no more, or again; not its last owner. Tell whether it was done.

    Without a workspace it is one of Eshopbox's staff, who are added from a terminal: the last of them may go.
    """
    of_workspace = people.c.workspace_id.is_not_distinct_from(workspace_id)
    if (
        disabled_at is not None
        and workspace_id is not None
        and not await _is_not_last_owner(session, workspace_id, person_id)
    ):
        return False
    await session.execute(
        update(people).where(of_workspace, people.c.id == person_id).values(disabled_at=disabled_at)
    )
    return True


async def _is_not_last_owner(session: Session, workspace_id: str, person_id: str) -> bool:
    """Tell whether somebody else owns a workspace, or this person never did; its owners stay as they are meanwhile."""
    statement = (
        select(people.c.id)
        .where(
            people.c.workspace_id == workspace_id,
            people.c.role == Role.OWNER.value,
            people.c.disabled_at.is_(None),
        )
        .order_by(people.c.id)
        .with_for_update()
    )
    owners = set((await session.execute(statement)).scalars())
    return person_id not in owners or bool(owners - {person_id})


async def _find_sign_in(session: Session, cipher: Cipher, condition: ColumnElement[bool]) -> SignIn | None:
    statement = select(
        *columns(people, Person), people.c.password_hash, people.c.totp_sealed, people.c.totp_step
    ).where(condition)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    password_hash, sealed, step = (values.pop(name) for name in ("password_hash", "totp_sealed", "totp_step"))
    person = _person(**values)
    secret = "" if sealed is None else cipher.open_credential(sealed, context=_totp_context(person.id))
    return SignIn(person, password_hash, secret, step)


def _person(*, role: str, **values: Any) -> Person:
    return Person(role=Role(role), **values)


def _email(written: str) -> str:
    return written.strip().casefold()


def _totp_context(person_id: str) -> str:
    return f"people/{person_id}/totp"
