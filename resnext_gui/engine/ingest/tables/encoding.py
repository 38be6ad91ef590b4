"""Tells by its content in which encoding a table was saved; where that stays open, says so instead of guessing.

Detectors made for long texts fail on tables: a dozen repeated words say too little about a language's frequencies.
What a table does have is names of files, which lie on the drive in their true spelling, headings, and labels, which are
words of one alphabet.  So an encoding is taken if it alone makes words of what the table holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

_RARE = ("mac_roman", "cp850", "cp852", "cp1257", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")
"""These only where none that is in wide use makes sense."""

_CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")
_WESTERN = ("cp1252", "mac_roman", "cp850")
_CENTRAL = ("cp1250", "iso8859_2", "cp852")

_HAN_SIMPLE = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形"
    "相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展"
    "五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战"
    "先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白"
    "猫狗鸟鱼花叶树草虫猪牛羊马鸡鸭鹅兔鼠蛇虎狮豹猴熊龙蝶蜂蚁犬红黄蓝绿黑灰紫橙粉棕健康病害锈斑霉枯腐异缺陷裂纹划痕破损污渍坏良优劣"
    "恶苹梨桃葡萄香蕉橘瓜番茄土豆玉米麦稻棉茶车船飞桥男女幼肿瘤垃圾回收厨余他类名称标签径文编号片像照测试验训练集肺炎眼胸骨皮肤细菌真"
    "毒叶枝根茎梅兰菊竹松柏杨柳玫瑰百合向日葵蒲公英郁金雏蜘蛛蚊蝇苍蚜螨卷粘合格废旧纸塑料瓶玻璃属布衣鞋杯碗刀桌椅床灯书笔房屋楼晴阴雨"
    "雪云雾雷沙石泥木铁铜银铝钢圆方三角星早晚午夜春夏秋冬左右甲乙丙丁上中下轻重度期无危险安全已未是否对错苗田菜豆椒蒜葱姜茄薯"
)
_HAN_FULL = (
    "的一是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說產種面而方後多定行學法所民得經"
    "十三之進著等部度家電力裡如水化高自二理起小物現實加量都兩體制機當使點從業本去把性好應開它合還因由其些然前外天政四日那社義事平形"
    "相全表間樣與關各重新線內數正心反明看原利比或但質氣第向道變條只沒結解問意建月公無系情者最立代想已通並提直題程展果料象員位入常文"
    "貓狗鳥魚花葉樹草蟲豬牛羊馬雞鴨鵝兔鼠蛇虎獅豹猴熊龍蝶蜂蟻犬紅黃藍綠黑白灰紫橙粉棕健康病害鏽銹斑霉枯腐異缺陷裂紋劃痕破損污漬壞良優"
    "劣惡蘋梨桃葡萄香蕉橘瓜番茄土豆玉米麥稻棉茶車船飛橋男女幼腫瘤垃圾回收廚餘類名稱標籤徑檔案編號片像照圖測試驗訓練集肺炎眼胸骨皮膚細菌"
    "真毒枝根莖梅蘭菊竹松柏楊柳玫瑰百向日葵蒲英鬱金老少品格級門手口頭山火雲雨雪晴陰石木鐵銅銀圓角星左右輕期危險安全未否錯苗田菜椒蒜"
)
_HAN_JAPAN = (
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力学問"
    "高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総"
    "加山指正木水火土花草葉犬猫鳥魚馬牛豚羊鶏虫蝶蜂蛇虎熊象猿兎赤青黄緑黒白灰紫茶色健康病害錆斑枯腐異常無有良品否優劣悪傷割欠陥汚染桃"
    "梨林檎葡萄苺柿栗米麦稲豆芋瓜車船飛橋男女名称画像写真種類分番号訓練試験桜梅松竹菊蘭薔薇百合向葵肺炎眼胸骨皮膚細菌腫瘍夏秋冬春"
)
_HANGUL = (
    "가각간갈감갑강개객거건검것게겨격견결경계고곡골공과관광구국군권귀그근글금급기길김깨꽃꽃나난날남낮내너네노녹높누는능니다단달담당대더데도독돌"
    "동되된두드득든들등디따딸때떡또라락란람랑래량러런럼레려력련렬령로록론료루류르른를름리린림마막만말망매머먹멍메며면명모목못무묵문물미민밀"
    "바박반발밤방배백뱀버번벌범법벚베변별병보복본봄부북분불붉붕브비빨사산살삼상새색생서석선설성세소속손송쇠수순숭술스습승시식신실심싸씨아악안알"
    "암앙애야약양어언얼업없에여역연열염엽영예오옥온올와완왕외요용우운울원월위유육율은을음의이인일임입잎자작잔잘장재쟁저적전절점정제조종좋주줄중"
    "쥐증지직진질집차착참창채책처천철첨청체초총최추축출충치친칠침카코콩큰클키타탄태택터토통투트특파판팔패퍼페평포폭표푸품풍프플피하학한할함합항"
    "해행향험현형혜호혹홍화확환활황회효후훈휴흐흑흰힘견균균열결함녹반점곰팡이강아지튤립토끼호랑이사자코끼리원숭이돼지닭"
)
_KANA = "".join(map(chr, [*range(0x3041, 0x3097), *range(0x30A1, 0x30FB), 0x30FC, 0x3005]))


@dataclass(frozen=True, slots=True)
class _Language:
    """How words of a language look.

    Attributes:
        name: for the person.
        codecs: encodings that its tables are saved in.
        script: what its letters match; a word that mixes it with another alphabet is none.
        common: the letters that make up most of its words; with an alphabet built on a-z, all others it has.
        never: what its spelling does not allow.
    """

    name: str
    codecs: tuple[str, ...]
    script: str
    common: frozenset[str]
    never: str = ""


def _latin(name: str, codecs: tuple[str, ...], letters: str, never: str = "") -> _Language:
    return _Language(name, codecs, "", frozenset(letters), never)


def _unlike(vowels: str, marks: str) -> str:
    """Return what no word looks like: none but consonants, many of them in a row, or a mark that begins it."""
    consonants = f"[^\\W\\d_{vowels}{marks}]"
    return f"\\b[^\\W\\d_{vowels}]{{2,}}\\b|{consonants}{{5,}}|[{vowels}]{{4,}}" + ("|\\b[ьъ]" if marks else "")


_LANGUAGES = (
    _latin("Western European", _WESTERN, "äöüßé"),  # German
    # French
    _latin("Western European", _WESTERN, "àâæçéèêëîïôœùûü", "[aeo]è|[èê][aeiouy]|ù\\B|(?<![aeiou])[ëï]"),
    _latin("Western European", _WESTERN, "áéíñóúü", "ñ(?![aeiouáéíóú])"),  # Spanish
    _latin("Western European", _WESTERN, "ãáàâçéêíõóôúü", "õ(?!e)|ã(?![oe]|s?\\b)"),  # Portuguese
    # Italian
    _latin("Western European", _WESTERN, "àèéìíîòóùú", "[àèìòù]\\B(?!mente)"),
    _latin("Western European", _WESTERN, "æøåéôü", "[aeiouyå]ø|ø[aeiouyæå]"),  # Danish, Norwegian
    _latin("Western European", _WESTERN, "åäöéü"),  # Swedish, Finnish
    _latin("Western European", _WESTERN, "áðéíóúýþæö", "\\Bþ\\b|\\bð|ý\\b|[zcqw]"),  # Icelandic
    _latin("Western European", _WESTERN, "éëïóöüèêç", "[aeo]è|[èê][aeiouy]|(?<![aeiou])[ëï]"),  # Dutch
    _latin("Western European", _WESTERN, "àçèéíïòóúü", "[aeo][èò]|[èò][aeo]"),  # Catalan
    _latin("Polish", _CENTRAL, "ąćęłńóśźż", "ń[aeiouyąęó]|\\bń|ę[aeiouyąęó]|\\b[^\\W\\d_aeiouyąęó]{3,}\\b"),
    _latin("Czech", _CENTRAL, "áčďéěíňóřšťúůýž", "[bcdfghjkmpqtvwxz]č[bcdfghjklmpqrtvwxz]|[qwx]|\\bů|rř|řr|ď[sflmnrt]"),
    _latin(
        "Slovak",
        _CENTRAL,
        "áäčďéíĺľňóôŕšťúýž",
        "ŕ\\b|ŕ[aeiou]|[aeiou]ŕ|ď[sflmnrt]|[bcdfghjkmpqtvwxz]č[bcdfghjklmpqrtvwxz]|[qwx]",
    ),
    _latin("Hungarian", _CENTRAL, "áéíóöőúüű", "[aeiou][őű]|[őű][aeiou]"),
    _latin("Croatian or Slovene", _CENTRAL, "čćđšž", "[bcdfghjkmpqtvwxz]č[bcdfghjklmpqrtvwxz]|[qwxy]"),
    _latin("Romanian", _CENTRAL, "ăâîşţ", "ă[aeo]"),
    _latin("Turkish", ("cp1254",), "çğıöşüâîûİ", "\\bğ|[eiöü]\\w*ı|ı\\w*[eiöü]|\\b[bcçdfgğhjklmnprsştvyz]{2}"),
    _latin("Lithuanian", ("cp1257",), "ąčęėįšųūž"),
    _latin("Latvian", ("cp1257",), "āčēģīķļņšūž"),
    _latin("Estonian", ("cp1257",), "äõöüšž"),
    _Language(
        "Cyrillic", _CYRILLIC, "[Ѐ-ӿ]", frozenset("аеиотнсрлвкдмпубгыяьзчіїєґјљњћђ"), _unlike("аеёиоуыэюяіїє", "ьъй")
    ),
    _Language(
        "Greek",
        ("cp1253", "iso8859_7"),
        "[Ͱ-Ͽ]",
        frozenset("αοιετσνηυρπκμλςάίόέή"),
        _unlike("αεηιουωάέήίόύώϊϋΐΰ", "") + r"|\b[^\W\dάέήίόύώΐΰ]{3,}\b|ς\B|σ\b|[άέήίόύώ]\w*[άέήίόύώ]",
    ),
    _Language("Hebrew", ("cp1255",), "[א-ת]", frozenset("אבגדהוזחטיךכלםמןנסעףפץצקרשת"), r"[ךםןףץ]\B"),
    _Language("Arabic", ("cp1256",), "[؀-ۿ]", frozenset("المنيرتوبدةسعكهأقفح")),
    _Language("Thai", ("cp874",), "[ก-ฺเ-๎]", frozenset("กงดตนบปมยรลวสหอะัาิีุเแ่้์คทข"), "^[ะ-ฺ็-๎]|[เแโใไ](?![ก-ฮ])|ฯ\\B"),
    _Language("Chinese (simplified)", ("gb18030",), "[㐀-鿿]", frozenset(_HAN_SIMPLE)),
    _Language("Chinese (traditional)", ("cp950",), "[㐀-鿿]", frozenset(_HAN_FULL)),
    _Language("Japanese", ("cp932", "euc_jp"), "[぀-ヿ㐀-鿿々]", frozenset(_KANA + _HAN_JAPAN)),
    _Language("Korean", ("cp949",), "[가-힣]", frozenset(_HANGUL)),
)

_SIGNS = re.compile(r"[\s–—―‘’‚“”„«»‹›…•·°ºª№×±²³µ½¼¾、。「」『』【】（），：；！？・　－～／]")
"""What stands between words in many languages, and says nothing about which."""

_WITHIN = re.compile(r"[^\W\d_](?:(?![’–—·])[^\w\s\x00-\x7f])+[^\W\d_]")
"""A sign in the middle of a word, as it comes about where two bytes of one letter are read as two."""

_WORDS = re.compile(r"[^\W\d_]+")


def decoded(data: bytes, is_name: Callable[[str], bool]) -> tuple[str, str] | None:
    """Return text that is no UTF-8 with the name of its alphabet, or None where several readings make sense or none.

    Args:
        data: bytes of an encoding in which ASCII stands for itself.
        is_name: tells whether a word or cell is the name of a file that exists.
    """
    # One of the lines that differ in their numbers alone says as much as all of them.
    kinds = {re.sub(rb"\d+", b"", line): line for line in reversed(data.splitlines()) if not line.isascii()}
    sample = b"\n".join([*reversed(kinds.values())][:1000])
    readings: dict[str, tuple[float, str, str]] = {}
    for language in _LANGUAGES:
        for codec in language.codecs:
            try:
                text = sample.decode(codec)
            except UnicodeDecodeError:
                continue
            score = _score(language, text) * (0.7 if codec in _RARE else 1)
            if score > readings.get(text, (-1.0,))[0]:
                readings[text] = (score, codec, language.name)
    hits = {text: _names(text, is_name) for text in readings}
    best = max(hits.values(), default=0)
    # Of words alone some must make sense; a file of that name is proof.
    ranked = sorted((r for text, r in readings.items() if hits[text] == best), reverse=True)
    if not ranked or (not best and ranked[0][0] <= 0.5):
        return None
    _, codec, name = ranked[0]
    # A few letters are words by chance: then a reading in a rare encoding is as good as one in a usual one.
    letters = {letter for letter in sample.decode(codec, "ignore").lower() if not letter.isascii()}
    few = not best and len(letters) < (6 if codec in _CYRILLIC[1:] else 4)
    if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < (0.4 if few else 0.2):
        return None
    if few and codec in _CYRILLIC[1:]:
        return None
    try:
        return data.decode(codec), name
    except UnicodeDecodeError:
        return None


def _names(text: str, is_name: Callable[[str], bool]) -> int:
    cells = {cell.strip(" \"'") for cell in re.split(r"[,;\t|\n\r]", text[:20_000])}
    # Folders are no proof: a photograph is found by its name alone too.
    return sum(not re.split(r"[\\/]", cell)[-1].isascii() and is_name(cell) for cell in cells)


def _score(language: _Language, text: str) -> float:
    """Return from 0 (impossible) to 1 how well the words of `text` are words of a language."""
    signs = {sign for sign in set(text) if not sign.isascii() and not sign.isalpha() and not _SIGNS.match(sign)}
    # The marks of Thai, Hebrew and Arabic are no letters, but belong to their alphabet.
    if any(not (language.script and re.match(language.script, sign)) for sign in signs):
        return 0
    words = {word for word in _WORDS.findall(text) if not word.isascii()}
    if not words or any(_odd_case(word) for word in words):
        return 0
    if not language.script:
        if _WITHIN.search(text):
            return 0
        return _latin_score(language, words)
    # Marks are no part of a word for the regular expression: letters of two alphabets may touch all the same.
    if re.search(f"[a-z]{language.script}|{language.script}[a-z]", text):
        return 0
    letters = {letter for word in words for letter in word.lower() if not letter.isascii()}
    many = len(language.common) > 100
    if not many and _WITHIN.search("".join(letter for letter in text if letter not in signs)):
        return 0
    if not letters or any(not re.match(language.script, letter) for letter in letters):
        return 0
    every = [letter for word in words for letter in word.lower()]
    # Where an alphabet has thousands of letters, one that comes often says no more than one that comes once.
    counted: Iterable[str] = letters if many else every
    known = sum(letter in language.common for letter in counted) / len(list(counted))
    if not language.never:
        return known
    words = set(re.findall(f"(?:{language.script})+", text))
    odd = {word for word in words if re.search(language.never, word.lower())}
    # Words in capitals are rarer than the mirror image of small letters in another encoding of the same alphabet.
    return known * (1 - len(odd) / len(words)) * (0.5 if all(word.isupper() for word in words) else 1)


def _latin_score(language: _Language, words: set[str]) -> float:
    every = [letter for word in words for letter in word]
    foreign = [letter for letter in every if not letter.isascii()]
    if len(foreign) > 0.6 * len(every) or not {letter.lower() for letter in foreign} <= language.common | {"i̇"}:
        return 0
    if language.never and any(re.search(language.never, word.lower()) for word in words):
        return 0
    return 1


def _odd_case(word: str) -> bool:
    """Tell whether capital and small letters change as they never do in a word: ``GrŸn``, ``мАК``."""
    return not (word.islower() or word.isupper() or word == word[:1].upper() + word[1:].lower()) and any(
        not (one + two).isascii() and one.islower() and two.isupper() for one, two in pairwise(word)
    )
