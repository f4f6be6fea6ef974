"""Every word that a customer reads from us, in each language: the presets, and the labels around them.

Data only; `domain.wording` puts it together. A language is complete or it is not here: a test compares them.
"""

from dataclasses import dataclass
from typing import Final

from domain.failures import Action, Reason


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language.

    Attributes:
        name: The language's own name for itself.
        presets: Session texts by key; a workspace may have its own instead (R7.10).
        labels: Words on buttons and above lists; they are ours, since a tap is found by them.
        titles: An action as it is offered: title and description.
        disputes: The title of a dispute where the reason asks for other words.
        actions: An action as part of a sentence.
        reasons: Why a delivery failed, after "could not deliver: ".
        days: Short names of the days, Monday first.
        months: Short names of the months, January first.
        payment: "Cash on delivery" and "Prepaid".
    """

    name: str
    presets: dict[str, str]
    labels: dict[str, str]
    titles: dict[Action, tuple[str, str]]
    disputes: dict[Reason, str]
    actions: dict[Action, str]
    reasons: dict[Reason, str]
    days: tuple[str, ...]
    months: tuple[str, ...]
    payment: tuple[str, str]


_ENGLISH = Language(
    name="English",
    presets={
        "please_choose": "Sorry, we could not read that. What should we do with your {brand} order {order_id}?",
        "options": "These are possible for your {brand} order {order_id}:",
        "not_offered": "That is not possible for this delivery. These are possible for your {brand} order {order_id}:",
        "choose_day": "Which day suits you for your {brand} order {order_id}?",
        "ask_address": "Please send the complete address for your {brand} order {order_id}: house, street, area and a landmark.{area}",
        "area": " We can deliver within pincode {pincode}.",
        "address_short": "That is too short for an address. Please send house, street, area and a landmark for your {brand} order {order_id}.",
        "address_other_pincode": "We can deliver your {brand} order {order_id} only within pincode {pincode}. "
        "Please send an address with this pincode, or choose something else.",
        "confirm_address": "New address for your {brand} order {order_id}:\n{address}\n\nIs this right?",
        "confirm_cancel": "Do you really want to cancel your {brand} order {order_id}? It goes back to the seller.",
        "confirm_reattempt": "A new attempt on the next working day with your {brand} order {order_id}: shall we ask for it?",
        "confirm_day": "Your {brand} order {order_id} on {day}: shall we ask for it?",
        "confirm_not_mine": "Is the {brand} order {order_id} not yours? Then we will not write to you about it again.",
        "kept": "Good, we keep your {brand} order {order_id}. What should we do?",
        "ask_words": "We are sorry. Tell us in a few words what happened with your {brand} order {order_id}, or tap Send. We ask for a new attempt.",
        "accepted_reattempt": "Done. {courier} will try again on the next working day with your {brand} order {order_id}.{payment}",
        "accepted_reschedule": "Done. {courier} will come on {day} with your {brand} order {order_id}.{payment}",
        "accepted_update_address": "Done. {courier} will bring your {brand} order {order_id} to the new address.{payment}",
        "accepted_cancel": "Done. Your {brand} order {order_id} is cancelled and goes back to the seller.",
        "accepted_dispute": "Thank you. We have told {seller} and the courier, and asked for a new attempt with your {brand} order {order_id}.{payment}",
        "not_my_order": "Thank you for telling us. We will not write to you about the {brand} order {order_id} again.",
        "in_hand": "We have your answer for your {brand} order {order_id}. The courier's system is slow right now; we keep trying and tell you when it is done.",
        "refused": "The courier could not accept that for your {brand} order {order_id}. These are still possible:",
        "refused_later": "The courier could not do it after all ({action}) for your {brand} order {order_id}. These are still possible:",
        "refused_last": "The courier could not accept that for your {brand} order {order_id}. The team of {seller} will contact you.",
        "refused_date": "The courier cannot come on {day}. Which other day suits you for your {brand} order {order_id}?",
        "already": "Already recorded for your {brand} order {order_id}: {action}.",
        "already_asked": "We have your answer for your {brand} order {order_id} and are passing it on: {action}.",
        "no_longer_waiting": "Thank you. Your {brand} order {order_id} is no longer waiting for an answer.",
        "team_will_contact": "Our team will contact you about your {brand} order {order_id}. You can still tap one of the choices.",
        "out_of_hours": "Our team works from {works_from} to {works_until} and will contact you then about your {brand} order {order_id}. "
        "You can also tap one of the choices now.",
        "language_changed": "We write to you in English from now on. What should we do with your {brand} order {order_id}?",
        "nudge": "We still need your answer for your {brand} order {order_id}. What should we do?",
        "cod": " Please keep {amount} ready.",
        "standard_answer": "Thank you for your message. No delivery of yours waits for an answer here. "
        "For all else please contact the shop where you ordered.",
        "which_order": "More than one of your deliveries waits for an answer:\n{orders}\n\nWhich one do you mean?",
    },
    labels={
        "list_title": "Your delivery",
        "see_options": "See all options",
        "pick_day": "Choose a day",
        "pick_order": "Choose an order",
        "yes_cancel": "Yes, cancel it",
        "no_keep": "No, keep it",
        "yes_again": "Yes, try again",
        "yes_day": "Yes, {day}",
        "other_day": "Another day",
        "not_mine": "Not my order",
        "send": "Send",
        "back": "Something else",
        "yes_right": "Yes, this is right",
        "change": "Change it",
        "form_title": "Delivery address",
        "form_footer": "Order {order_id}",
        "pincode": "Pincode {pincode}",
        "landmark": "Landmark: {landmark}",
        "pin": "Location pin received",
        "phone": "Contact number: {phone}",
        "the_seller": "the seller",
        "the_courier": "The courier",
        "another_day": "another day",
        "order_row": "Order {order_id}",
        "order_line": "{brand} order {order_id}",
    },
    titles={
        Action.REATTEMPT: ("Try again", "Next working day"),
        Action.RESCHEDULE: ("Choose another date", "Pick the day that suits you"),
        Action.UPDATE_ADDRESS: ("Change address", "Within the same pincode"),
        Action.CANCEL: ("Cancel the order", "We ask once more"),
        Action.DISPUTE: ("Nobody came", "Tell us what happened"),
        Action.NOT_MY_ORDER: ("Not my order", "You do not know this parcel"),
    },
    disputes={
        Reason.CUSTOMER_UNREACHABLE: "Nobody called",
        Reason.REFUSED: "I did not refuse it",
        Reason.REFUSED_OPENED: "I did not refuse it",
        Reason.COD_NOT_READY: "The money was ready",
        Reason.RESCHEDULE_REQUESTED: "I did not ask that",
    },
    actions={
        Action.REATTEMPT: "a new delivery attempt",
        Action.RESCHEDULE: "delivery on {day}",
        Action.UPDATE_ADDRESS: "delivery to the new address",
        Action.CANCEL: "the order is cancelled",
        Action.DISPUTE: "a new attempt, and your report about the courier",
        Action.NOT_MY_ORDER: "this is not your order",
    },
    reasons={
        Reason.CUSTOMER_UNAVAILABLE: "nobody was at home",
        Reason.CUSTOMER_UNREACHABLE: "you could not be reached by phone",
        Reason.REFUSED: "the parcel was not accepted",
        Reason.REFUSED_OPENED: "the parcel was opened and not accepted",
        Reason.CANCELLED_OTP: "the order was cancelled at the door",
        Reason.ADDRESS_INCOMPLETE: "the address is wrong or incomplete",
        Reason.CUSTOMER_MOVED: "you have moved from this address",
        Reason.OUT_OF_DELIVERY_AREA: "the address is outside the courier's area",
        Reason.SELF_COLLECT: "the parcel waits to be collected",
        Reason.COD_NOT_READY: "the payment was not ready",
        Reason.PAYMENT_DISPUTE: "there was a question about the payment",
        Reason.RESCHEDULE_REQUESTED: "another day was asked for",
        Reason.OPEN_DELIVERY_WANTED: "the parcel may not be opened before payment",
        Reason.ENTRY_RESTRICTED: "the courier could not enter the premises",
        Reason.OTP_PROBLEM: "the delivery code did not match",
        Reason.ID_MISSING: "an identity document was missing",
        Reason.NOT_ATTEMPTED: "the courier did not come",
        Reason.SEIZED: "the parcel is being looked into",
        Reason.LOST: "the parcel is being looked for",
        Reason.DAMAGED: "the parcel was damaged",
        Reason.MAX_ATTEMPTS: "no further attempt is possible",
        Reason.ON_HOLD: "the parcel is on hold",
        Reason.UNKNOWN: "the courier could not complete the delivery",
    },
    days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    payment=("Cash on delivery", "Prepaid"),
)

_HINDI = Language(
    name="हिन्दी",
    presets={
        "please_choose": "माफ़ कीजिए, हम यह समझ नहीं पाए। आपके {brand} ऑर्डर {order_id} का क्या करें?",
        "options": "आपके {brand} ऑर्डर {order_id} के लिए ये विकल्प हैं:",
        "not_offered": "इस डिलीवरी के लिए यह संभव नहीं है। आपके {brand} ऑर्डर {order_id} के लिए ये विकल्प हैं:",
        "choose_day": "आपका {brand} ऑर्डर {order_id} किस दिन पहुँचाएँ?",
        "ask_address": "कृपया अपने {brand} ऑर्डर {order_id} के लिए पूरा पता भेजें: मकान, गली, इलाका और कोई लैंडमार्क।{area}",
        "area": " हम पिनकोड {pincode} के अंदर ही पहुँचा सकते हैं।",
        "address_short": "पता पूरा नहीं है। कृपया अपने {brand} ऑर्डर {order_id} के लिए मकान, गली, इलाका और लैंडमार्क भेजें।",
        "address_other_pincode": "हम आपका {brand} ऑर्डर {order_id} केवल पिनकोड {pincode} के अंदर पहुँचा सकते हैं। "
        "कृपया इसी पिनकोड का पता भेजें, या कुछ और चुनें।",
        "confirm_address": "आपके {brand} ऑर्डर {order_id} का नया पता:\n{address}\n\nक्या यह सही है?",
        "confirm_cancel": "क्या आप सच में अपना {brand} ऑर्डर {order_id} रद्द करना चाहते हैं? यह विक्रेता को वापस चला जाएगा।",
        "confirm_reattempt": "आपका {brand} ऑर्डर {order_id} अगले कार्य दिवस पर फिर से भेजें?",
        "confirm_day": "आपका {brand} ऑर्डर {order_id} {day} को भेजें?",
        "confirm_not_mine": "क्या {brand} ऑर्डर {order_id} आपका नहीं है? तब हम इसके बारे में आपको फिर नहीं लिखेंगे।",
        "kept": "ठीक है, आपका {brand} ऑर्डर {order_id} रद्द नहीं होगा। अब क्या करें?",
        "ask_words": "हमें खेद है। आपके {brand} ऑर्डर {order_id} के साथ क्या हुआ, कुछ शब्दों में बताएँ, या “भेजें” दबाएँ। हम दोबारा डिलीवरी के लिए कहेंगे।",
        "accepted_reattempt": "हो गया। {courier} अगले कार्य दिवस पर आपका {brand} ऑर्डर {order_id} फिर से लाएगा।{payment}",
        "accepted_reschedule": "हो गया। {courier} {day} को आपका {brand} ऑर्डर {order_id} लाएगा।{payment}",
        "accepted_update_address": "हो गया। {courier} आपका {brand} ऑर्डर {order_id} नए पते पर लाएगा।{payment}",
        "accepted_cancel": "हो गया। आपका {brand} ऑर्डर {order_id} रद्द हो गया है और विक्रेता को वापस जा रहा है।",
        "accepted_dispute": "धन्यवाद। हमने {seller} और कूरियर को बता दिया है, और आपके {brand} ऑर्डर {order_id} की दोबारा डिलीवरी के लिए कहा है।{payment}",
        "not_my_order": "बताने के लिए धन्यवाद। {brand} ऑर्डर {order_id} के बारे में हम आपको फिर नहीं लिखेंगे।",
        "in_hand": "आपके {brand} ऑर्डर {order_id} के लिए आपका जवाब मिल गया है। कूरियर का सिस्टम अभी धीमा है; हम कोशिश कर रहे हैं और हो जाने पर बताएँगे।",
        "refused": "कूरियर आपके {brand} ऑर्डर {order_id} के लिए यह नहीं कर सका। ये विकल्प अब भी हैं:",
        "refused_later": "कूरियर आपके {brand} ऑर्डर {order_id} के लिए यह नहीं कर पाया ({action})। ये विकल्प अब भी हैं:",
        "refused_last": "कूरियर आपके {brand} ऑर्डर {order_id} के लिए यह नहीं कर सका। {seller} की टीम आपसे संपर्क करेगी।",
        "refused_date": "कूरियर {day} को नहीं आ सकता। आपका {brand} ऑर्डर {order_id} और किस दिन पहुँचाएँ?",
        "already": "आपके {brand} ऑर्डर {order_id} के लिए पहले ही दर्ज है: {action}।",
        "already_asked": "आपके {brand} ऑर्डर {order_id} के लिए आपका जवाब मिल गया है और हम इसे आगे भेज रहे हैं: {action}।",
        "no_longer_waiting": "धन्यवाद। आपके {brand} ऑर्डर {order_id} को अब किसी जवाब की ज़रूरत नहीं है।",
        "team_will_contact": "हमारी टीम आपके {brand} ऑर्डर {order_id} के बारे में आपसे संपर्क करेगी। आप अब भी कोई विकल्प चुन सकते हैं।",
        "out_of_hours": "हमारी टीम {works_from} से {works_until} तक काम करती है और तब आपके {brand} ऑर्डर {order_id} के बारे में आपसे संपर्क करेगी। "
        "आप अभी भी कोई विकल्प चुन सकते हैं।",
        "language_changed": "अब से हम आपको हिन्दी में लिखेंगे। आपके {brand} ऑर्डर {order_id} का क्या करें?",
        "nudge": "आपके {brand} ऑर्डर {order_id} के लिए हमें अब भी आपका जवाब चाहिए। क्या करें?",
        "cod": " कृपया {amount} तैयार रखें।",
        "standard_answer": "आपके संदेश के लिए धन्यवाद। यहाँ आपकी कोई डिलीवरी जवाब का इंतज़ार नहीं कर रही है। "
        "बाकी सब के लिए कृपया उस दुकान से संपर्क करें जहाँ से आपने ऑर्डर किया था।",
        "which_order": "आपकी एक से ज़्यादा डिलीवरी जवाब का इंतज़ार कर रही हैं:\n{orders}\n\nआप किसकी बात कर रहे हैं?",
    },
    labels={
        "list_title": "आपकी डिलीवरी",
        "see_options": "सभी विकल्प देखें",
        "pick_day": "दिन चुनें",
        "pick_order": "ऑर्डर चुनें",
        "yes_cancel": "हाँ, रद्द करें",
        "no_keep": "नहीं, रहने दें",
        "yes_again": "हाँ, फिर से भेजें",
        "yes_day": "हाँ {day}",
        "other_day": "कोई और दिन",
        "not_mine": "मेरा ऑर्डर नहीं",
        "send": "भेजें",
        "back": "कुछ और",
        "yes_right": "हाँ, यह सही है",
        "change": "बदलें",
        "form_title": "डिलीवरी का पता",
        "form_footer": "ऑर्डर {order_id}",
        "pincode": "पिनकोड {pincode}",
        "landmark": "लैंडमार्क: {landmark}",
        "pin": "लोकेशन पिन मिल गई",
        "phone": "संपर्क नंबर: {phone}",
        "the_seller": "विक्रेता",
        "the_courier": "कूरियर",
        "another_day": "किसी और दिन",
        "order_row": "ऑर्डर {order_id}",
        "order_line": "{brand} ऑर्डर {order_id}",
    },
    titles={
        Action.REATTEMPT: ("फिर से भेजें", "अगले कार्य दिवस पर"),
        Action.RESCHEDULE: ("दूसरा दिन चुनें", "जो दिन आपको ठीक लगे"),
        Action.UPDATE_ADDRESS: ("पता बदलें", "उसी पिनकोड के अंदर"),
        Action.CANCEL: ("ऑर्डर रद्द करें", "हम एक बार और पूछेंगे"),
        Action.DISPUTE: ("कोई नहीं आया", "बताइए क्या हुआ"),
        Action.NOT_MY_ORDER: ("मेरा ऑर्डर नहीं", "आप इस पार्सल को नहीं जानते"),
    },
    disputes={
        Reason.CUSTOMER_UNREACHABLE: "कोई फ़ोन नहीं आया",
        Reason.REFUSED: "मैंने मना नहीं किया",
        Reason.REFUSED_OPENED: "मैंने मना नहीं किया",
        Reason.COD_NOT_READY: "पैसे तैयार थे",
        Reason.RESCHEDULE_REQUESTED: "मैंने नहीं कहा था",
    },
    actions={
        Action.REATTEMPT: "दोबारा डिलीवरी की कोशिश",
        Action.RESCHEDULE: "{day} को डिलीवरी",
        Action.UPDATE_ADDRESS: "नए पते पर डिलीवरी",
        Action.CANCEL: "ऑर्डर रद्द",
        Action.DISPUTE: "दोबारा डिलीवरी, और कूरियर के बारे में आपकी शिकायत",
        Action.NOT_MY_ORDER: "यह आपका ऑर्डर नहीं है",
    },
    reasons={
        Reason.CUSTOMER_UNAVAILABLE: "घर पर कोई नहीं मिला",
        Reason.CUSTOMER_UNREACHABLE: "फ़ोन पर आपसे बात नहीं हो पाई",
        Reason.REFUSED: "पार्सल नहीं लिया गया",
        Reason.REFUSED_OPENED: "पार्सल खोला गया और नहीं लिया गया",
        Reason.CANCELLED_OTP: "ऑर्डर दरवाज़े पर रद्द किया गया",
        Reason.ADDRESS_INCOMPLETE: "पता गलत या अधूरा है",
        Reason.CUSTOMER_MOVED: "आप इस पते से जा चुके हैं",
        Reason.OUT_OF_DELIVERY_AREA: "पता कूरियर के इलाके से बाहर है",
        Reason.SELF_COLLECT: "पार्सल लेने के लिए रखा है",
        Reason.COD_NOT_READY: "भुगतान तैयार नहीं था",
        Reason.PAYMENT_DISPUTE: "भुगतान को लेकर कोई सवाल था",
        Reason.RESCHEDULE_REQUESTED: "किसी और दिन के लिए कहा गया था",
        Reason.OPEN_DELIVERY_WANTED: "भुगतान से पहले पार्सल नहीं खोला जा सकता",
        Reason.ENTRY_RESTRICTED: "कूरियर अंदर नहीं जा सका",
        Reason.OTP_PROBLEM: "डिलीवरी कोड मेल नहीं खाया",
        Reason.ID_MISSING: "पहचान पत्र नहीं था",
        Reason.NOT_ATTEMPTED: "कूरियर नहीं आया",
        Reason.SEIZED: "पार्सल की जाँच हो रही है",
        Reason.LOST: "पार्सल खोजा जा रहा है",
        Reason.DAMAGED: "पार्सल खराब हो गया",
        Reason.MAX_ATTEMPTS: "अब और कोशिश संभव नहीं है",
        Reason.ON_HOLD: "पार्सल रोका गया है",
        Reason.UNKNOWN: "कूरियर डिलीवरी पूरी नहीं कर सका",
    },
    days=("सोम", "मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि"),
    months=(
        "जनवरी",
        "फ़रवरी",
        "मार्च",
        "अप्रैल",
        "मई",
        "जून",
        "जुलाई",
        "अगस्त",
        "सितंबर",
        "अक्टूबर",
        "नवंबर",
        "दिसंबर",
    ),
    payment=("कैश ऑन डिलीवरी", "पहले से भुगतान"),
)

LANGUAGES: Final[dict[str, Language]] = {"en": _ENGLISH, "hi": _HINDI}
"""By code. Another language is one more entry."""
