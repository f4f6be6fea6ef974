"""The journey of a parcel, step by step: what sellers can switch on, and what each step means to the order system.

One entry in `JOURNEY` is all that a new step needs beside its name (R4.1): the pages, the help and the order system's
client read it from here. The texts are proposals to create at Gupshup; what is sent is what was approved there.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.shipments import JourneyEvent

SHIPMENT: Final = "shipment"
RETURN_SHIPMENT: Final = "returnShipment"
"""The order system's words for a parcel to the customer and one back. A step is always a pair: both journeys share names."""

UTILITY: Final = "UTILITY"

LAST_STAGE: Final = 4
"""Of the steps that end a journey."""


class JourneyGroup(StrEnum):
    """The two ways a parcel goes."""

    ORDER = "order"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A template to create at Gupshup, ready to copy.

    Attributes:
        language: Its language.
        name: Its element name: small letters, digits and underscores.
        body: Its text, with numbered placeholders.
        variables: What stands in each placeholder, in order.
        header: A short line above; empty for none.
        footer: A short line beneath; empty for none.
        buttons: Its quick replies, in order.
        category: WhatsApp's category, which decides the price.
    """

    language: str
    name: str
    body: str
    variables: tuple[str, ...]
    header: str = ""
    footer: str = ""
    buttons: tuple[str, ...] = ()
    category: str = UTILITY

    @property
    def named_body(self) -> str:
        """Return the text with named placeholders, which map themselves (R4.5)."""
        return re.sub(
            r"\{\{(\d+)\}\}", lambda match: f"{{{{{self.variables[int(match[1]) - 1]}}}}}", self.body
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyEntry:
    """One step of the journey: everything that differs from step to step.

    Attributes:
        key: The step.
        title: Its name on pages.
        when: When it is sent, as a line of its own.
        group: Which journey it belongs to.
        pairs: The order system's resource and subtype of event that mean it.
        texts: Proposed templates, one for each language.
        stage: How far along its journey it is: a step that a later stage has overtaken is not written about any more.
        needs_buttons: The customer answers it, so that its template needs our buttons (R4.7).
        is_of_its_day: It says something that is not true, or of no use, on another day: what would have to wait until
            then is not sent. Every other message may be sent for a day after its event.
    """

    key: JourneyEvent
    title: str
    when: str
    group: JourneyGroup
    pairs: tuple[tuple[str, str], ...]
    texts: tuple[TemplateText, ...]
    stage: int
    needs_buttons: bool = False
    is_of_its_day: bool = False

    def text(self, language: str) -> TemplateText | None:
        """Return the proposed template in a language; None where there is none."""
        return next((text for text in self.texts if text.language == language), None)


def find_event(key: str) -> JourneyEntry | None:
    """Return the step of a key; None for a key that nobody knows."""
    return _BY_KEY.get(key)


def in_group(group: JourneyGroup) -> tuple[JourneyEntry, ...]:
    """Return the steps of one journey, in order."""
    return tuple(entry for entry in JOURNEY if entry.group is group)


_FOOTER_EN: Final = "Reply STOP to end messages"
_FOOTER_HI: Final = "संदेश बंद करने के लिए STOP लिखें"


def _texts(
    name: str,
    variables: tuple[str, ...],
    english: str,
    hindi: str,
    *,
    header: tuple[str, str] = ("", ""),
    buttons: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> tuple[TemplateText, ...]:
    """Return the proposal in each language; placeholders stand for the same variables in all of them."""
    languages = (("en", english, _FOOTER_EN), ("hi", hindi, _FOOTER_HI))
    return tuple(
        TemplateText(
            language=language,
            name=name,
            body=body,
            variables=variables,
            header=header[place],
            footer=footer,
            buttons=buttons[place],
        )
        for place, (language, body, footer) in enumerate(languages)
    )


_NAMED: Final = ("customer_name", "brand", "customer_order_id")
_TRACKED: Final = (*_NAMED, "courier_name", "tracking_url")

JOURNEY: Final[tuple[JourneyEntry, ...]] = (
    JourneyEntry(
        key=JourneyEvent.CREATED,
        title="Created",
        when="When the order reaches Eshopbox",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "created"),),
        stage=0,
        texts=_texts(
            "order_created",
            (*_NAMED, "product_title"),
            "Hi {{1}}, thank you for your {{2}} order {{3}} ({{4}}). We tell you here when it is packed.",
            "नमस्ते {{1}}, आपके {{2}} ऑर्डर {{3}} ({{4}}) के लिए धन्यवाद। पैक होते ही हम आपको यहीं बताएँगे।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.PACKED,
        title="Packed",
        when="When the parcel is packed and labelled",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "packed"),),
        stage=1,
        texts=_texts(
            "order_packed",
            _NAMED,
            "Hi {{1}}, your {{2}} order {{3}} is packed and waits for the courier.",
            "नमस्ते {{1}}, आपका {{2}} ऑर्डर {{3}} पैक हो गया है और कूरियर का इंतज़ार कर रहा है।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.ON_THE_WAY,
        title="On the way",
        when="When the courier has the parcel",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "intransit"),),
        stage=2,
        texts=_texts(
            "order_on_the_way",
            _TRACKED,
            "Hi {{1}}, your {{2}} order {{3}} is on the way with {{4}}. You can follow it at {{5}} until it arrives.",
            "नमस्ते {{1}}, आपका {{2}} ऑर्डर {{3}} रास्ते में है, {{4}} इसे ला रहा है। पहुँचने तक आप इसे {{5}} पर देख सकते हैं।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.OUT_FOR_DELIVERY,
        title="Out for delivery",
        when="On the morning of the delivery",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "out_for_delivery"),),
        stage=3,
        is_of_its_day=True,
        texts=_texts(
            "order_out_for_delivery",
            (*_NAMED, "courier_name"),
            "Hi {{1}}, your {{2}} order {{3}} is out for delivery today with {{4}}. Keep your phone at hand.",
            "नमस्ते {{1}}, आपका {{2}} ऑर्डर {{3}} आज {{4}} के साथ डिलीवरी के लिए निकला है। अपना फ़ोन पास रखें।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.FAILED_DELIVERY,
        title="Failed delivery",
        when="When the courier reports a failed attempt",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "failed_delivery"),),
        stage=3,
        needs_buttons=True,
        texts=_texts(
            "delivery_failed",
            (*_NAMED, "failure_reason"),
            "Hi {{1}}, the courier could not deliver your {{2}} order {{3}}: {{4}}. What should we do?",
            "नमस्ते {{1}}, कूरियर आपका {{2}} ऑर्डर {{3}} नहीं पहुँचा सका: {{4}}। अब हम क्या करें?",
            header=("We missed you today", "आज डिलीवरी नहीं हो सकी"),
            buttons=(
                ("Try again", "Choose another date", "See all options"),
                ("फिर से भेजें", "दूसरा दिन चुनें", "सभी विकल्प देखें"),
            ),
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.DELIVERED,
        title="Delivered",
        when="When the parcel is handed over",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "delivered"),),
        stage=LAST_STAGE,
        is_of_its_day=True,
        texts=_texts(
            "order_delivered",
            _NAMED,
            "Hi {{1}}, your {{2}} order {{3}} has been delivered. Thank you.",
            "नमस्ते {{1}}, आपका {{2}} ऑर्डर {{3}} पहुँचा दिया गया है। धन्यवाद।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.RETURN_CREATED,
        title="Return created",
        when="When the customer’s return is accepted",
        group=JourneyGroup.RETURN,
        pairs=((RETURN_SHIPMENT, "created"),),
        stage=0,
        texts=_texts(
            "return_created",
            _NAMED,
            "Hi {{1}}, the return of your {{2}} order {{3}} is accepted. Keep the parcel ready for the courier.",
            "नमस्ते {{1}}, आपके {{2}} ऑर्डर {{3}} की वापसी मान ली गई है। पार्सल कूरियर के लिए तैयार रखें।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.RETURN_PICKED_UP,
        title="Return picked up",
        when="When the courier collects the return",
        group=JourneyGroup.RETURN,
        pairs=((RETURN_SHIPMENT, "picked_up"),),
        stage=1,
        texts=_texts(
            "return_picked_up",
            ("customer_name", "courier_name", "brand", "customer_order_id"),
            "Hi {{1}}, {{2}} has collected the return of your {{3}} order {{4}}. We tell you when it is with us.",
            "नमस्ते {{1}}, {{2}} ने आपके {{3}} ऑर्डर {{4}} की वापसी ले ली है। हमारे पास पहुँचने पर हम आपको बताएँगे।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.RESTOCKED,
        title="Restocked",
        when="When the return is back in stock",
        group=JourneyGroup.RETURN,
        pairs=((RETURN_SHIPMENT, "complete"),),
        stage=LAST_STAGE,
        texts=_texts(
            "return_restocked",
            (*_NAMED, "refund_amount"),
            "Hi {{1}}, the return of your {{2}} order {{3}} is with us. Your refund of {{4}} is on its way.",
            "नमस्ते {{1}}, आपके {{2}} ऑर्डर {{3}} की वापसी हमें मिल गई है। आपका रिफ़ंड {{4}} भेजा जा रहा है।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.CANCELLED,
        title="Cancelled",
        when="When the order is cancelled",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "cancelled_order"),),
        stage=LAST_STAGE,
        texts=_texts(
            "order_cancelled",
            _NAMED,
            "Hi {{1}}, your {{2}} order {{3}} has been cancelled and will not be delivered.",
            "नमस्ते {{1}}, आपका {{2}} ऑर्डर {{3}} रद्द कर दिया गया है और नहीं पहुँचाया जाएगा।",
        ),
    ),
    JourneyEntry(
        key=JourneyEvent.RTO,
        title="RTO",
        when="When the parcel starts its way back to you",
        group=JourneyGroup.ORDER,
        pairs=((SHIPMENT, "rto"),),
        stage=LAST_STAGE,
        texts=_texts(
            "order_going_back",
            _NAMED,
            "Hi {{1}}, your {{2}} order {{3}} could not be delivered and goes back to the seller.",
            "नमस्ते {{1}}, आपका {{2}} ऑर्डर {{3}} पहुँचाया नहीं जा सका और विक्रेता के पास वापस जा रहा है।",
        ),
    ),
)
"""In the order of the product's list; pages show the two groups one under the other."""

_BY_KEY: Final = {entry.key.value: entry for entry in JOURNEY}
