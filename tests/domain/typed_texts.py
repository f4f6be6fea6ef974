"""Texts as customers type them, and what they say. Today is Wednesday, 18 November 2026."""

from datetime import date

from domain.failures import Action

# A group is one string, its texts parted by `|`.

CLEAR: dict[Action, str] = {
    Action.REATTEMPT: """
        Try again | try again please | Please try once more | retry | Re-attempt | reattempt kar do |
        please redeliver | deliver again | send it again | please deliver my order |
        please send my parcel | I want my order | I need it | phir se bhej do | fir se bhejo bhai |
        dobara bhejo | dubara bhej dijiye | phir se delivery kar do | delivery karo |
        dobara delivery kara do | ek baar aur try karo | haan bhej do | ok bhej do | Ha bhai bhejdo |
        bhej dijiyega | bhej do na | le aao | aa jao | mujhe chahiye bhej do | order chahiye |
        cancel mat karo bhej do | Don't cancel, please deliver | cancel nahi karna, mujhe parcel chahiye |
        address sahi hai, dobara bhejo | paise ready hai bhej do | main ghar par hu bhej do | jaldi bhejo |
        no, send it | फिर से भेज दो | दोबारा भेज दीजिए | भेज दो | हाँ भेज दीजिए |
        कृपया फिर से डिलीवरी कर दें | मुझे चाहिए | PLZZZ SEND AGAIN!!! | phirse bhej do 🙏🙏 |
        फिर से bhej do
    """,
    Action.RESCHEDULE: """
        Choose another date | another date please | reschedule | Please reschedule my delivery |
        change the date | change delivery date | date change karo | date badal do |
        delivery date change karna hai | kisi aur din bhejna | dusre din aana | next week |
        next week monday | agle hafte bhejo | baad me bhej dena | deliver later | next friday |
        abhi nahi, baad me bhejna | तारीख बदलनी है | अगले हफ्ते भेजना | बाद में भेज देना
    """,
    Action.UPDATE_ADDRESS: """
        Change address | change my address | I want to change the address | update address |
        wrong address | The address is wrong | address is incomplete | new address |
        please deliver to another address | I have moved | address change karna hai |
        address change kar do | adress galat hai | Address galat hai change karna hai | pata galat hai |
        pata badalna hai | mera address badal gaya | dusre address par bhej do | naya address hai |
        address sahi nahi hai | location galat hai | पता बदलना है | पता गलत है | एड्रेस गलत है | नया पता |
        मेरा पता बदल गया है
    """,
    Action.CANCEL: """
        Cancel | CANCEL | cancelll | Cancel the order | Yes, cancel it | please cancel my order |
        I want to cancel | i would like to cancel my order | need to cancel this order | cancle order |
        cancel order please sir | cancel now | I don't want it | i dont want this order |
        I do not want this | not needed | no need | don't deliver | dont send it | return it |
        return kar do | please take it back | send it back | cancel kar do | cancel kardo bhai |
        order cancel karo | cancel krdo plz | order cancel karna hai | mujhe order cancel karna hai |
        mujhe nahi chahiye | nhi chahiye | nai chahiye bhai | ab nahi chahiye | chahiye nahi |
        mujhe iski zarurat nahi hai | nahi lena hai | mat bhejo | mat bhejna | nahi bhejna | bhejna mat |
        nahi chahiye, cancel kar do | nahi chahiye cancel kar do | mat bhejo cancel kar do |
        cancel kar do mat bhejo | wapas bhej do | wapas le jao | vapas le jaiye | रद्द कर दो |
        ऑर्डर रद्द करना है | कैंसिल कर दो | कैंसल | नहीं चाहिए | मुझे नही चाहिए | मत भेजो | वापस ले जाओ |
        ज़रूरत नहीं है | order रद्द kar do
    """,
    Action.DISPUTE: """
        Nobody came | no one came | nobody came today | Nobody called | I did not refuse it |
        I didn't refuse | The money was ready | I did not ask that | I did not cancel |
        delivery boy did not come | Delivery boy never came to my house | the delivery man didn't call me |
        no call received | koi nahi aaya | koi bhi nahi aaya | koi nhi aya | kal koi nahi aaya |
        aaj koi nahi aaya | koi aaya hi nahi | delivery boy nahi aaya | delivery boy ne call nahi kiya |
        delivery wale ne call hi nahi kiya | mujhe call nahi kiya | koi call nahi aaya |
        kisi ne phone nahi kiya | kisi ne call nahi kiya mujhe | maine cancel nahi kiya |
        maine order cancel nahi kiya | cancel maine nahi kiya | maine mana nahi kiya |
        koi nahi aaya, phir se bhejo | paise ready the | main ghar par tha, koi nahi aaya | कोई नहीं आया |
        कोई नही आया | कोई भी नहीं आया | डिलीवरी बॉय नहीं आया | किसी ने कॉल नहीं किया |
        मैंने मना नहीं किया | कोई कॉल नहीं आया
    """,
    Action.NOT_MY_ORDER: """
        Not my order | this is not my order | It's not mine | I did not order this |
        I didn't order anything | I have not ordered this | I never ordered it | wrong number |
        galat number | mera order nahi hai | ye mera order nahi hai | ye order mera nahi hai |
        maine order nahi kiya | maine koi order nahi kiya | maine kuch order nahi kiya |
        मेरा ऑर्डर नहीं है | मैंने ऑर्डर नहीं किया | गलत नंबर है
    """,
}

DAYS: dict[date, str] = {
    date(2026, 11, 18): """
        aaj bhej do | deliver today | today | आज भेज दो | 18/11
    """,
    date(2026, 11, 19): """
        haan kal bhej do | kal aana | kal | haan kal | KAL BHEJO!! | kaal bhej do | kl bhej dena |
        kal hi bhejna | kal subah bhej do | kal shaam ko aana | kal 5 baje ke baad | kal 10-12 baje |
        tomorrow after 5pm | tomorrow | please deliver tomorrow | Deliver it tomorow morning please |
        tomorrow is fine | come tomorrow at 10:30 am | delivery kal | kal ke liye | kal ghar par hu |
        I will be home tomorrow | I'm available tomorrow | ghar par nahi hu, kal bhej do |
        aaj busy hu kal bhej do | aaj nahi, kal | aaj nahi kal bhejna | not today, tomorrow |
        abhi mat bhejo kal bhejo | kal thursday ko bhejo | cancel mat karo, kal bhej do | कल भेज दीजिए |
        कल भेजो | हां कल | कल सुबह आना | कल शाम को | kal भेज do | thursday | गुरुवार
    """,
    date(2026, 11, 20): """
        parso subah | parso bhejna | parson | day after tomorrow | kal nahi parso aana | 2 din baad |
        after 2 days | friday ko | Fri 20 Nov | deliver on friday please | परसों | शुक्रवार को भेजना |
        20 ko bhej do | २० तारीख
    """,
    date(2026, 11, 22): """
        Sunday | on sun | sun 22 nov | itwar ko | रविवार को | is sunday ko bhejo
    """,
    date(2026, 11, 23): """
        Monday ko | next monday | monday | out of station hu, monday ko bhejna | somvar ko | agle somvar |
        सोमवार
    """,
    date(2026, 11, 25): """
        25 tarikh | 25 tareekh ko bhej do | 25th | on 25th | 25 ko aana | 25 nov | Nov 25 |
        25th of November | 25/11 | 25-11 | 25-11-2026 | 25.11.2026 | 25/11/26 | 25 तारीख | २५ तारीख को |
        25 नवंबर | next wednesday | wednesday | 25 tarikh ko shaam 6 baje
    """,
    date(2026, 12, 18): """
        18 tarikh
    """,
    date(2026, 12, 25): """
        25 dec | dec 25 | 25/12 | 25-12-2026 | 25 दिसंबर | 25 december 2026
    """,
    date(2026, 12, 31): """
        31 tarikh | 31st
    """,
    date(2027, 1, 5): """
        5 jan | 5/1 | 5 january 2027
    """,
}

PERSON = """
    agent se baat karni hai | agent | customer care number do | customer care ka number | call me |
    please call me | call karo | mujhe call karo | call me tomorrow | kal call karna | call me, tomorrow | call back please |
    kisi se baat karao | kisi insaan se baat karni hai | mujhe baat karni hai |
    I want to talk to an agent | talk to a human | connect me to an agent | can you call me? |
    can I speak to someone? | kya aap call kar sakte ho? | kya kisi se baat ho sakti hai? |
    इंसान से बात करनी है | किसी से बात कराओ | मुझे कॉल करो |
    Bahut kharab service hai. Agent se baat karni hai.
"""

HINDI = """
    hindi | Hindi please | hindi mein | hindi me baat karo | hindi bolo | हिंदी | हिन्दी में |
    in Hindi please
"""

ENGLISH = """
    english | English please | english mein | in english | speak english | change to english | अंग्रेजी
"""

NUMBERS: dict[int, str] = {
    1: """
        1 | 1. | (1) | option 1 | 1️⃣ | १
    """,
    2: """
        2 | 2. | २ | option 2 | no 2 | No. 2 | 2 please | number 2 | 2) | *2* | विकल्प 2
    """,
    10: """
        10 | १० | opt 10
    """,
}

UNCLEAR: dict[str, str] = {
    "says yes, no, hello or thanks": """
        haan | ok | yes | nahi | no | नहीं | हाँ | ji | hello | hi | namaste | good morning | thank you |
        thanks bhai | धन्यवाद | 👍 | 🙏 | ... | ok thank you sir
    """,
    "asks": """
        kab aayega? | kab aayega | where is my order | kya cancel ho gaya? | will you cancel? |
        kal aayega kya | can you deliver tomorrow? | kal bhej doge? | cancel? | tomorrow? | status |
        what is this | kaun | kya | kya kal bhej sakte ho | kyun cancel kiya | कब आएगा | क्या हुआ |
        kitne paise dene hai | why cancelled | kal delivery hai | kya address galat hai? |
        do I have to pay 500?
    """,
    "negates": """
        order cancel mat karo | cancel mat karo | don't cancel | do not cancel my order |
        cancel nahi karna | mujhe cancel nahi karna hai | i don't want to cancel | never cancel |
        cancel na kare | nahi cancel karo | no, cancel | kal nahi | not tomorrow | kal mat bhejo |
        don't deliver tomorrow | abhi mat bhejo | dont send now | shaam ko mat aana | wapas mat bhejo |
        don't return it | address change nahi karna | रद्द मत करो | कैंसिल नहीं करना | कल नहीं |
        reschedule mat karo | call mat karo | don't call me | hindi nahi | agent nahi chahiye |
        kal ghar par nahi hu | kal busy hu | i am not home tomorrow | nahi bhej do | dobara mat bhejo |
        no keep it | no need to cancel | cancel karne ki zarurat nahi hai | cancel karna nahi chahiye |
        I don't want my order cancelled | I don't want to send it back | return karne ki zarurat nahi |
        call abhi nahi | kal ghar se bahar hu | ghar par nahi hu kal | next week ghar par nahi hu |
        ghar par mat bhejo | delivery mat karo | I don't want to reschedule | रद्द करने की जरूरत नहीं
    """,
    "contradicts itself": """
        cancel kar do aur kal bhejo | kal ya parso | kal aur parso | 25 or 26 | cancel, no |
        cancel ya bhej do | monday or tuesday | bhej do nahi to cancel karo |
        address change karo aur cancel karo | cancel mat bhejo | koi nahi aaya cancel kar do |
        thursday 25 nov | mera order nahi hai, kal bhejo | kal cancel karna | bhejo mat kal bhejo |
        don't cancel, return it | aaj sunday hai | 25 nov 26 nov
    """,
    "tells of the past or complains": """
        kal aaya tha | kal koi aaya tha | cancel ho gaya | cancel kar diya | order cancelled |
        I cancelled it | kal bhej diya tha | kal busy tha | kal order kiya tha | mera order nahi aaya |
        order not delivered | worst service | very bad | bakwas company | courier nahi aaya |
        aapne cancel nahi kiya | maine call nahi kiya | I did not call | abhi tak nahi aaya |
        paise wapas karo | refund chahiye | refund my money | product kharab hai |
        customer care ne call nahi kiya | customer care se baat ki thi |
        maine delivery boy ko call nahi kiya | order 25 tarikh ka hai | ordered on 10 nov |
        delivered already | mil gaya | usne cancel kiya | boy ne mana kar diya | galat order |
        wrong product | koi baat nahi | pata nahi | mujhe pata hai
    """,
    "is an address": """
        Flat 25, MG Road | 25 MG Road | H No 12 Gali 3 | 560001 | Sector 25 |
        12, Rose Villa, MG Road, 560001 | near SBI bank | ghar number 5, gali number 2 |
        25/2 Kalyan Nagar | 2nd floor | Monday market ke paas | B-25 Shanti Nagar Delhi 110001 |
        मकान नंबर 25, गांधी नगर | Landmark: temple | 12/4 Lal Bahadur Marg | 5th cross | address bhej do |
        location bhejo | Behind 25 December Park
    """,
    "is a figure of another kind": """
        9999900001 | 919999900001 | 500 | ₹500 | 500 rs | 2 rs | 42 | OD12345 | order 403-112 | 39 | 100 |
        0 | 2 bhej do | 2 order cancel karo | 5 baje | 5pm | after 5pm | shaam ko | 5 baje ke baad |
        10:30 | 2-3 din baad | 5-7 | 2+2 | 24/7 | 1.5 | ½ | 50% | #2 | 5 star | sat baje | 2 3
    """,
    "names no day that can be": """
        32 tarikh | 0 tarikh | 31 nov | 30 feb | 25 march | 25/13 | 25-12-2027 | 18 nov 2025 | 10 nov |
        25 tarikh ke baad | kal ke baad | kal tak | 99 din baad | sun | sat | day | tarikh | monday tak
    """,
    "is something else": """
        Send me a joke | santa ne banta se kaha kal school band hai | Forwarded: good news cancel exam |
        lol | cancel 😂 | ❌ kal | https://example.com/kal | address | order | delivery | please | number |
        call then | again | change it | Yes, this is right | Something else | See all options | help |
        STOP | Happy Diwali | mausam kal accha hai | cancelled cheque | return gift | want refund |
        phone nahi chahiye | agent nahi aaya | பார்சல் வேண்டாம் | কাল পাঠান
    """,
}
