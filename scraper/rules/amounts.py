"""Numbers, prices and amounts of money as pages write them: read whole and as a person reads them, or refused."""

from __future__ import annotations

import re
from typing import Any

from scraper.rules.currencies import code_apart, code_of, currency_before, currency_behind, is_code, is_currency
from scraper.rules.numbers import LABELS, MOST_DIGITS, Found, finite, only_number, plain_digits
from scraper.rules.refusal import LONGEST, NotOfType, quoted

_USUAL_PRICE = re.compile(
    r"[$£€]?\s?(?:(\d{1,6}\.\d\d)|(\d{1,3}(?:,\d{3})+\.\d\d)|((?:\d{1,3}(?:\.\d{3})+|\d{1,6}),\d\d))(?: ?€)?"
)
_EXPONENT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+", re.ASCII)
_PER_UNIT = re.compile(r"\s?/\s?(?:l|L|lt|ltr|litre|liter|litro|gal|kWh|kwh|min|m3|sms|SMS)\b")
#: Currencies with three decimals (ISO 4217).
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
#: Currencies whose prices have a decimal point at home, and elsewhere points between thousands: `$3.459` is either.
_WITH_POINT = frozenset(
    """
    $ AUD BWP CAD CNY EGP ETB GBP GHS HKD ILS INR KES LKR MXN MYR NGN NPR NZD PHP PKR Rs SGD TWD THB UGX USD
    """.split()
)
#: Parts of currencies, by which an amount is the hundredth of what it says.
_HUNDREDTHS = re.compile(r"[\s-]*(?:¢|c\b(?!\$)|p\b|(?i:cents?|cts?|pence|centimes|øre|öre|groszy|gr|коп|копеек)\b)")
_DISCOUNT = re.compile(
    r"[^\w(]*(?:off|discount|rabatt|remise|r[ée]duction|sconto|descuento|desconto|korting|скидк\w+)\b", re.IGNORECASE
)
_TWO_DECIMALS = re.compile(r"[.,]\S?\d\d\Z")
_SPACED = re.compile(r"[^\w.€£$]+")
_WORD = re.compile(r"[^\W\d_]+")
#: Words that may stand beside an amount without a currency which is not written with two decimals.
_BESIDE_AMOUNTS = frozenset(
    """
    a each ea excl exkl incl inkl inc hors htva ht iva kdv list moms mwst offer our per piece pro regular retail sale
    special stück tax the ttc tva us vat vid your zzgl
    """.split()
)
#: What is measured and not paid, also with two decimals.
_UNITS = frozenset(
    """
    cl cm dl feet fl foot ft g gb ghz gr gram grams h hours inch inches kb kg km kw kwh l lb lbs liter liters litre
    litres m mb mg mhz miles min minutes ml mm mp oz ounces sec seconds stars tb tons v w watt yd
    км кг \u0433 л м мл см
    """.split()
)
_WORD_BEHIND = re.compile(r"[^\W\d_]+(?:[./][^\W\d_]+)*")


def to_int(text: str) -> int:
    """Return the one whole number in `text`, thousands separated or not: `22 left`, `1,234 reviews`.

    Raises:
        NotOfType: there are none or several, it has decimals, or something makes another number of it.
    """
    if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS:
        return int(text)
    if text.isascii() and text.isdecimal():
        raise NotOfType(f"a number of more than {MOST_DIGITS} digits")
    found = only_number(text, "whole number")
    digits = found.digits
    if not re.fullmatch(r"\d+", digits):
        digits = plain_digits(found, "whole number", lone_three=_lone_three(found))
        if "." in digits:
            raise NotOfType(f"{quoted(found.text)} is not a whole number")
    if len(digits) > MOST_DIGITS:
        raise NotOfType(f"a number of more than {MOST_DIGITS} digits")
    return int(found.sign + digits)


def to_float(text: str) -> float:
    """Return the one number in `text`. A point begins the decimals, as does a single comma: `4.5 stars`, `4,5`,
    `1,234.5`.

    Raises:
        NotOfType: there are none or several, or it could be two: `1,234`, `1.299 €`.
    """
    if len(text) <= LONGEST and _EXPONENT.fullmatch(text):
        return finite(text, text)
    found = only_number(text, "number")
    is_amount = currency_before(found.before) or currency_behind(found.behind)
    digits = plain_digits(found, "number", lone_three="unclear" if is_amount else "point")
    return finite(found.sign + digits, text)


def to_price(text: str) -> float:
    """Return the one amount in `text`, whatever its currency: `£51.77`, `1.234,56 €`, `1'234.50`, `12,-`.

    Of two kinds of separators the last begins the decimals. One kind that stands there more than once separates
    thousands, as does a single one before three digits (`1.234 €`, `1,234`), unless a lone 0 stands before it.

    Raises:
        NotOfType: there are none or several, or it is a share, a multiple or a part of a word.
    """
    if match := _USUAL_PRICE.fullmatch(text):
        plain, english, other = match.groups()
        return float(plain or (english.replace(",", "") if english else other.replace(".", "").replace(",", ".")))
    return _amount(text)[0]


def to_money(text: str) -> dict[str, Any]:
    """Return the one amount in `text` and its currency: `{"amount": 51.77, "currency": "GBP"}`.

    The currency is a code of ISO 4217 where the text has one, or a mark that means one currency (`€`, `£`, `zł`);
    otherwise the mark as it stands (`$`, `kr`), and None without a mark.

    Raises:
        NotOfType: as `to_price`, or two currencies stand there.
    """
    amount, found = _amount(text)
    before, behind = currency_before(found.before), currency_behind(found.behind)
    codes = [code_of(one) for one in (before, behind) if one]
    if codes and (apart := code_apart(found.before, found.behind)):
        codes = [apart if code == "$" else code for code in codes]
    others = _SPACED.split(f"{found.before} {found.behind}")
    codes += [one for one in others if is_code(one)]
    exact = list(dict.fromkeys(filter(is_code, codes)))
    if len(exact) > 1:
        raise NotOfType(f"{quoted(found.text)} names two currencies: take one by `re`")
    return {"amount": amount, "currency": exact[0] if exact else codes[0] if codes else None}


def _amount(text: str) -> tuple[float, Found]:
    found = only_number(text, "price")
    behind = found.behind.lstrip()
    if (
        behind.startswith("%")
        or found.before.rstrip().endswith("%")
        or re.match(r"per ?cent|percent|prozent|pct", behind, re.I)
    ):
        raise NotOfType(f"{quoted(found.text)} is not a price: it is a share")
    if (found.before.rstrip().endswith("(") and behind.startswith(")")) or (
        found.before.startswith("(") and found.behind.rstrip().endswith(")")
    ):
        raise NotOfType(
            f"{quoted(found.text)} is not a price for sure: in brackets it may be negative, take it by `re`"
        )
    word = _WORD_BEHIND.match(found.behind.removeprefix("-"))
    if word and not currency_behind(found.behind):
        raise NotOfType(f"{quoted(found.text)} is not a price: {word[0]!r} is no currency that is known")
    _check_words(found)
    digits = found.digits
    if found.cents:
        digits = f"{plain_digits(found, 'price', lone_three='thousands')}.{found.cents}"
    else:
        digits = plain_digits(found, "price", lone_three=_lone_three(found))
    return finite(found.sign + digits, found.text), found


def _check_words(found: Found) -> None:
    """Refuse what words about a number make of it: cents, a discount, a measure, the name of something."""
    if _HUNDREDTHS.match(found.behind) or found.before.rstrip().endswith("¢"):
        raise NotOfType(f"{quoted(found.text)} is not a price as it stands: it is in hundredths, take `type: float`")
    before, behind = currency_before(found.before), currency_behind(found.behind)
    rest = found.behind.removeprefix("-").lstrip()[len(behind) :]
    if _DISCOUNT.match(rest):
        raise NotOfType(f"{quoted(found.text)} is not a price: it is a discount")
    words = [word.lower() for word in _WORD.findall(f"{found.before} {found.behind}")]
    if before or behind or not words or any(map(is_currency, _SPACED.split(found.text))):
        return
    unit = _WORD.match(found.behind.lstrip(" \u00a0\u202f-"))
    is_unit = unit is not None and unit[0].lower() in _UNITS
    if is_unit or not (
        found.cents or _TWO_DECIMALS.search(found.digits) or LABELS.union(_BESIDE_AMOUNTS) >= {*words}
    ):
        raise NotOfType(f"{quoted(found.text)} is not a price for sure: no currency is with it, take it by `re`")


def _lone_three(found: Found) -> str:
    """Return what a single separator before three digits is in a price or a whole number."""
    codes = {code_of(one) for one in (currency_before(found.before), currency_behind(found.behind)) if one}
    if codes & _THREE_DECIMALS or _PER_UNIT.search(found.behind):
        return "unclear"
    # Beside a code its mark says nothing: `$ 5.000 CLP`.
    codes = set(filter(is_code, codes)) or codes
    return "comma" if codes & _WITH_POINT else "thousands"
