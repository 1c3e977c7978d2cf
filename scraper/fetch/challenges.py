"""Tell a challenge from a page: what is shown in its place to find out whether a person is there.

Known by marks that ordinary pages behind the same services do not bear: these too load scripts of Cloudflare,
Imperva, DataDome and HUMAN, and forms hold captchas. A captcha counts by itself only where it is all that there is to
do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scraper.lazy_pattern import lazy_pattern

#: Bodies of more bytes are pages, whatever is in them: challenges are small.
_LARGEST = 256 * 1024
#: The same of good answers, of which there are many.
_LARGEST_GOOD = 32 * 1024
#: Statuses with which challenges come that do not come as a page.
_REFUSING = frozenset({401, 403, 405, 428, 429, 503})
_WIDGETS = (
    (b"hcaptcha.com/1/api.js", "hCaptcha"),
    (b"js.hcaptcha.com", "hCaptcha"),
    (b"google.com/recaptcha/", "reCAPTCHA"),
    (b"recaptcha.net/recaptcha/", "reCAPTCHA"),
    (b"challenges.cloudflare.com/turnstile", "Turnstile"),
)
#: What a person fills in or reads on a page of its own.
_FIELD = lazy_pattern(
    rb"<(?:textarea(?![^>]*g-recaptcha-response)|select|input(?![^>]*type\s*=\s*[\"']?(?:hidden|submit|button|checkbox))"
    rb")\b",
    re.IGNORECASE,
)
_LINK = lazy_pattern(rb"<a\s[^>]*href\s*=\s*[\"']?(?!#|javascript:|mailto:)", re.IGNORECASE)
_UNREAD = lazy_pattern(rb"<(script|style|noscript)\b.*?</\1\s*>|<[^>]*>|\s+", re.IGNORECASE | re.DOTALL)
#: Links and letters that an interstitial may have: to the service's terms and privacy.
_MOST_LINKS, _MOST_LETTERS = 3, 1_000


def challenge_of(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return whose challenge an answer is; empty where it is none."""
    if headers.get("cf-mitigated", "").strip().lower() == "challenge":
        return "Cloudflare"
    if headers.get("x-amzn-waf-action", "").strip().lower() in ("challenge", "captcha"):
        return "AWS WAF"
    is_refusing = status in _REFUSING
    if not body or len(body) > (_LARGEST if is_refusing else _LARGEST_GOOD):
        return ""
    return _by_body(body, is_refusing=is_refusing)


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
    if _FIELD.search(body):
        return False
    if is_refusing:
        return True
    links = sum(1 for _ in _LINK.finditer(body))
    return links <= _MOST_LINKS and len(_UNREAD.sub(b"", body)) <= _MOST_LETTERS
