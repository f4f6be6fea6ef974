"""Words and phrases in which customers say what they want: data for `domain.understanding`, which says how it is read.

A word stands for a concept, phrases are written in concepts. Words that nobody listed make a text unclear, so a word
that is added makes more texts clear: add it only with the phrases in mind that it may then stand in.
"""

from enum import StrEnum

from domain.failures import Action


class Hint(StrEnum):
    """What a phrase says besides an action."""

    DAY = "day"
    NOT_DAY = "not that day, not now"
    WHEN = "a time of day, now"
    AGAIN = "again"
    KEEP = "no cancellation"
    NO = "no"
    ASIDE = "nothing that changes anything"
    DOUBT = "one of two things"
    PERSON = "somebody to talk to"
    HINDI = "hi"
    ENGLISH = "en"


UNKNOWN = "?"
"""The concept of whatever is not known; it stands in no phrase."""

# `_` joins words that mean something only together. Groups parted by `|` are the values 0, 1, 2 … of a concept. The
# words of the empty concept change nothing and are dropped. Spellings that folding makes equal are written once.
WORDS = {
    "": """a ab acha all all_day an any_more anymore anything apka apke apna apne apni are arrange at bas be been bhai
        bhaiya bhayia bhi boss bro brother choose dear dhanyavad dhanyawad didi ek ek_bar even fine fir for from
        good_afternoon good_evening good_morning ha haan hanji has have hello hey hi hlo ho in into is ise isi iska
        iske iski isko it its jaroor jarur jee ji just k k_liye ke_lie ke_liye ke_paas kindly kripya krpya kuch madam
        mam mein mem men mere_paas namaskar namaste ne ok okay only paas par pe per phir please pls plse plz poora_din
        pranam pura_din ram_ram sara_din schedule se shukriya sir sirf so_much sorry sure team thank_u thank_you
        thanks thankyou that theek theek_h theek_hai these thik thik_h thik_hai this thnx thx to toh usko usne vo
        whole_day with wo woh yaar yah ye yeah yeh yep yes yh your yup zaroor zarur नमस्ते नमस्कार प्रणाम सर मैडम भाई
        भैया जी कृपया प्लीज प्लीस धन्यवाद शुक्रिया ओके हां ठीक ठीक_है अच्छा जरूर सॉरी यह ये इस इसे इसको इसकी वह वो उसे
        उसको उसने ने ही भी से में हो अब कुछ के_लिए फिर सिर्फ बस पर पे तो एक के_पास मेरे_पास अपना अपनी अपने एक_बार""",
    "i": "hamne hum humne i im maene mai main maine mene mne we मैं मैंने हम हमने",
    "you": "aap u you आप",
    "me": "hamein hamko hume humein humko me mjhe mjhko muje mujhe mujhko us मुझे मुझको हमें हमको",
    "my": "hamara hamare hamari mera mere meri mine my our मेरा मेरे मेरी हमारा हमारे हमारी",
    "is": "h hai hain hoon hu hun hy rahenge rahunga rahungi will_be है हूं रहूंगा रहूंगी",
    "of": "ka ke ki of का के की",
    "ko": "ko को",
    "on": "on",
    "the": "the",  # also थे
    "do": """deejiye dein den deo dijie dijiye dijiyega do do_na kar kara karao karde kardena kardijiye kardo kardo_na kare
        karein karen karo karo_na karva karvao karwa karwao kijie kijiye kijiyega kr krao krde krdena krdijiye krdo kro krwa
        krwao दो दो_ना दें दीजिए दीजिएगा कर करो करो_ना करें करवा करवाओ करा कराओ कीजिए कीजिएगा""",
    "to_do": "dena deni karna karne karni karwana karwani krna krni देना करना करने करनी करवाना कराना",
    "did": "dia diya kia kiya kiye दिया किया",
    "came": "aai aaya aayi aaye came received आया आयी आए",
    "gone": "gaya gayee gayi gya hua hue hui गया गयी गए हुआ हुई",
    "was": "tha thi was were था थी थे",
    "order": """courier item items maal oder odr ordar order ordr package packet parcel parcl parsal parsel product saaman
        shipment ऑर्डर आर्डर ओर्डर पार्सल पैकेट सामान समान कूरियर प्रोडक्ट""",
    "ordered": "orderd ordered",
    "place": "place placed",
    "delivery": "delevery deliveri delivery delivry dilevery dilivery dilivri डिलीवरी डिलेवरी",
    "send": """bhej bhejdena bhejdijiye bhejdo bhejen bhejiye bhejie bhejo bhejo_na bhejva bhejwa bhejwao bhijwa bhijwao bring
        de_dena de_dijiye de_do de_jana de_jao dedena dedo delever deliver dilever diliver dliver laiye lao le_aana le_aao
        pahucha pahuchao pahuncha pahunchao give pohcha pohncha send भेज भेजो भेजिए भेजिएगा भेजें भेजवा भिजवा भिजवाओ डिलीवर
        डिलेवर लाओ ले_आओ ले_आना दे_दो दे_देना दे_दीजिए दे_जाना दे_जाओ पहुंचा पहुंचाओ""",
    "to_send": "bhej_na bhejna bhejni भेजना भेजनी",
    "come": "aa_jaiye aa_jana aa_jao aaiye aaiyega aajana aajao aana aane aao aao_na come आना आओ आ_जाओ आ_जाना आइए आइएगा आने",
    "again": """again aur_ek_baar dobara dobra dubara ek_baar_aur ek_baar_fir ek_baar_phir fir_se firse once_more phir_se phirse
        दोबारा दुबारा फिर_से एक_बार_और एक_बार_फिर""",
    "try": "attempt koshish try ट्राई कोशिश",
    "retry": "re_attempt re_deliver re_delivery reattempt redeliver redelivery retry",
    "back": "back vapas vapis wapas wapis waps वापस वापिस",
    "away": "le_jaiye le_jana le_jao le_jaye le_lo lejao take ले_जाओ ले_जाइए ले_जाएं ले_लो",
    "take": "accept lena lene lenge leni loonga loongi lunga lungi लेना लेने लेनी लूंगा लूंगी",
    "will_take": "le_lenge le_loonga le_lunga le_lungi receive_kar_lunga receive_kar_lungi ले_लूंगा ले_लूंगी ले_लेंगे",
    "return": "return retun rto रिटर्न",
    "want": "chahta chahte chahti like_to wanna want wants wish would_like चाहता चाहते चाहती",
    "chahiye": "chaahiye chahie chahye chaie chaiye चाहिए",
    "need": "interested jarurat jaroorat need needed required requirement zaroorat zarurat जरूरत",
    "cancel": """cancal cancel cancellation cancil cancle cansal cansel kainsal kensal kensil radd कैंसिल कैंसल केंसल केंसिल कैन्सल
        कैन्सिल रद्द रद""",
    "cancelled": "cancelled",
    "mat": "mat मत",
    "nahi": "na nahi nahin nai naheen nhi nhin नहीं ना न",
    "not": "no_longer not",
    "dont": "dnt do_not donot dont",
    "didnt": "did_not didnt have_not havent never",
    "no": "no nope",
    "any": "any kisi kisi_ne koi कोई किसी",
    "nobody": "no_body no_one nobody noone",
    "someone": "aadmi anyone person somebody someone",
    "agent": """agent agnt costumer_care coustmer_care customer_care customer_executive customer_service customer_support
        customercare executive helpline human human_agent insaan live_agent manager real_person representative support एजेंट इंसान मैनेजर
        कस्टमर_केयर हेल्पलाइन ग्राहक_सेवा""",
    "man": "boy guy man partner vala vale wala wale बॉय ब्वॉय मैन वाला वाले",
    "boy": "deliveryboy rider राइडर",
    "call": "call contact phone_kar phone_karna phone_karo phone_kijiye कॉल काल फोन_कर फोन_करो",
    "called": "called",
    "phone": "fone phone फोन",
    "talk": "baat chat connect speak talk बात",
    "write": "bhasha bolo boliye language likhiye likho reply write भाषा बोलो लिखो लिखिए",
    "number": "nambar nmbr nomber number नंबर नम्बर",
    "option": "choice opt option vikalp विकल्प ऑप्शन",
    "can": "can could sakta sakte sakti सकता सकते सकती",
    "kya": "kya क्या",
    "then": "kar_ke karke kr_ke krke करके कर_के",
    "before": "before first pahle pehle phle पहले",
    "after": "after baad k_baad ke_baad बाद के_बाद",
    "later": "baad_me baad_mein later बाद_में",
    "next_week": "agle_hafte agle_week next_week अगले_हफ्ते",
    "next": "agla agle agli next nxt अगला अगले",
    "refuse": "inkar mana refuse refused reject rejected मना इनकार",
    "ask": "ask asked",
    "mistake": "galti mistake गलती",
    "money": "cash money paisa paise payment पैसे पैसा कैश",
    "ready": "ready taiyar tayar तैयार",
    "address": "address addr location pata pate एड्रेस ऐड्रेस अड्रेस पता पते लोकेशन",
    "change": """badal badalna badalni badalwa badalwana badlna badlo chang change chenge chnge edit modify update चेंज अपडेट बदल
        बदलना बदलनी बदलो बदलवा बदलवाना""",
    "moved": "moved shift shifted शिफ्ट",
    "wrong": "adhura galat galt glat incomplete incorrect rong wrong गलत अधूरा",
    "right": "correct right sahi सही",
    "new": "naya naye nayi new नया नयी नए",
    "another": """alag another different doosra doosre doosri dusra dusre dusri kisi_aur koi_aur other दूसरा दूसरे दूसरी किसी_और
        कोई_और""",
    "reschedule": "postpone re_schedule reschedule reshedule रीशेड्यूल",
    "home": "available avail free ghar home house घर",
    "out": "baahar busy out out_of_station outside बाहर बिजी",
    "hindi": "hindi हिंदी हिन्दी",
    "english": "angrezi angreji english inglish अंग्रेजी इंग्लिश",
    "now": "abhi asap immediately jaldi now soon turant urgent urgently अभी जल्दी तुरंत",
    "part": "afternoon dopahar evening morning night noon raat shaam subah subha सुबह शाम दोपहर रात",
    "am": "am",
    "oclock": "baje bje oclock pm बजे",
    "and": "and aur because but isliye kyuki kyunki lekin magar so और इसलिए क्योंकि मगर लेकिन",
    "otherwise": "na_to nahi_to nahi_toh nhi_to otherwise नहीं_तो",
    "th": "nd rd st th",
    "date": "date tareek tareekh tarik tarikh तारीख",
    "days": "day days din दिन",
    "yesterday": "yesterday",
    "offset": """aaj today आज | kal kl tmr tmrow tmrw tomorow कल | day_after_tomorrow parso parson prso परसों""",
    "weekday": """mon monday sombar somvar somwar सोमवार मंडे | mangalvar mangalwar tue tues tuesday मंगलवार
        | budhvar budhwar wed wednesday बुधवार
        | brihaspativar guruvar guruwar thu thur thurs thursday veervar गुरुवार बृहस्पतिवार वीरवार
        | fri friday shukravar shukrawar shukrvar shukrwar शुक्रवार | saturday shanivar shaniwar शनिवार
        | itvar itwar ravivar raviwar sunday रविवार इतवार संडे""",
    "short_weekday": "||||| sat | sun",  # also the Hindi for "seven" and for "listen"
    "month": """| jan january जनवरी | feb february फरवरी | mar march मार्च | apr april अप्रैल | may मई | jun june जून
        | jul july जुलाई | aug august अगस्त | sep sept september सितंबर सितम्बर | oct october अक्टूबर
        | nov november नवंबर नवम्बर | dec december दिसंबर दिसम्बर""",
}

# Phrases: concepts in their order, `a/b` for either, `a?` for what may be missing, `|` between phrases.

JOINED: tuple[dict[str, str], ...] = (
    {
        "boy": "delivery/order man/agent/someone",
        "time": "num/clock/range/decimal num? oclock/am | num oclock/am num oclock/am | clock | part",
    },
    {"time": "after/before? time time? after/before?"},
    {
        "day": """on? num th? of? month year? | month num th? year? | on? num th? date | date num | on? num th | on num | num ko
            | num days after | after num days | offset"""
    },
    {
        "day": "weekday/short_weekday day | day weekday/short_weekday | weekday | on short_weekday",
        "next_weekday": "next weekday/short_weekday",
        "next_week": "next_week weekday | weekday next_week",
    },
    {
        "day": "day time | time day | day after num | day num after | after num day",
        UNKNOWN: "day of | day delivery? is",  # "the order is of the 25th", "tomorrow is a holiday"
    },
)
"""Concepts that together are another one, in the order in which they are put together."""

_SEND = "send/to_send/come"
_WANT = "want/need/chahiye"
_DAY = "day/time/now/later/next_week/next_weekday"

PHRASES: dict[Action | Hint, str] = {
    Action.REATTEMPT: f"""{_SEND} | {_WANT} | will_take | take is | home {_SEND} | {_SEND} home | boy send | send boy
        | delivery again? do/to_do | try delivery? again/do/to_do | again try | retry""",
    Action.RESCHEDULE: """reschedule | change delivery? date/days | date/days change | another date/days | days after
        | later/next_week/next_weekday""",
    Action.UPDATE_ADDRESS: """change/new/another/wrong delivery? address | address change/new/another gone?
        | address wrong gone/did? was? | address wrong change | address mistake | wrong address did was? | address right nahi/not
        | address not right | i moved | moved gone | moved new address/home""",
    Action.CANCEL: f"""cancel do/to_do? now? | now cancel | {_WANT} cancel/return | cancel/return {_WANT}
        | nahi? nahi/not/dont {_WANT} | {_WANT} nahi | no need | nahi chahiye order? cancel do | cancel do nahi chahiye/take
        | dont send | mat send/to_send | send/to_send mat | nahi to_send | to_send nahi | nahi/dont take | take nahi
        | return back? | back send/to_send/away/do/to_do | send/away order? back | to_send back""",
    Action.DISPUTE: """yesterday/day? nobody came/come/called/call home? day/yesterday?
        | yesterday/day? any/boy nahi/not came | day? any boy nahi came | day? any/boy came nahi | any boy came nahi
        | day? any/boy? call/phone nahi did/came/of | any of call/phone nahi came/did | any/boy? call/phone came nahi
        | day? boy nahi call/phone did | call not came | yesterday/day? boy didnt/not come/came/call/called home?
        | no call/boy came | didnt call | i? didnt refuse | i? not refuse | take? refuse nahi did
        | i didnt cancel/cancelled | i order? cancel nahi did | cancel i nahi did
        | money was ready | money ready was/the""",
    Action.NOT_MY_ORDER: """not my order/delivery | my order/delivery? nahi/not is | order my nahi/not is?
        | didnt order/ordered | not ordered | didnt place order | any? order nahi did | order i nahi did | nahi order did""",
    Hint.KEEP: f"""mat/nahi/not/dont/didnt/no cancel/return do/to_do? | cancel/return order? mat/nahi/not do/to_do?
        | {_WANT} nahi order? cancel/return do/to_do? | not/dont/nahi {_WANT} order? cancel/return
        | no need order? cancel/return | cancel/return order? nahi/not {_WANT} | cancel/return do/to_do? order? {_WANT} nahi
        | cancel/return order? no need | cancel/return order? nahi take
        | mat/nahi/dont back send | mat/nahi/dont send order? back | back mat/nahi send/to_send/do/to_do/away
        | not/dont {_WANT} send/away order? back | no need send/away order? back | send/away back nahi/not {_WANT}
        | back to_send/to_do nahi/not {_WANT}/take | back to_send/to_do {_WANT} nahi""",
    Hint.DAY: f"day | day? home nahi is? day {_SEND} | day? home? out is? day {_SEND}",
    Hint.NOT_DAY: f"""{_DAY} delivery? nahi/mat {_SEND}/{_WANT}/take/do/to_do? | {_SEND}/{_WANT}/take nahi/mat {_DAY}
        | not/dont {_DAY} | dont {_SEND} {_DAY} | dont {_WANT} {_DAY}
        | {_DAY} home nahi/not | {_DAY} nahi/not home | nahi/not home {_DAY} | home nahi is? {_DAY}
        | {_DAY} home? out is? | home? out is? {_DAY}""",
    Hint.WHEN: "time | now",
    Hint.AGAIN: "again",
    Hint.PERSON: """kya? can? you? call me/back | me call | kya? you? call do/to_do can? | can you? call | want/need/chahiye call | call want/need/chahiye | kya? can? want/need? talk agent/someone | kya? any? agent/someone talk do/to_do? want/can?
        | kya? any talk do/to_do? can | kya? any talk do/to_do want? | kya? agent/someone call | any call do/to_do
        | call agent/someone | talk do/to_do | want/need talk | talk want | want/need agent | any? agent want/need/chahiye
        | send? agent of? number want/need/chahiye/send? | want/need/send? number of agent""",
    Hint.HINDI: "want/change? talk/write? hindi write? talk/change/want/chahiye?",
    Hint.ENGLISH: "want/change? talk/write? english write? talk/change/want/chahiye?",
    Hint.ASIDE: f"""home | home nahi/not was? | nahi/not home | home/out was | was home/out | home? out | address right | money ready
        | mistake order gone/did | mistake ordered | ordered mistake | call then | before call
        | call before {_SEND}/delivery | before {_SEND}/delivery call | {_SEND}/delivery before call""",
    Hint.DOUBT: f"""i {_SEND} | home mat/nahi/dont {_SEND} | dont/mat/nahi {_SEND} home | {_SEND} mat/nahi home
        | my order nahi do/to_do | i any/boy? call/phone nahi did/of | i didnt call""",
}
"""What phrases say; those of doubt are there so that shorter ones are not read into them."""

WHOLE_PHRASES: dict[Action | Hint, str] = {
    Action.NOT_MY_ORDER: "wrong number/someone is? | not my | my nahi is",
    Action.DISPUTE: "i didnt ask",
    Hint.PERSON: "agent | call",
    Hint.NO: "no | nahi",
}
"""What says something only where nothing else stands between two punctuation marks."""

CHOICES = "option? number/no? num option?"
"""Whole messages that pick from a list."""

INSIDE = frozenset({"am", "do", "i", "is", "ko", "me", "my", "of", "on", "the", "to_do"})
"""Concepts that a phrase need not name to be said with them."""

BETWEEN = INSIDE | {"delivery", "order"}
"""Concepts that may stand between phrases."""

PAST = frozenset({"came", "cancelled", "did", "gone", "ordered", "was"})
"""With one of these "kal" may be yesterday."""

WITH_ANOTHER_ATTEMPT = frozenset({Action.RESCHEDULE, Action.UPDATE_ADDRESS, Action.DISPUTE})
"""Whoever says one of these and "send it" has said one thing."""

AGAINST = {
    Action.CANCEL: frozenset({Hint.KEEP, Hint.NO, Hint.WHEN, Hint.AGAIN}),
    Action.NOT_MY_ORDER: frozenset({Hint.KEEP, Hint.AGAIN}),
}
"""What makes an action doubtful when it is said beside it."""

WHEN_TO_CALL = frozenset({Action.RESCHEDULE, Hint.DAY, Hint.WHEN, Hint.AGAIN})
"""What belongs to the call where a call is asked for in the same breath."""

WITH_A_PERSON = frozenset({Action.DISPUTE, Action.UPDATE_ADDRESS, Action.NOT_MY_ORDER, Hint.AGAIN})
"""What is clear beside the wish for a person, in the same breath."""

# Answers to a question that can be answered with yes or no.

AGREES = "yes y yeah yep yup ya haan han ha haanji hanji ji ok okay k theek thik tik sure bilkul zaroor confirm हाँ जी ठीक बिल्कुल ज़रूर ओके 👍 👌 ✅"
RIGHT = "sahi correct right perfect ok okay theek thik tik सही ठीक"
"""Says yes to what is shown, and no beside a word of `REFUSES`; an instruction may begin with it."""

REFUSES = "no n nope nahi nahin nai na galat wrong not नहीं ना गलत"
COURTESIES = (
    "please pls plz sir madam mam bhai bhaiya ji thanks thank you hai h he is that it this the kar karo kardo do kijiye address pata "
    "जी है कर करो दो दीजिए कीजिए पता धन्यवाद 🙏"
)
