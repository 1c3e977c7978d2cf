"""Guess the encoding of a page that declares none and is not UTF-8.

Text in Latin letters is told by its accented letters: each language has few of them, some far more often than others,
and only the right encoding makes these of its bytes. Other scripts are charset_normalizer's, which knows them well.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

from scraper.lazy_pattern import lazy_pattern
from scraper.parse.codecs import decode_as

_FALLBACK = "windows-1252"
#: How much of a page is looked at, from its first byte that is not ASCII on.
_GUESS_BYTES = 8192
_TAG = lazy_pattern(rb"<(?:script\b.*?</script|style\b.*?</style|!--.*?--|[^>]*)>", re.IGNORECASE | re.DOTALL)
_LANGUAGE = lazy_pattern(rb"""<html\b[^>]{0,500}?\slang\s*=\s*["']?([A-Za-z]{2})\b""", re.IGNORECASE)
_HIGH = lazy_pattern(rb"[\x80-\xff]")
_WORD = lazy_pattern(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_BEHIND_SMALL = lazy_pattern(r"[a-z]([^\x00-\x7f])")
_LONG_RUN = lazy_pattern(rb"[\x80-\xff]{3,}")
_ASCII_BYTES = bytes(range(128))
#: The letters of windows-1255, which has no capitals. In windows-1251 small letters lie there, and six beyond.
_HEBREW = lazy_pattern(rb"[\xe0-\xfa]")
#: Two bytes of an encoding of East Asia; and the rows of EUC-JP that hold kana, which hardly stand in EUC-KR or GBK.
_PAIR = lazy_pattern(rb"[\xa1-\xfe]{2}")
_KANA = b"\xa4\xa5"
_NOT_HEBREW = lazy_pattern(rb"[\xc0-\xdf\xfb-\xff]")

#: What charset_normalizer may choose from, and the names of its choices.
_SCRIPTS = {
    "cp1251": "windows-1251",
    "koi8_r": "koi8-r",
    "koi8_u": "koi8-u",
    "cp866": "ibm866",
    "cp932": "shift_jis",
    "euc_jp": "euc-jp",
    "gb18030": "gb18030",
    "big5hkscs": "big5",
    "cp949": "euc-kr",
    "cp1253": "windows-1253",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp874": "windows-874",
}
#: By encoding, the first the one that a doubt is decided for: languages, and their letters from the most frequent on.
_LETTERS: dict[str, dict[str, str]] = {
    "windows-1252": {
        "de": "üäöß",
        "fr": "éèàêçùûîôïâëœüÿ",
        "es": "óáíñéúüº",
        "pt": "ãçáéõíúêóàâôü",
        "it": "èàùìòéî",
        "nl": "ëéïèüöáó",
        "sv": "äöåé",
        "da": "øåæé",
        "no": "åøæéòô",
        "fi": "äöå",
        "et": "äõüöšž",
        "is": "ðáíþóúöæéý",
        "ca": "àóèéíïçúòü",
        "ga": "áíéúó",
        "sq": "ëç",
    },
    "windows-1250": {
        "pl": "łężąśćóńź",
        "cs": "íážěéčšřýůúňďóť",
        "sk": "áížťčéšúýľóňôďäĺŕ",
        "hu": "áéöóőíüúű",
        "hr": "čšžćđ",
        "ro": "ăţşîâ",
    },
    "iso-8859-2": {},
    "windows-1254": {"tr": "ıüşçğöâî"},
    "windows-1257": {"lt": "ųšžėįąūčę", "lv": "āīēšūļņģžķč", "et": "äõüöšž"},
    "windows-1258": {"vi": "đáưàôêăơâ\u0300\u0301\u0309\u0303\u0323éèíìóòúù"},
}
_LETTERS["iso-8859-2"] = _LETTERS["windows-1250"]
#: Marks that stand in texts of any language.
_MARKS = frozenset("“”„‚‘’–—…«»‹›·•°§©®™€£\xa0\xad½ºª¿¡²³×")
#: The likelihood of each letter against that of the next more frequent one, and of what is no letter of a language.
_FALL, _STRANGE, _BROKEN, _MARK = 0.72, math.log(0.0008), math.log(0.00002), math.log(0.05)
#: What the language is worth that a page names; and windows-1252, where few letters tell.
_NAMED, _USUAL = 12.0, 4.0


def guess(body: bytes) -> str:
    """Return the name of the likeliest encoding of `body`; windows-1252, which browsers take, where nothing tells."""
    first = _HIGH.search(body)
    start = first.start() if first else 0
    sample = body[start : start + _GUESS_BYTES]
    if len(body) > start + _GUESS_BYTES and b"<" in sample:
        sample = sample.rpartition(b"<")[0]  # not in the middle of a character
    text = _TAG.sub(b" ", sample)
    text = text if _HIGH.search(text) else sample
    words = b" ".join(_WORD.findall(text))
    high = len(words.translate(None, _ASCII_BYTES))
    plain = len(words.translate(None, b" ")) - high
    # In Latin text an accented letter stands among plain ones; in other scripts words have no plain ones.
    if plain > high or sum(map(len, _LONG_RUN.findall(words))) * 10 < high:
        named = _LANGUAGE.search(body[:_GUESS_BYTES])
        return _guess_latin(text, named[1].decode().lower() if named else "")
    if high < 8:
        return _FALLBACK
    hebrew = len(_HEBREW.findall(words))
    if hebrew * 10 > high * 9 and len(_NOT_HEBREW.findall(words)) * 200 < hebrew:
        return "windows-1255"
    pairs = _PAIR.findall(words)
    has_kana = sum(pair[0] in _KANA for pair in pairs) * 4 > len(pairs)
    if has_kana and decode_as(sample, "euc-jp").count("\ufffd") <= 1:  # its last character may be cut
        return "euc-jp"
    from charset_normalizer import from_bytes  # 20 ms to import, and few pages need it

    best = from_bytes(sample, cp_isolation=list(_SCRIPTS), preemptive_behaviour=False).best()
    return _SCRIPTS.get(best.encoding, _FALLBACK) if best is not None else _FALLBACK


def _guess_latin(text: bytes, named: str) -> str:
    best, most, plain = _FALLBACK, -math.inf, decode_as(text, _FALLBACK)
    for encoding, languages in _LETTERS.items():
        decoded = decode_as(text, encoding)
        if encoding != _FALLBACK and decoded == plain:
            continue
        counts = Counter(re.findall(r"[^\x00-\x7f]", decoded.replace("İ", "ı").lower()))
        before = _strange(decoded) + (_USUAL if encoding == _FALLBACK else 0.0)
        for language, letters in languages.items():
            score = before + _likelihood(counts, letters) + (_NAMED if language == named else 0.0)
            if score > most:
                best, most = encoding, score
    return best


def _likelihood(counts: Counter[str], letters: str) -> float:
    known = _weights(letters)
    total = 0.0
    for character, count in counts.items():
        weight = known.get(character)
        if weight is None:
            if character in _MARKS:
                weight = _MARK
            else:
                weight = _BROKEN if character == "\ufffd" or "\x80" <= character < "\xa0" else _STRANGE
        total += weight * count
    return total


def _strange(text: str) -> float:
    """Return what speaks against a text whatever its language: capitals right behind small letters."""
    return _STRANGE * sum(1 for character in _BEHIND_SMALL.findall(text) if character.isupper())


@cache
def _weights(letters: str) -> dict[str, float]:
    """Return the logarithm of how likely each letter is, among the accented ones."""
    whole = (1 - _FALL ** len(letters)) / (1 - _FALL)
    return {letter: math.log(_FALL**place / whole) for place, letter in enumerate(letters)}
