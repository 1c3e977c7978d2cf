"""The one number of a text, and what its separators mean.

What is looked at: one number in the text, the mark or word before and behind it, and its separators. A number that
another word, mark or element could make into a different one is refused, for a wrong price is worse than none.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from scraper.parse.text import BREAK, EDGE, RAISED
from scraper.rules.currencies import currency_before, is_currency
from scraper.rules.refusal import NotOfType, check_length, quoted

MOST_DIGITS = 300

#: Spaces and apostrophes that stand between thousands, and of these what no word is ever separated by.
_SPACE = " \u00a0\u2007\u2009\u202f"
_APOSTROPHE = "'\u2019\u02bc"
_SIGN = "\\-\u2212\u2010\u2011\u2013\ufe63\uff0d"
#: What is not seen: zero width, direction, soft hyphens.
_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_OTHER_MARKS = str.maketrans(
    {
        "\u066b": ".\ufdd3",  # Arabic decimal separator: certainly one
        "\u066c": "\u2019",  # Arabic thousands separator
        "\u060c": ",",
        "\uff0c": ",",
        "\uff0e": ".",
        "\uff05": "%",
        "\u066a": "%",
        "\uff0b": "+",
    }
)
_CERTAIN = "\ufdd3"
_NUMBER = re.compile(
    rf"\d{{1,3}}(?:(?P<gap>[{_SPACE}])\d{{3}}(?:(?P=gap)\d{{3}})*+)(?:[.,]{_CERTAIN}?\d+)?(?![{_SPACE}]?\d)"
    rf"|\d(?:[.,{_APOSTROPHE}\u00b7]{_CERTAIN}?\d|\d)*+"
)
_LAST_SIGN = re.compile(rf"([{_SIGN}+])(\s?)\Z")
_SIGN_FIRST = re.compile(rf"\s*[{_SIGN}]\S")
#: Marks by which a number is only a bound or half of a range.
_BOUND = re.compile(r"[<>\u2264\u2265\u2266\u2267\u00b1]=?\s*\Z")
_SIGN_BEHIND = re.compile(rf"[{_SIGN}](?![\w{_SIGN}])")
_WORD_BEFORE = re.compile(r"[^\W\d_]+(?:[./][^\W\d_]+)*\Z")
_WORD_BEHIND = re.compile(r"[^\W\d_]+(?:[./][^\W\d_]+)*")
#: Signs of percent, of feet and inches, of degrees and what else makes another number of one.
_RAISED_DIGITS = re.compile(r"[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u218b\u2460-\u24ff]")
#: Words and letters that multiply, in many languages.
_MULTIPLIERS = frozenset(
    """
    k kk mn mm bn bln mio mia mrd mld mln mill million millions milliard milliards milliarden millionen billion
    billions billionen trillion trillions tn tsd tys tausend thousand thousands thou hundred hundreds dozen lakh lakhs
    lac lacs crore crores cr mil mille milione milioni miliardi millón millones milhão milhões mi bi mrd milj miljoner
    miljoen miljard miljarder tusen tusind juta ribu rb jt milyon milyar bin triệu tỷ nghìn ngàn tr тыс млн млрд тысяч
    тысячи миллион миллионов миллиард миллиардов ألف مليون مليار هزار میلیون میلیارد หมื่น แสน ล้าน พัน हज़ार लाख
    करोड़
    """.split()
)
_CJK_MULTIPLIERS = frozenset("万萬亿億兆千百十만억천백조")
#: Letters that multiply where they stand alone behind a number; behind a space only capitals do in a number's unit.
_MULTIPLYING_LETTERS = frozenset("kKmMbBtTgG")
#: Words before a number with a space inside, which cannot be the name of something that ends in a number.
LABELS = frozenset(
    """
    ab abos approx au aux ca cena ceny cca circa cost costs de des desde dès from for fra från für gesamt hinta hind
    kaina now nur od ou only par pour preis pret preț prezzo precio preço price prices pris prijs prix por só solo sum
    since start starting teraz tylko total totaal totale until up už van voor von za ár ára цена цены стоимость от до
    всего только ціна від τιμή από fiyat fiyatı harga giá กว่า ราคา السعر قیمت
    """.split()
)


class Found(NamedTuple):
    """The one number of a text, with what stands about it.

    Attributes:
        text: the whole, as it was read.
        sign: `-`, or nothing.
        digits: the number with its separators; the last of them may be marked as certainly that of the decimals.
        before: what stands before the number, without its sign.
        behind: what stands behind it.
        cents: two raised digits behind a whole number.
    """

    text: str
    sign: str
    digits: str
    before: str
    behind: str
    cents: str = ""


# Finding the number --------------------------------------------------------------------------------


def only_number(text: str, kind: str) -> Found:
    """Return the one number in `text`.

    Raises:
        NotOfType: there are none or several, or what stands about it makes another number of it.
    """
    text = _seen(text)
    check_length(text, kind)
    shown = re.sub(f"[{EDGE}{RAISED}{_CERTAIN}]", "", text).replace(BREAK, " ")
    text, cents = _raised_cents(text) if kind == "price" else (text, "")
    text = _joined(text, kind)
    numbers = list(_NUMBER.finditer(text))
    if len(numbers) != 1:
        many = "several numbers, take one by `re`" if numbers else "no number"
        if not numbers and _RAISED_DIGITS.search(text):
            many = "no number in plain digits"
        raise NotOfType(f"{quoted(shown)} is not a {kind}: it holds {many}")
    number = numbers[0]
    before, behind = text[: number.start()], text[number.end() :].replace(BREAK, " ")
    digits = number[0]
    before, digits = _leading_point(before, digits, shown, kind)
    sign, before = _sign(before, behind, shown, kind)
    _check_bound(before, shown, kind)
    if number["gap"] == " ":
        _check_gap(before, shown, kind)
    _check_around(before, behind, shown, kind)
    return Found(shown, sign, re.sub(f"[{_SPACE}]", "\u2019", digits), before, behind, cents)


def _seen(text: str) -> str:
    """Return `text` with digits and marks of all scripts in one form, and without what is not seen."""
    text = _UNSEEN.sub("", text)
    if not text.isascii():
        text = "".join(
            str(unicodedata.decimal(one)) if not one.isascii() and one.isdecimal() else one for one in text
        ).translate(_OTHER_MARKS)
    return re.sub(r"[ \t\n\r\f\v]+", " ", text).strip()


def _raised_cents(text: str) -> tuple[str, str]:
    """Return `text` without two raised digits behind a whole amount, and these."""
    match = re.search(rf"(?<![.,\d])(\d[\d,.{_APOSTROPHE}]*){EDGE}*{RAISED}{EDGE}*(\d\d){EDGE}+(?![.,]?\d)", text)
    if match is None or not re.fullmatch(rf"\d+|\d{{1,3}}(?:([,.{_APOSTROPHE}])\d{{3}})(?:\1\d{{3}})*", match[1]):
        return text, ""
    rest = re.sub(f"[{EDGE}{RAISED}\\s]", "", text[: match.start()] + text[match.end() :])
    if not is_currency(rest):
        return text, ""
    return f"{text[: match.start()]}{match[1]}{text[match.end() :]}", match[2]


def _joined(text: str, kind: str) -> str:
    """Return `text` without the marks of elements, but for those between two numbers.

    Decimals in an element of their own belong to the number before: `12<small>.99</small>`, and cents behind a mark
    that stands alone, `12<i>,</i><small>99</small>`.
    """
    edges = f"[{EDGE}{RAISED}]"
    if kind == "price":
        text = re.sub(rf"(?<=\d){edges}*([.,]){edges}*(?=\d\d(?!\d|{edges}*[.,]?\d))", r"\1", text)
        # A space behind the decimal mark, where nothing but the amount and its currency stands there.
        match = re.fullmatch(r"(\D*?)(\d[\d.,]*[.,]) (\d\d)(\D*)", text)
        if match and all(not one.strip() or is_currency(one.strip()) for one in (match[1], match[4])):
            text = f"{match[1]}{match[2]}{match[3]}{match[4]}"
    elif kind == "number":
        text = re.sub(rf"(?<=\d){edges}+([.,])(?=\d)", r"\1", text)
    text = re.sub(rf"(?<=[\d.,])[{_SPACE}]*{edges}[{EDGE}{RAISED}{_SPACE}]*(?=[\d.,])", BREAK, text)
    return re.sub(edges, "", text)


def _leading_point(before: str, digits: str, shown: str, kind: str) -> tuple[str, str]:
    """Return what stands before a number, and the number with a 0 where it begins with its point: `.99`.

    A point behind a letter or an abbreviation is that word's: `Rs.500`, `S/.12`.
    """
    if not before.endswith((".", ",")):
        return before, digits
    ahead = before[:-1]
    last = ahead[-1:]
    if last.isalpha() or last == "/":
        return before, digits
    is_bare = not ahead.strip() or last in "-+(:$£€¥" or (last == " " and not ahead.rstrip()[-1:].isalnum())
    if not is_bare or re.search("[.,]", digits) or (last and last in "$£€¥" and len(digits) > 2):
        raise NotOfType(f"{quoted(shown)} is not a {kind} for sure: what is the point before it? Take it by `re`")
    return ahead, f"0.{_CERTAIN}{digits}"


def _sign(before: str, behind: str, shown: str, kind: str) -> tuple[str, str]:
    """Return the sign, and what stands before the number without it: `-£5`, `£ -5`."""
    unclear = NotOfType(f"{quoted(shown)} is not a {kind} for sure: is the dash a minus? Take it by `re`")
    spelling = currency_before(before)
    ahead, between = before, ""
    match = _LAST_SIGN.search(before)
    if match is None and spelling:
        ahead = before.rstrip()[: -len(spelling)]
        between = before[len(ahead) :]
        match = _LAST_SIGN.search(ahead)
    if match is None:
        is_behind = _SIGN_BEHIND.match(behind) is not None and not behind[1:].strip(" )*")
        if is_behind or _SIGN_FIRST.match(before):
            raise unclear
        return "", before
    mark, ahead = match[1], ahead[: match.start()]
    if mark == "+":
        return "", ahead + between
    is_first = not ahead.strip() or is_currency(ahead.strip())
    if _LAST_SIGN.search(ahead) or (match[2] and mark not in "\u2212\uff0d"):  # two; or one that leads a line
        raise unclear
    if not is_first and (ahead[-1:].isalnum() or match[2] or between != between.strip()):
        raise unclear
    return "-", ahead + between


def _check_bound(before: str, shown: str, kind: str) -> None:
    """Refuse a number that is said to be less or more: `< 5`, `> $5`, `\u00b15`."""
    spelling = currency_before(before)
    if _BOUND.search(before) or (spelling and _BOUND.search(before.rstrip().removesuffix(spelling))):
        raise NotOfType(f"{quoted(shown)} is not a {kind}: a mark makes it a bound, take it by `re`")


def _check_gap(before: str, shown: str, kind: str) -> None:
    """Refuse a number with a space inside behind a word: `iPhone 12 799 €`."""
    match = _WORD_BEFORE.search(before.rstrip(" "))
    if match and not is_currency(match[0]) and match[0].lower() not in LABELS:
        raise NotOfType(f"{quoted(shown)} is not a {kind} for sure: it may be two numbers, take one by `re`")


def _check_around(before: str, behind: str, shown: str, kind: str) -> None:
    """Refuse a number of which what stands about it makes another."""
    if _RAISED_DIGITS.match(behind.lstrip("\u2044/., ")) or (before and _RAISED_DIGITS.match(before[-1])):
        raise NotOfType(f"{quoted(shown)} is not a {kind}: a fraction or a raised digit belongs to it")
    word = _WORD_BEFORE.search(before)
    if (word and not is_currency(word[0]) and word[0].lower() not in ("x",)) or before.endswith("_"):
        raise NotOfType(f"{quoted(shown)} is not a {kind}: the number is a part of a word")
    _check_multiple(behind, shown, kind)


def _check_multiple(behind: str, shown: str, kind: str) -> None:
    spaced = behind[:1].isspace()
    rest = behind.lstrip(" \u00a0\u202f-")
    match = _WORD_BEHIND.match(rest)
    if match is None:
        return
    word = match[0]
    is_letter = word in _MULTIPLYING_LETTERS and (not spaced or word in "kKMBT" or (kind == "price" and word in "mb"))
    is_multiple = (
        is_letter
        or word.lower().rstrip(".") in _MULTIPLIERS
        or word[0] in _CJK_MULTIPLIERS
        or (kind == "price" and re.fullmatch(r"[kKmMbB](?:EUR|USD|GBP|CHF)", word))
    )
    if is_multiple and not (word in ("mm", "mi", "g", "G") and kind != "price"):
        raise NotOfType(f"{quoted(shown)} is not a {kind} as it stands: {word!r} multiplies it, take `type: text`")


# Separators ---------------------------------------------------------------------------------------------


def plain_digits(found: Found, kind: str, *, lone_three: str) -> str:
    """Return digits without separators of thousands and with a point before the decimals.

    Args:
        lone_three: what a single separator before three digits is: of thousands, of thousands where it is a comma
            (a point is unclear), a point where it is one (a comma is unclear), or unclear.
    """
    digits = found.digits
    if _CERTAIN in digits:
        whole, _, decimals = digits.partition(f".{_CERTAIN}")
        return f"{_whole(whole, found, kind)}.{decimals}"
    marks = re.findall(r"\D", digits)
    if not marks:
        return digits
    last = marks[-1]
    whole, decimals = digits.rsplit(last, 1)
    others = [mark for mark in marks[:-1] if mark != last]
    if last in _APOSTROPHE or (not others and last in marks[:-1]):
        return _whole(digits, found, kind)
    if others:
        if last in marks[:-1]:
            raise _senseless(found, kind)
        return f"{_whole(whole, found, kind)}.{decimals}"
    # A single separator.
    if last == "\u00b7" and len(decimals) != 2:
        raise _senseless(found, kind)
    is_group = len(decimals) == 3 and len(whole) <= 3 and whole.strip("0") != ""
    if not is_group:
        return f"{whole}.{decimals}"
    if whole[0] == "0":
        raise _senseless(found, kind)
    if lone_three == "thousands" or (lone_three == "comma" and last != "."):
        return whole + decimals
    if lone_three == "point" and last == ".":
        return f"{whole}.{decimals}"
    raise NotOfType(f"{quoted(found.text)} could be two numbers: a thousand or three decimals, take it by `re`")


def _whole(digits: str, found: Found, kind: str) -> str:
    """Return a whole number without its separators, which stand by threes, or as in India by twos before the last."""
    marks = set(re.findall(r"\D", digits))
    if not marks:
        return digits
    first, *groups = re.split(r"\D", digits)
    by_threes = len(first) <= 3 and all(len(group) == 3 for group in groups)
    by_twos = (
        marks == {","} and len(first) <= 2 and len(groups[-1]) == 3 and all(len(one) == 2 for one in groups[:-1])
    )
    if len(marks) > 1 or first[0] == "0" or not (by_threes or by_twos):
        raise _senseless(found, kind)
    return first + "".join(groups)


def _senseless(found: Found, kind: str) -> NotOfType:
    return NotOfType(f"{quoted(found.text)} is not a {kind}: its separators make no sense")


def finite(number: str, text: str) -> float:
    """Return a number as a float.

    Raises:
        NotOfType: it is too large.
    """
    value = float(number)
    if not math.isfinite(value):
        raise NotOfType(f"{quoted(text)} is too large for a number")
    return value
