"""Forms as browsers send them, and what is wrong with one, at the field that is wrong."""

import hmac
import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import Request

from api.errors import Problem
from api.limits import read_body

__all__ = ["FieldError", "Form", "checked", "forged", "read_form"]

_MOST_FIELDS = 300
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with a field, in words.

    Attributes:
        field: The field's name; empty for what is wrong with none in particular.
        text: What is wrong and what would be right.
    """

    field: str
    text: str

    @property
    def first_sentence(self) -> str:
        """Return what the summary above the form says."""
        return self.text.split(". ", 1)[0].rstrip(".")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, cleaned of what cannot be seen.

    Attributes:
        fields: Name and value, in the order sent.
        once: The key under which the form is done once; empty for none.
    """

    fields: tuple[tuple[str, str], ...]
    once: str = ""

    def only(self, *names: str, prefixes: tuple[str, ...] = ()) -> None:
        """Refuse a form with fields that are not its own (S27).

        Raises:
            Problem: 400.
        """
        unknown = [
            name for name, _ in self.fields if name not in names and not name.startswith(prefixes or ("\0",))
        ]
        if unknown:
            raise Problem(HTTPStatus.BAD_REQUEST, "unknown-field", "The form has a field that is not its own")

    def text(self, name: str, *, longest: int = 500) -> str:
        """Return a field's text without space around it; empty where there is none.

        Raises:
            Problem: 400 for what no input of ours lets through.
        """
        said = next((value for key, value in self.fields if key == name), "").strip()
        if len(said) > longest:
            raise Problem(HTTPStatus.BAD_REQUEST, "too-long", f"A field has more than {longest} characters")
        return said

    def secret(self, name: str, *, longest: int = 200) -> str:
        """Return a field as it was typed, such as a password.

        Raises:
            Problem: 400 for what no input of ours lets through.
        """
        said = next((value for key, value in self.fields if key == name), "")
        if len(said) > longest:
            raise Problem(HTTPStatus.BAD_REQUEST, "too-long", f"A field has more than {longest} characters")
        return said

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, such as the ticked boxes of one name."""
        return tuple(value.strip() for key, value in self.fields if key == name)

    def has(self, name: str) -> bool:
        """Tell whether a field was sent: a ticked box, a pressed button."""
        return any(key == name for key, _ in self.fields)


async def read_form(request: Request) -> Form:
    """Read a form as browsers send it.

    Raises:
        Problem: 415, 413, 408 or 400.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-form", "A form is expected")
    body = await read_body(request.stream(), request.headers)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "no-form", "The form cannot be read") from None
    return Form(tuple((name, _UNSEEN.sub("", value.replace("\r\n", "\n"))) for name, value in pairs))


def checked(form: Form, expected: str) -> Form:
    """Return a form that carries the expected token, without what is not its own.

    Raises:
        Problem: 403.
    """
    given = dict(form.fields)
    presented = given.get("csrf", "")
    if not expected or not hmac.compare_digest(presented.encode(), expected.encode()):
        raise forged()
    return replace(
        form,
        fields=tuple(pair for pair in form.fields if pair[0] not in ("csrf", "idempotency")),
        once=given.get("idempotency", "")[:64],
    )


def forged() -> Problem:
    """Return the answer to a form that another page wrote."""
    return Problem(
        HTTPStatus.FORBIDDEN,
        "not-this-session",
        "This form is not of this session",
        "You may have signed out meanwhile. Nothing has changed. Open the page again and repeat it.",
    )
