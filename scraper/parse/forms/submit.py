"""The request that submits a form, with the headers by which servers know that it came from their own page."""

from __future__ import annotations

import secrets
from typing import Any

from scraper import urls
from scraper.parse.encoders import encode, form_encoded
from scraper.parse.forms.controls import NoFile
from scraper.parse.forms.find import FilledForm
from scraper.request import Request
from scraper.request.parts import Callback


def request_of(form: FilledForm, page_url: str, callback: Callback | str | None = None, **keywords: Any) -> Request:
    """Return what a browser sends for a form that was filled in on `page_url`.

    What is posted carries Origin and Referer, which frameworks compare with their own address against forged forms
    (Fetch Standard, "append a request Origin header"; Referrer Policy, "strict-origin-when-cross-origin").

    Args:
        keywords: anything else that `Request` takes.
    """
    if form.method == "GET":
        return Request(f"{form.action}?{_urlencoded(form)}", callback, **keywords)
    body, content_type = _encoded(form)
    own = urls.origin_of(page_url)
    is_own = urls.origin_of(form.action) == own
    sent = {"Content-Type": content_type, "Origin": own, "Referer": page_url if is_own else f"{own}/"}
    headers = {**sent, **keywords.pop("headers", {})}
    return Request(form.action, callback, method="POST", headers=headers, data=body, **keywords)


def _encoded(form: FilledForm) -> tuple[bytes, str]:
    """Return the body and its type (HTML Standard, 4.10.21.6 to 4.10.21.8)."""
    if form.enctype == "multipart/form-data":
        boundary = f"----form{secrets.token_hex(16)}"
        return _multipart(form, boundary), f"{form.enctype}; boundary={boundary}"
    if form.enctype == "text/plain":
        return b"".join(encode(f"{name}={value}\r\n", form.encoding) for name, value in form.fields), form.enctype
    return _urlencoded(form).encode(), form.enctype


def _urlencoded(form: FilledForm) -> str:
    return "&".join(
        f"{form_encoded(name, form.encoding)}={form_encoded(value, form.encoding)}" for name, value in form.fields
    )


def _multipart(form: FilledForm, boundary: str) -> bytes:
    parts = []
    for name, value in form.fields:
        written = encode(name, form.encoding)
        for byte, escape in ((b'"', b"%22"), (b"\r", b"%0D"), (b"\n", b"%0A")):
            written = written.replace(byte, escape)
        head = b'Content-Disposition: form-data; name="%b"' % written
        if isinstance(value, NoFile):
            head += b'; filename=""\r\nContent-Type: application/octet-stream'
        parts.append(b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary.encode(), head, encode(value, form.encoding)))
    return b"".join(parts) + f"--{boundary}--\r\n".encode()
