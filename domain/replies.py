"""What a customer's answer says: taps by their reference, addresses, yes and no; never a guess."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.shipments import find_mobile, find_pincode, without_mobile
from domain.understanding import NOTHING, Understanding

_ADDRESS_MIN_CHARACTERS = 10
_ADDRESS_MIN_WORDS = 2
_ADDRESS_MAX_CHARACTERS = 500
_PART_MAX_CHARACTERS = 100


# Words in which a bare number comes, in English and in Hindi written with Latin letters.
_AROUND_A_NUMBER = frozenset(
    [
        "my",
        "number",
        "no",
        "is",
        "this",
        "call",
        "phone",
        "mobile",
        "mob",
        "contact",
        "alternate",
        "alt",
        "another",
        "other",
        "new",
        "please",
        "pls",
        "use",
        "on",
        "at",
        "me",
        "and",
        "the",
        "for",
        "delivery",
        "whatsapp",
        "mera",
        "number",
        "hai",
        "par",
        "pe",
        "karo",
        "kijiye",
        "ye",
        "yeh",
    ]
)


class ReplyKind(StrEnum):
    """How the customer answered."""

    CHOICE = "choice"
    TEXT = "text"
    ADDRESS = "address"
    LOCATION = "location"
    MEDIA = "media"
    CONTACT = "contact"
    REACTION = "reaction"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AddressDraft:
    """A new address as far as the customer has given it.

    Attributes:
        text: The address in the customer's own words, parts joined by commas.
        pincode: A pincode the customer named; empty when none was.
        landmark: Directions for the rider.
        phone: Another contact number, ten digits.
        name: Another recipient's name.
        pin: A location pin, "latitude,longitude".
    """

    text: str = ""
    pincode: str = ""
    landmark: str = ""
    phone: str = ""
    name: str = ""
    pin: str = ""

    def is_complete(self) -> bool:
        """Tell whether there is enough to show back."""
        return bool(self.pin) or (
            len(self.text) >= _ADDRESS_MIN_CHARACTERS and len(self.text.split()) >= _ADDRESS_MIN_WORDS
        )

    def with_text(self, text: str) -> "AddressDraft":
        """Add a typed message: a phone in it is taken out and kept apart, a pincode is noted."""
        phone = find_mobile(text)
        pincode = find_pincode(text)
        words = re.sub(r"(?:\s*[,;\n])+\s*", ", ", clean(without_mobile(text))).strip(" ,")
        if phone and set(re.findall(r"[^\W\d_]+", words.casefold())) <= _AROUND_A_NUMBER:
            words = re.sub(r"\D+", "", words)  # "my number is …" says nothing of the address
        landmark = self.landmark
        if match := re.match(r"(?i)landmark\s*[:\-]\s*(.+)", words):
            landmark, words = match.group(1), ""
        # Whoever was told that "Flat 4B" is too short begins again with "Flat 4B, Lake View".
        begun = "" if words.casefold().startswith(self.text.casefold()) else self.text
        return replace(
            self,
            text=", ".join(part for part in (begun, words) if part)[:_ADDRESS_MAX_CHARACTERS],
            pincode=pincode or self.pincode,
            phone=phone or self.phone,
            landmark=landmark[:_PART_MAX_CHARACTERS],
        )

    def tidied(self) -> "AddressDraft":
        """Return the draft as a form or a pin gave it, cleaned, cut to size, its phone a valid mobile or none."""
        return replace(
            self,
            text=clean(self.text)[:_ADDRESS_MAX_CHARACTERS],
            pincode=find_pincode(self.pincode) or "",
            landmark=clean(self.landmark)[:_PART_MAX_CHARACTERS],
            phone=find_mobile(self.phone) or "",
            name=clean(self.name)[:_PART_MAX_CHARACTERS],
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the customer, in our words.

    Attributes:
        id: The inbound message's id; the same answer twice has the same id.
        kind: How it came.
        at: When the customer's message was received.
        text: Typed text, or the title of what was tapped.
        choice: What the tapped reference stands for; empty for free answers.
        address: The fields of WhatsApp's own address form.
        latitude: Of a location pin.
        longitude: Of a location pin.
        place: Name and address that came with a pin.
        media_kind: image, file, audio, video or sticker.
        said: What typed words clearly say, read when they came: a case does not read, so that what is read may change
            while cases are open.
    """

    id: str
    kind: ReplyKind
    at: datetime
    text: str = ""
    choice: str = ""
    address: AddressDraft = field(default_factory=AddressDraft)
    latitude: float = 0.0
    longitude: float = 0.0
    place: str = ""
    media_kind: str = ""
    said: Understanding = NOTHING


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that a customer said or sent about what the courier did (R6.4).

    Attributes:
        id: Id of the answer; its entry on the order's activity holds the whole of it, the media's address too.
        at: When it was received.
        kind: text, image, file, audio, video or sticker.
        words: What was typed, or the caption.
    """

    id: str
    at: datetime
    kind: str
    words: str = ""

    def lines(self) -> tuple[str, ...]:
        """Return it as lines of a report; media by reference."""
        sent = () if self.kind == "text" else (f"(the customer sent {self.kind}: message {self.id})",)
        return (*sent, *(line for line in self.words.split("\n") if line))


_YES = frozenset(
    {
        "yes",
        "y",
        "haan",
        "han",
        "ha",
        "ji",
        "ji haan",
        "ok",
        "okay",
        "sahi hai",
        "correct",
        "confirm",
        "हाँ",
        "हां",
        "जी",
    }
)
_NO = frozenset({"no", "n", "nahi", "nahin", "na", "galat", "wrong", "नहीं", "ना"})


def says_yes(text: str) -> bool:
    """Tell whether a whole typed message is a plain yes to the question just asked."""
    return _bare(text) in _YES


def says_no(text: str) -> bool:
    """Tell whether a whole typed message is a plain no to the question just asked."""
    return _bare(text) in _NO


def same_words(one: str, other: str) -> bool:
    """Tell whether two texts are the same words, however they are spaced and written."""
    return bool(_bare(one)) and _bare(one) == _bare(other)


def names_a_place(text: str) -> bool:
    """Tell whether words that stand beside something else are enough for an address, a number among them."""
    return AddressDraft().with_text(text).is_complete() and any(map(str.isdigit, without_mobile(text)))


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!,")


# Control characters, and the bidirectional overrides that make a text read differently from what it is (S24).
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def clean(text: str) -> str:
    """Return a customer's text without control and direction characters, spaces folded, line breaks kept."""
    return "\n".join(" ".join(_UNWANTED.sub("", line).split()) for line in text.split("\n")).strip()
