"""What stands around every page: navigation, who is signed in, counts, a word about what was just done."""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any

from db.people import Person, Role

__all__ = ["Frame", "Toast", "csrf_token", "initials"]

_ROLES = {Role.OWNER: "Owner", Role.MEMBER: "Member", Role.OPS: "Eshopbox ops"}


@dataclass(frozen=True, slots=True)
class Toast:
    """What was just done, said once at the top of the next page.

    Attributes:
        text: One bold sentence.
        detail: One plain sentence.
        undo_url: Where a form undoes it; empty where it cannot be undone.
        undo_fields: Name and value of what that form carries.
    """

    text: str
    detail: str = ""
    undo_url: str = ""
    undo_fields: tuple[tuple[str, str], ...] = ()

    def sealed(self, token: str) -> str:
        """Return it as a cookie of a session: nobody else can write one."""
        said = base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()
        return f"{said}.{_signature(token, f'toast:{said}')}"

    @classmethod
    def opened(cls, sealed: str, token: str) -> "Toast | None":
        """Return what a session's cookie says; None for what this session did not write."""
        said, _, signature = sealed.partition(".")
        if not hmac.compare_digest(signature.encode(), _signature(token, f"toast:{said}").encode()):
            return None
        values: dict[str, Any] = json.loads(base64.urlsafe_b64decode(said))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page.

    Attributes:
        workspace_name: Whose data the page shows.
        person_name: Who is signed in.
        initials: Of the person.
        role_words: What the person may do.
        is_owner: Whether it is an owner.
        is_ops: Whether these are the pages of Eshopbox's staff.
        csrf: What every form carries.
        once: A fresh key for the page's form, so that sending it twice does it once.
        current: Which entry of the navigation is current.
        attention: How many notifications need attention.
        waiting: How many orders wait for the seller.
        zone_words: The time zone that times are in.
        toast: What was just done.
        theme: "light" or "dark" where it is fixed; empty where the system decides.
    """

    workspace_name: str
    person_name: str
    initials: str
    role_words: str
    is_owner: bool
    is_ops: bool
    csrf: str
    once: str
    current: str = ""
    attention: int = 0
    waiting: int = 0
    zone_words: str = ""
    toast: Toast | None = None
    theme: str = ""


def csrf_token(token: str) -> str:
    """Return what the forms of a session carry; it says nothing of the session's token."""
    return _signature(token, "csrf")


def initials(name: str) -> str:
    """Return the first letters of a name's first and last word."""
    words = name.split()
    return "".join(word[0] for word in dict.fromkeys((*words[:1], *words[-1:]))).upper()


def role_words(person: Person) -> str:
    """Return what a person may do, as pages call it."""
    return _ROLES[person.role]


def _signature(token: str, what: str) -> str:
    return hmac.new(token.encode(), what.encode(), hashlib.sha256).hexdigest()
