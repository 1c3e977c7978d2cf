"""How pages write currencies: which marks and words are some, and which code of ISO 4217 one means."""

from __future__ import annotations

import re

#: The codes of ISO 4217 for what is paid with.
_CODES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
    HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD
    TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)
#: Codes that are also written in small letters; others would be words (`all`, `top`, `try`).
_SMALL_CODES = frozenset(
    """
    aed aud brl cad chf cny czk dkk eur gbp hkd huf idr ils inr jpy krw mxn myr nok nzd php pln ron rub sar sek sgd
    thb twd uah usd vnd zar
    """.split()
)
#: Marks and abbreviations of one currency.
_OF_ONE = {
    spelling: code
    for code, spellings in {
        "AED": "د.إ Dhs Dh AED درهم",
        "AFN": "؋",
        "AMD": "֏",
        "AUD": "A$ AU$",
        "AZN": "₼",
        "BDT": "৳ Tk",
        "BGN": "лв lv lev leva лева",
        "BHD": "BD د.ب",
        "BRL": "R$ reais",
        "CAD": "C$ CA$ Can$",
        "CHF": "sFr SFr SFR Franken",
        "CNY": "CN¥ RMB yuan 人民币 人民幣",
        "CRC": "₡",
        "CZK": "Kč Kc Kčs korun",
        "DOP": "RD$",
        "DZD": "DA د.ج",
        "EGP": "ج.م L.E LE E£",
        "EUR": "€ euro euros ευρώ",
        "GBP": "£ ￡ quid",
        "GEL": "₾ lari ლარი ლ",
        "GHS": "₵ GH₵",
        "GTQ": "Q",
        "HKD": "HK$",
        "HUF": "Ft forint",
        "IDR": "Rp rupiah",
        "ILS": '₪ NIS nis shekel shekels ש״ח ש"ח',
        "INR": "₹",
        "IQD": "د.ع",
        "IRR": "ریال",
        "JOD": "د.ا د.أ JD",
        "JPY": "JP¥ 円 yen",
        "KES": "KSh Ksh KSH",
        "KHR": "៛",
        "KRW": "₩ 원 won",
        "KWD": "KD K.D د.ك",
        "KZT": "₸ тг тенге",
        "LAK": "₭",
        "LBP": "ل.ل",
        "LKR": "රු",
        "LYD": "LD د.ل",
        "MAD": "د.م",
        "MKD": "ден",
        "MNT": "₮",
        "MXN": "MX$ MEX$ Mex$",
        "MYR": "RM",
        "NGN": "₦",
        "NZD": "NZ$",
        "OMR": "RO R.O ر.ع",
        "PAB": "B/",
        "PEN": "S/",
        "PHP": "₱",
        "PLN": "zł Zł ZŁ zl złotych zlotych złote złoty",
        "PYG": "₲",
        "QAR": "QR ر.ق",
        "RSD": "дин din",
        "RUB": "₽ руб р Р рублей рубля рубль",
        "SAR": "ر.س SR",
        "SGD": "S$ SG$",
        "THB": "฿ บาท baht",
        "TND": "DT د.ت",
        "TRY": "₺ TL lira",
        "TWD": "NT$",
        "TZS": "TSh",
        "UAH": "₴ грн гривень гривні",
        "UGX": "USh",
        "USD": "US$ U$S",
        "VND": "₫ đ VNĐ vnđ dong",
        "YER": "ر.ي",
        "ZAR": "R rand",
    }.items()
    for spelling in spellings.split()
}
#: Marks and words that several currencies share.
_SHARED = frozenset(
    """
    $ ¥ ￥ ƒ ₨ ¤ kr Kr KR Rs RS Re Fr fr FR F f Sh Br Bs KM kn L lei leu Ks Z$ J$ TT$ EC$ Bds$ COL$ CLP$ AR$
    MOP$ CFA FCFA 元 圆 圓 dollar dollars Dollar Dollars pound pounds franc francs peso pesos rupee rupees kronor
    kroner kronur krónur krone krona dinar dinars dirham dirhams riyal riyals rial ريال دينار دج جنيه ليرة تومان
    сом сум Esc ₤ dinara Lek lek Nu MK Nfk Fdj FBu
    Fbu FRw VT Vt ZK GFr BTC hrn som so'm Rbl ብር ج.س ل.س ل.د
    """.split()
) | {"F CFA"}
#: Letters apart from the mark that they belong to: `US $5`, `5 $ CA`.
_LETTERS_BEFORE = re.compile(r"\b([A-Z][A-Za-z.]{0,4})\s([$\u00a3\u00a5])\s*\Z")
_LETTERS_BEHIND = re.compile(r"\s*([$\u00a3\u00a5]?)\s?([A-Z]{1,3})\b")
#: The length of the longest spelling, with a full stop.
_LONGEST = 12
_SOME_DOLLARS = re.compile(r"[A-Z][A-Za-z]{0,3}\$")
_NO_CENTS = re.compile(r"[.,:]?\s?/?[-\u2212\u2013=]{1,2}")


def code_of(spelling: str) -> str:
    """Return the code of ISO 4217 that a spelling means; where it could be several, the spelling itself."""
    bare = spelling.rstrip(".")
    if bare in _CODES:
        return bare
    if bare in _SMALL_CODES or (bare.istitle() and bare.lower() in _SMALL_CODES):
        return bare.upper()
    return _OF_ONE.get(bare) or _OF_ONE.get(bare.lower()) or bare


def code_apart(before: str, behind: str) -> str:
    """Return the code that letters beside a mark give it, before an amount or behind it; empty without any."""
    if match := _LETTERS_BEFORE.search(before):
        return _OF_ONE.get(match[1].replace(".", "") + match[2], "")
    match = _LETTERS_BEHIND.match(behind)
    return _OF_ONE.get(match[2] + (match[1] or before.strip()[-1:]), "") if match else ""


def is_code(spelling: str) -> bool:
    """Tell whether a spelling is a code of ISO 4217."""
    return spelling in _CODES


def is_currency(spelling: str) -> bool:
    """Tell whether a mark, word or code is a currency, with or without a full stop behind it."""
    bare = spelling.rstrip(".")
    if bare in _SHARED or bare in _OF_ONE or bare in _CODES or _SOME_DOLLARS.fullmatch(bare):
        return True
    small = bare.lower()
    return len(bare) > 2 and (small in _SMALL_CODES or small in _OF_ONE or small in _SHARED)


def currency_before(text: str) -> str:
    """Return the currency with which a text ends, as it is written; empty where it ends with none."""
    text = text.rstrip()
    return next(
        (
            one
            for length in range(min(len(text), _LONGEST), 0, -1)
            if _stands(one := text[-length:], text[:-length][-1:], "")
        ),
        "",
    )


def currency_behind(text: str) -> str:
    """Return the currency with which a text begins, behind the dash that stands for cents: `,- €`."""
    text = _NO_CENTS.sub("", text, count=1).lstrip()
    return next(
        (
            one
            for length in range(min(len(text), _LONGEST), 0, -1)
            if _stands(one := text[:length], "", text[length:][:1])
        ),
        "",
    )


def _stands(spelling: str, before: str, behind: str) -> bool:
    """Tell whether a part of a text is a currency, and no part of a longer word."""
    if (before.isalpha() and spelling[0].isalpha()) or (behind.isalpha() and spelling[-1].isalpha()):
        return False
    return spelling == spelling.strip() and is_currency(spelling)
