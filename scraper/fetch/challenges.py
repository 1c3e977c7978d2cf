"""Tell a challenge from a page: what is shown in its place to find out whether a person is there.

Known by marks that ordinary pages behind the same services do not bear: these too load scripts of Cloudflare,
Imperva, DataDome and HUMAN, and forms hold captchas. A captcha counts by itself only where it is all that there is to
do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scraper.errors import Challenged
from scraper.lazy_pattern import lazy_pattern
from scraper.reasons import remedy_of

if TYPE_CHECKING:
    from scraper.response import Response

#: Bodies of more bytes are pages, whatever is in them: challenges are small.
_LARGEST = 256 * 1024
#: The same of good answers, of which there are many: to look through each page would take as long as to fetch it.
_LARGEST_GOOD = 8 * 1024
#: And of those that speak of a captcha.
_LARGEST_SPEAKING = 64 * 1024
#: Statuses with which challenges come that do not come as a page.
_REFUSING = frozenset({401, 403, 405, 428, 429, 503})
_WIDGETS = (
    (b"hcaptcha.com/1/api.js", "hCaptcha"),
    (b"js.hcaptcha.com", "hCaptcha"),
    (b"google.com/recaptcha/", "reCAPTCHA"),
    (b"recaptcha.net/recaptcha/", "reCAPTCHA"),
    (b"challenges.cloudflare.com/turnstile", "Turnstile"),
    (b'id="px-captcha"', "HUMAN"),
    (b"id='px-captcha'", "HUMAN"),
)
# None of these looks at a byte more than a few times, whatever the body: a match begins behind what another saw.
#: What a person fills in, and where links lead.
_FIELD = lazy_pattern(rb"<(?:textarea|select|input)\b[^>]{0,1000}", re.IGNORECASE)
_NO_FIELD = lazy_pattern(
    rb"type\s{0,9}=\s{0,9}[\"']?(?:hidden|submit|button|checkbox)|g-recaptcha-response", re.IGNORECASE
)
_LINK = lazy_pattern(rb"<a\s[^>]{0,1000}", re.IGNORECASE)
_HREF = lazy_pattern(rb"href\s{0,9}=\s{0,9}[\"']?(?!#|javascript:|mailto:)", re.IGNORECASE)
#: What is not read.
_CODE = lazy_pattern(rb"<(script|style|noscript)\b")
_TAG = lazy_pattern(rb"<[^<>]*>|\s+")
#: Links and letters that an interstitial may have: to the service's terms and privacy.
_MOST_LINKS, _MOST_LETTERS = 3, 1_000


def challenge_of(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return whose challenge an answer is; empty where it is none."""
    if headers.get("cf-mitigated", "").strip().lower() == "challenge":
        return "Cloudflare"
    if headers.get("x-amzn-waf-action", "").strip().lower() in ("challenge", "captcha"):
        return "AWS WAF"
    is_refusing = status in _REFUSING
    if not body or len(body) > (_LARGEST if is_refusing else _LARGEST_SPEAKING):
        return ""
    if len(body) > _LARGEST_GOOD and not is_refusing and b"captcha" not in body:
        return ""
    return _by_body(body, is_refusing=is_refusing)


def challenge_in(response: Response) -> Challenged | None:
    """Return the error for an answer that is a challenge; None for any other."""
    whose = challenge_of(response.status, response.headers, response.body)
    if not whose:
        return None
    return Challenged(
        f"a challenge of {whose} came in the place of {response.url}",
        whose=whose,
        seconds=response.elapsed,
        remedy=remedy_of(Challenged.reason),
    )


def refuse_challenge(response: Response) -> None:
    """Raise Challenged where an answer is one."""
    if (challenge := challenge_in(response)) is not None:
        raise challenge


def _by_body(body: bytes, *, is_refusing: bool) -> str:
    # These come with 200, too.
    if b"_Incapsula_Resource" in body and b"Incapsula incident ID" in body and b"<iframe" in body.lower():
        return "Imperva"
    if b"sec-if-cpt-container" in body or b"/_sec/verify?provider=interstitial" in body:
        return "Akamai"
    if is_refusing:
        if b"_cf_chl_opt" in body:
            return "Cloudflare"
        if b"captcha-delivery.com" in body:
            return "DataDome"
        if b"px-captcha" in body or b"captcha.px-cdn.net" in body or b"captcha.px-cloud.net" in body:
            return "HUMAN"
    if b"captcha" in body or b"turnstile" in body:
        widget = next((name for mark, name in _WIDGETS if mark in body), "")
        if widget and _is_nothing_else(body, is_refusing=is_refusing):
            return widget
    return ""


def _is_nothing_else(body: bytes, *, is_refusing: bool) -> bool:
    """Tell whether a captcha is all that a page has: no field to fill in, and but for a refusal no links, and little
    to read.
    """
    if any(not _NO_FIELD.search(field[0]) for field in _FIELD.finditer(body)):
        return False
    if is_refusing:
        return True
    links = sum(1 for link in _LINK.finditer(body) if _HREF.search(link[0]))
    return links <= _MOST_LINKS and _letters(body) <= _MOST_LETTERS


def _letters(body: bytes) -> int:
    """Return how many bytes of text there are to read."""
    small, read, at = body.lower(), 0, 0
    while (code := _CODE.search(small, at)) is not None:
        read += len(_TAG.sub(b"", body[at : code.start()]))
        at = small.find(b"</" + code[1], code.end())
        if at < 0:
            return read
    return read + len(_TAG.sub(b"", body[at:]))
