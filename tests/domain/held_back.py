"""Phrases written before `domain/understanding.py` was, and never tuned to: they measure it, they do not shape it.

Today is Wednesday, 18 November 2026.
"""

from datetime import date

from domain.failures import Action

_A = Action

TODAY = date(2026, 11, 18)

ACTIONS: tuple[tuple[str, Action, int], ...] = (
    # The phrase, what it says, and the day of November 2026 that it names (0: none).
    ("bhaiya kal subah tak pahucha dena", _A.RESCHEDULE, 19),
    ("plz try delivery again", _A.REATTEMPT, 0),
    ("sorry i was out, please come again tomorrow", _A.RESCHEDULE, 19),
    ("is order ko cancel kardo bhai", _A.CANCEL, 0),
    ("ye order mujhe nahi chahiye ab", _A.CANCEL, 0),
    ("i dont need this anymore", _A.CANCEL, 0),
    ("galti se order ho gaya cancel kar dijiye", _A.CANCEL, 0),
    ("order vapas le jao", _A.CANCEL, 0),
    ("मुझे यह सामान नहीं चाहिए", _A.CANCEL, 0),
    ("ऑर्डर कैंसिल कर दीजिए", _A.CANCEL, 0),
    ("कृपया कल सुबह डिलीवरी कर दें", _A.RESCHEDULE, 19),
    ("परसों आना", _A.RESCHEDULE, 20),
    ("सोमवार को भेज देना", _A.RESCHEDULE, 23),
    ("२७ तारीख को", _A.RESCHEDULE, 27),
    ("27 nov ko bhej dena", _A.RESCHEDULE, 27),
    ("saturday", _A.RESCHEDULE, 21),
    ("shanivar ko dena", _A.RESCHEDULE, 21),
    ("deliver on 30th november", _A.RESCHEDULE, 30),
    ("30/11", _A.RESCHEDULE, 30),
    ("next week bhejna", _A.RESCHEDULE, 0),
    ("date badalni hai", _A.RESCHEDULE, 0),
    ("i want to reschedule", _A.RESCHEDULE, 0),
    ("cancel mat karna please kal le lunga", _A.RESCHEDULE, 19),
    ("mera pata badal gaya hai", _A.UPDATE_ADDRESS, 0),
    ("address galat diya tha", _A.UPDATE_ADDRESS, 0),
    ("naye pate par bhejo", _A.UPDATE_ADDRESS, 0),
    ("i have shifted to a new address", _A.UPDATE_ADDRESS, 0),
    ("please update my delivery address", _A.UPDATE_ADDRESS, 0),
    ("एड्रेस चेंज करना है", _A.UPDATE_ADDRESS, 0),
    ("delivery boy aaya hi nahi", _A.DISPUTE, 0),
    ("no one came to my house", _A.DISPUTE, 0),
    ("mujhe kisi ka call nahi aaya", _A.DISPUTE, 0),
    ("i was home whole day nobody came", _A.DISPUTE, 0),
    ("delivery guy never called me", _A.DISPUTE, 0),
    ("मेरे पास कोई कॉल नहीं आया", _A.DISPUTE, 0),
    ("maine parcel lene se mana nahi kiya", _A.DISPUTE, 0),
    ("this is not my parcel", _A.NOT_MY_ORDER, 0),
    ("maine ye order nahi kiya hai", _A.NOT_MY_ORDER, 0),
    ("galat number hai", _A.NOT_MY_ORDER, 0),
    ("यह मेरा ऑर्डर नहीं है", _A.NOT_MY_ORDER, 0),
    ("dobara bhej dijiye", _A.REATTEMPT, 0),
    ("haan ji bhej dijiye", _A.REATTEMPT, 0),
    ("ek baar fir se try karo", _A.REATTEMPT, 0),
    ("डिलीवरी दोबारा करवा दो", _A.REATTEMPT, 0),
)

PERSON = (
    "connect me to customer support",
    "kya main kisi executive se baat kar sakta hu?",
    "कस्टमर केयर से बात कराओ",
)

HINDI = ("hindi me likho",)

THREE = ("option 3", "३")

NOTHING = (
    "mera order kahan hai",
    "kab tak aayega",
    "H.No 12, Gali No 3, Laxmi Nagar, Delhi 110092",
    "cancel nahi karna hai mujhe",
    "aap log cancel kyu kar dete ho",
    "paise wapas kab milenge",
    "kal aaya tha par maine liya nahi",
    "thank you so much",
    "office band hai aaj",
    "maine 1500 rupay pay kar diye",
    "monday tuesday dono din ghar pe nahi hu",
    "2 baje ke baad koi nahi milega",
)
