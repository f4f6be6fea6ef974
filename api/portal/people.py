"""Who signs in to a workspace: owners add people, give them new passwords, take their access away (S7 to S11).

A member is told who the owners are. Whatever changes somebody's access asks for the password again, ends that person's
sessions and leaves a record; the last owner stays one.
"""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal.forms import FieldError, Form
from api.portal.frame import Toast, role_words
from api.portal.pages import render, see_other
from api.portal.visits import FieldsNow, Owner, Seller, Visit, not_found
from bootstrap.passwords import temporary_password
from db import audit, browser_sessions, people
from db.people import EmailTaken, Person, Role
from db.session import Session
from domain.formats import moment

__all__ = ["router"]

router = APIRouter(prefix="/account/people")

_HERE = "/account/people"
_LONGEST_EMAIL = 254
_LONGEST_NAME = 80
_ROLES = {
    Role.MEMBER.value: (
        "Member",
        "Handles orders, notifications and texts. Sees charges. Signs in with a password.",
    ),
    Role.OWNER.value: (
        "Owner",
        "Also accepts prices, connects accounts and manages people. Needs one-time codes to sign in.",
    ),
}
_LAST_OWNER = "A workspace needs an owner who can sign in. Make somebody else an owner first."


@dataclass(frozen=True, slots=True)
class PersonRow:
    """Somebody who signs in, as the list shows them."""

    name: str
    email: str
    role: str
    since: str
    is_disabled: bool
    is_self: bool
    href: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Everybody who signs in to a workspace; for members only who its owners are."""

    rows: tuple[PersonRow, ...]
    owners: str


@dataclass(frozen=True, slots=True)
class RoleOption:
    """A role to choose."""

    value: str
    label: str
    hint: str
    badge: str = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class AddPersonPage:
    """The form for somebody new."""

    name: str = ""
    email: str = ""
    role: str = Role.MEMBER.value
    roles: tuple[RoleOption, ...] = tuple(RoleOption(value, *words) for value, words in _ROLES.items())
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One person, and what may be done about their access.

    Attributes:
        href: The page's own address; each act has one beneath it.
        disabled: Since when they may not sign in, in words; empty where they may.
    """

    href: str
    name: str
    email: str
    role: str
    role_words: str
    since: str
    disabled: str
    has_codes: bool
    roles: tuple[RoleOption, ...]
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class TemporaryPasswordPage:
    """A password that is shown this once."""

    name: str
    email: str
    password: str
    is_new_person: bool
    needs_codes: bool
    address: str


@router.get("")
async def people_page(visit: Seller) -> Response:
    """Show who signs in."""
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        everybody = await people.list_people(session, visit.workspace_id)
    owners = [person.name for person in everybody if person.role is Role.OWNER and person.disabled_at is None]
    if not visit.is_owner:
        page = PeoplePage((), ", ".join(owners))
        return await render(visit, "people.html", page, current="account", status=HTTPStatus.FORBIDDEN)
    rows = tuple(
        PersonRow(
            name=person.name,
            email=person.email,
            role=role_words(person),
            since=_moment(visit, person),
            is_disabled=person.disabled_at is not None,
            is_self=person.id == visit.person.id,
            href=f"{_HERE}/{person.id}",
        )
        for person in everybody
    )
    return await render(visit, "people.html", PeoplePage(rows, ", ".join(owners)), current="account")


@router.get("/add")
async def add_person_page(visit: Owner) -> Response:
    """Show the form for somebody new, after the password."""
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/add")
    return await render(visit, "people_add.html", AddPersonPage(), current="account")


@router.post("/add")
async def add_person(visit: Owner, fields: FieldsNow) -> Response:
    """Add somebody, and show the password for their first sign-in."""
    fields.only("name", "email", "role")
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/add")
    name, email = fields.text("name"), fields.text("email").casefold()
    role, errors = _role(fields), _wrong(name, email)

    async def again(*wrong: FieldError) -> Response:
        page = AddPersonPage(name, email, role.value, errors=wrong)
        return await render(
            visit, "people_add.html", page, current="account", status=HTTPStatus.UNPROCESSABLE_ENTITY
        )

    if errors:
        return await again(*errors)
    password = temporary_password()
    kept = await visit.services.passwords.hash(password)
    try:
        async with visit.services.resources.database.transaction(visit.workspace_id) as session:
            added = await people.add_person(
                session,
                workspace_id=visit.workspace_id,
                email=email,
                name=name,
                role=role,
                password_hash=kept,
            )
            await _record(session, visit, "person.added", added, role_words(added))
    except EmailTaken:
        # The same words for a person of ours and of another workspace: nobody learns who else has an account.
        return await again(
            FieldError("email", "This address cannot be added. Somebody signs in with it already.")
        )
    return await _show_password(visit, added, password, is_new_person=True)


@router.get("/{person_id}")
async def person_page(person_id: str, visit: Owner) -> Response:
    """Show a person and what may be done about their access, after the password."""
    person = await _find(visit, person_id)
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/{person.id}")
    return await _person_page(visit, person)


@router.post("/{person_id}/role")
async def change_role(person_id: str, visit: Owner, fields: FieldsNow) -> Response:
    """Change what a person may do."""
    fields.only("role")
    person = await _find(visit, person_id, to_change=True)
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/{person.id}")
    role = _role(fields)
    if role is person.role:
        return see_other(visit, f"{_HERE}/{person.id}")
    async with visit.services.resources.database.transaction() as session:  # sessions are of no workspace
        is_done = await people.set_role(session, visit.workspace_id, person.id, role)
        if is_done:
            # A member's session began without a second step: an owner's may not.
            await browser_sessions.end_sessions(session, person.id)
            await _record(session, visit, "person.role_changed", person, _ROLES[role.value][0])
    if not is_done:
        return await _person_page(visit, person, FieldError("role", _LAST_OWNER))
    return see_other(
        visit,
        f"{_HERE}/{person.id}",
        Toast(
            f"{person.name} is now {'an owner' if role is Role.OWNER else 'a member'}.",
            "They have to sign in again.",
        ),
    )


@router.post("/{person_id}/disable")
async def disable(person_id: str, visit: Owner, fields: FieldsNow) -> Response:
    """Take a person's access away, at once."""
    fields.only()
    person = await _find(visit, person_id, to_change=True)
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/{person.id}")
    async with visit.services.resources.database.transaction() as session:  # sessions are of no workspace
        is_done = await people.set_disabled(session, visit.workspace_id, person.id, visit.now)
        if is_done:
            await browser_sessions.end_sessions(session, person.id)
            await _record(session, visit, "person.disabled", person)
    if not is_done:
        return await _person_page(visit, person, FieldError("", _LAST_OWNER))
    return see_other(
        visit,
        _HERE,
        Toast(f"{person.name} cannot sign in any more.", "Every session of theirs has ended."),
    )


@router.post("/{person_id}/enable")
async def enable(person_id: str, visit: Owner, fields: FieldsNow) -> Response:
    """Let a person sign in again, with the password they had."""
    fields.only()
    person = await _find(visit, person_id, to_change=True)
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/{person.id}")
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await people.set_disabled(session, visit.workspace_id, person.id, None)
        await _record(session, visit, "person.enabled", person)
    return see_other(visit, f"{_HERE}/{person.id}", Toast(f"{person.name} can sign in again."))


@router.post("/{person_id}/password")
async def new_password(person_id: str, visit: Owner, fields: FieldsNow) -> Response:
    """Give a person a new password for one sign-in, and end their sessions."""
    fields.only()
    person = await _find(visit, person_id, to_change=True)
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/{person.id}")
    password = temporary_password()
    kept = await visit.services.passwords.hash(password)
    async with visit.services.resources.database.transaction() as session:  # sessions are of no workspace
        await people.set_password(session, person.id, kept, is_temporary=True)
        await browser_sessions.end_sessions(session, person.id)
        await _record(session, visit, "person.password_given", person)
    return await _show_password(visit, person, password, is_new_person=False)


@router.post("/{person_id}/second-step")
async def reset_second_step(person_id: str, visit: Owner, fields: FieldsNow) -> Response:
    """Have a person set their one-time codes up again, as after a lost phone."""
    fields.only()
    person = await _find(visit, person_id, to_change=True)
    if not visit.is_confirmed:
        return _confirm_first(f"{_HERE}/{person.id}")
    resources = visit.services.resources
    async with resources.database.transaction() as session:  # sessions are of no workspace
        await people.set_totp(session, resources.cipher, person.id, None)
        await browser_sessions.end_sessions(session, person.id)
        await _record(session, visit, "person.second_step_reset", person)
    after = "They set new ones up at their next sign-in." if person.needs_second_step else ""
    return see_other(
        visit, f"{_HERE}/{person.id}", Toast(f"The codes of {person.name} do not count any more.", after)
    )


async def _find(visit: Visit, person_id: str, *, to_change: bool = False) -> Person:
    """Return a person of this workspace; nobody changes their own access here, where a slip would lock them out.

    Raises:
        Problem: 404, also for somebody of another workspace.
    """
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        found = await people.find_person(session, visit.workspace_id, person_id)
    if found is None or (to_change and found.id == visit.person.id):
        raise not_found()
    return found


async def _person_page(visit: Visit, person: Person, *errors: FieldError) -> Response:
    if person.id == visit.person.id:
        return RedirectResponse("/account", HTTPStatus.SEE_OTHER)
    resources = visit.services.resources
    async with resources.database.transaction(visit.workspace_id) as session:
        found = await people.get_sign_in(session, resources.cipher, person.id)
    zone = ZoneInfo(visit.workspace.policy.timezone)
    page = PersonPage(
        href=f"{_HERE}/{person.id}",
        name=person.name,
        email=person.email,
        role=person.role.value,
        role_words=role_words(person),
        since=_moment(visit, person),
        disabled=moment(person.disabled_at, now=visit.now, zone=zone) if person.disabled_at else "",
        has_codes=bool(found.totp_secret),
        roles=AddPersonPage().roles,
        errors=errors,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(visit, "person.html", page, current="account", status=status)


async def _show_password(visit: Visit, person: Person, password: str, *, is_new_person: bool) -> Response:
    """Show a password in the answer to the form itself: after a redirect it would have to be kept somewhere."""
    page = TemporaryPasswordPage(
        name=person.name,
        email=person.email,
        password=password,
        is_new_person=is_new_person,
        needs_codes=person.needs_second_step,
        address=f"{visit.services.resources.settings.public_base_url}/sign-in",
    )
    return await render(visit, "people_password.html", page, current="account")


async def _record(session: Session, visit: Visit, action: str, about: Person, detail: str = "") -> None:
    await audit.add_record(
        session,
        visit.workspace_id,
        person=visit.by,
        action=action,
        subject=about.email,
        detail=detail,
        now=visit.now,
    )


def _wrong(name: str, email: str) -> tuple[FieldError, ...]:
    errors = []
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        errors.append(FieldError("name", f"Enter a name of at most {_LONGEST_NAME} characters"))
    local, at, host = email.rpartition("@")
    has_form = local and at and "." in host.strip(".") and email.isprintable() and " " not in email
    if not has_form or len(email) > _LONGEST_EMAIL:
        errors.append(FieldError("email", "Enter an e-mail address, like meera@example.com"))
    return tuple(errors)


def _role(fields: Form) -> Role:
    """Return the chosen role of a workspace; whatever is none of its roles can do least."""
    return Role.OWNER if fields.text("role") == Role.OWNER.value else Role.MEMBER


def _moment(visit: Visit, person: Person) -> str:
    return moment(person.created_at, now=visit.now, zone=ZoneInfo(visit.workspace.policy.timezone))


def _confirm_first(url: str) -> Response:
    return RedirectResponse(f"/account/confirm?next={quote(url, safe='')}", HTTPStatus.SEE_OTHER)
