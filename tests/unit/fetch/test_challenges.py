"""Challenges are known by their marks, and ordinary pages that bear some of them are pages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.challenges import challenge_of
from scraper.fetch.politeness import Circuit

HTML = {"Content-Type": "text/html; charset=utf-8"}


def page(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


CLOUDFLARE = page(
    "<noscript>Enable JavaScript and cookies to continue</noscript>"
    "<script>(function(){window._cf_chl_opt = {cvId: '3', cType: 'managed'};"
    "var a = document.createElement('script'); a.src = '/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1';})()"
    "</script>",
    "<title>Just a moment...</title>",
)
DATADOME = page(
    "<p id='cmsg'>Please enable JS and disable any ad blocker</p>"
    "<script>var dd={'rt':'c','cid':'x','hsh':'y','t':'fe','host':'geo.captcha-delivery.com'}</script>"
    "<script src='https://ct.captcha-delivery.com/c.js'></script>"
)
HUMAN = page(
    "<div id='px-captcha'></div><script>window._pxAppId = 'PX1'; window._pxVid = '';</script>"
    "<script src='https://captcha.px-cdn.net/PX1/captcha.js'></script>",
    "<title>Access to this page has been denied</title>",
)
IMPERVA = page(
    "<iframe id='main-iframe' src='/_Incapsula_Resource?CWUDNSAI=1&xinfo=2&incident_id=3'>"
    "Request unsuccessful. Incapsula incident ID: 3-4</iframe>",
    "<META NAME='robots' CONTENT='noindex,nofollow'>",
)
AKAMAI = page(
    "<div id='sec-if-cpt-container' data-duration=5 data-provider='crypto'></div><script src='/x.js'></script>"
)
AKAMAI_REFRESH = page(
    "<script>xhr.open('POST', '/_sec/verify?provider=interstitial');</script>",
    "<meta http-equiv=refresh content='5; URL=/?bm-verify=AA'>",
)
HCAPTCHA = page(
    "<h1>One more step</h1><div class='h-captcha'></div><script src='https://js.hcaptcha.com/1/api.js'></script>"
)
RECAPTCHA = page(
    "<form method=post><p>Our systems have seen unusual traffic from your network.</p>"
    "<div class='g-recaptcha' data-sitekey='x'></div><input type=hidden name=q value=1><input type=submit></form>"
    "<script src='https://www.google.com/recaptcha/api.js'></script>"
)


@pytest.mark.parametrize(
    ("status", "headers", "body", "whose"),
    [
        (403, {"cf-mitigated": "challenge", "Server": "cloudflare"}, b"", "Cloudflare"),
        (200, {"CF-Mitigated": "challenge"}, b"", "Cloudflare"),
        (403, {"Server": "cloudflare"}, CLOUDFLARE, "Cloudflare"),
        (503, {}, CLOUDFLARE, "Cloudflare"),
        (202, {"x-amzn-waf-action": "challenge"}, b"", "AWS WAF"),
        (405, {"x-amzn-waf-action": "captcha"}, b"<html>", "AWS WAF"),
        (200, {}, page('<div id="px-captcha"></div>', f"<style>{'p {color: red} ' * 2_000}</style>"), "HUMAN"),
        (403, {"x-datadome": "protected"}, DATADOME, "DataDome"),
        (403, {}, HUMAN, "HUMAN"),
        (429, {}, HUMAN, "HUMAN"),
        (200, {"X-Iinfo": "1-2-3"}, IMPERVA, "Imperva"),
        (403, {}, IMPERVA, "Imperva"),
        (429, {}, AKAMAI, "Akamai"),
        (200, {}, AKAMAI_REFRESH, "Akamai"),
        (403, {}, HCAPTCHA, "hCaptcha"),
        (200, {}, HCAPTCHA, "hCaptcha"),
        (429, {}, RECAPTCHA, "reCAPTCHA"),
        (200, {}, RECAPTCHA, "reCAPTCHA"),
        (403, {}, page("<script src='https://challenges.cloudflare.com/turnstile/v0/api.js'></script>"), "Turnstile"),
    ],
)
def test_known_ones(status: int, headers: dict[str, str], body: bytes, whose: str):
    from requests.structures import CaseInsensitiveDict

    assert challenge_of(status, CaseInsensitiveDict({**HTML, **headers}), body) == whose


CONTACT = page(
    "<nav><a href=/>Home</a></nav><h1>Write to us</h1>"
    "<form><input type=email name=mail><textarea name=text></textarea>"
    "<div class='g-recaptcha'></div></form><script src='https://www.google.com/recaptcha/api.js' async></script>"
)
LOGIN = page(
    "<form><input name=user><input type=password name=pw><div class='h-captcha'></div></form>"
    "<script src='https://hcaptcha.com/1/api.js'></script>"
)
NEWSLETTER = page(
    "".join(
        f"<p><a href='/story/{number}'>Story {number}</a> about captchas, reCAPTCHA and robots</p>"
        for number in range(40)
    )
    + "<div class='g-recaptcha'></div><script src='https://www.google.com/recaptcha/api.js'></script>"
)
BLOG = page(
    "<h1>How Cloudflare's challenge works</h1><p>The page says Just a moment... "
    "and sets <code>window._cf_chl_opt</code>; "
    "DataDome uses captcha-delivery.com, HUMAN has #px-captcha, and Imperva an Incapsula incident ID.</p>"
)
GUARDED = page(
    "<h1>Shop</h1><script>(function(){var a='/cdn-cgi/challenge-platform/scripts/jsd/main.js'})()</script>"
    "<script src='/_Incapsula_Resource?SWJIYLWA=719d34d31c8e3a6e6fffd425f7e032f3'></script>"
    "<script src='https://js.datadome.co/tags.js'></script><script src='https://client.px-cloud.net/PX1/main.min.js'></script>"
)
DENIED = page(
    "<h1>Access Denied</h1>You don't have permission to access this. Reference #18.2", "<title>Access Denied</title>"
)
BLOCKED = page("<h1>Sorry, you have been blocked</h1>", "<title>Attention Required! | Cloudflare</title>")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, CONTACT),
        (200, {}, page('<div id="px-captcha"></div>' + "<p>An article</p>" * 200)),
        (200, {}, LOGIN),
        (401, {}, LOGIN),
        (403, {}, LOGIN),
        (200, {}, NEWSLETTER),
        (200, {}, BLOG),
        (200, {"Server": "cloudflare", "CF-RAY": "1", "X-Iinfo": "1", "x-datadome": "protected"}, GUARDED),
        (404, {"Server": "cloudflare"}, GUARDED),
        # A refusal is a refusal: nothing that a person could do is offered.
        (403, {}, DENIED),
        (403, {"Server": "cloudflare"}, BLOCKED),
        (200, {"cf-mitigated": ""}, b""),
        (202, {"x-amzn-waf-action": "count"}, b"{}"),
        (404, {}, CLOUDFLARE),
        (503, {"Retry-After": "5"}, page("<h1>We are down for a while</h1>")),
    ],
)
def test_ordinary_pages(status: int, headers: dict[str, str], body: bytes):
    from requests.structures import CaseInsensitiveDict

    assert challenge_of(status, CaseInsensitiveDict({**HTML, **headers}), body) == ""


@pytest.mark.parametrize(
    "piece", [b"<input ", b"<script", b"<a href=", b"<", b"<input type", b"<style></", b" ", b"<textarea >"]
)
@pytest.mark.parametrize("status", [200, 403])
def test_a_hostile_body_takes_no_time(status: int, piece: bytes):
    size = 250_000 if status == 403 else 8_000
    body = b"captcha hcaptcha.com/1/api.js" + piece * (size // len(piece))
    began = time.process_time()
    challenge_of(status, {}, body)
    assert time.process_time() - began < 0.5


@given(st.integers(200, 599), st.binary(max_size=2_000))
def test_any_body_is_looked_at(status: int, body: bytes):
    challenge_of(status, {}, body + b"captcha hcaptcha.com/1/api.js")


def test_the_circuit_opens_at_once_and_is_kept():
    circuit = Circuit().challenged(0.0, 1.0, 1.0, 60.0)
    assert (circuit.is_open, circuit.until, circuit.kept) == (True, 11.0, 1_001)
    assert circuit.challenged(0.5, 2.0, 1.0, 60.0) == circuit
    resumed = Circuit.resumed(circuit.kept, 11.0)
    assert resumed.is_challenged and resumed.pauses == 1
    for now in (20.0, 50.0, 100.0):
        circuit = circuit.challenged(now, now, 1.0, 60.0)
    assert (circuit.is_given_up, circuit.until) == (False, 160.0)
    circuit = circuit.challenged(200.0, 200.0, 1.0, 60.0)
    assert circuit.is_given_up and not Circuit.resumed(circuit.kept, 0.0).is_open
