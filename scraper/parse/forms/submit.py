"""The request that submits a form, with the headers by which servers know that it came from their own page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from urllib3.filepost import encode_multipart_formdata

from scraper import urls
from scraper.parse.forms.find import FilledForm
from scraper.request import Callback, Request


def request_of(form: FilledForm, page_url: str, callback: Callback | str | None = None, **keywords: Any) -> Request:
    """Return what a browser sends for a form that was filled in on `page_url`.

    What is posted carries Origin and Referer, which frameworks compare with their own address against forged forms
    (Fetch Standard, "append a request Origin header"; Referrer Policy, "strict-origin-when-cross-origin").

    Args:
        keywords: anything else that `Request` takes.
    """
    if form.method == "GET":
        return Request(form.action, callback, params=form.fields, **keywords)
    body, content_type = _encoded(form)
    own = urls.origin_of(page_url)
    is_own = urls.origin_of(form.action) == own
    sent = {"Content-Type": content_type, "Origin": own, "Referer": page_url if is_own else f"{own}/"}
    headers = {**sent, **keywords.pop("headers", {})}
    return Request(form.action, callback, method="POST", headers=headers, data=body, **keywords)


def _encoded(form: FilledForm) -> tuple[bytes, str]:
    """Return the body and its type, in UTF-8."""
    if form.enctype == "multipart/form-data":
        return encode_multipart_formdata(form.fields)
    if form.enctype == "text/plain":
        return "".join(f"{name}={value}\r\n" for name, value in form.fields).encode(), form.enctype
    return urlencode(form.fields).encode(), form.enctype
