"""Logging in without the network: the form filled in, whether it went well, whether a page was fetched logged out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from scraper import urls
from scraper.errors import NotHtml, ScraperError
from scraper.fetch import redirects
from scraper.request import Request
from scraper.response import Response

if TYPE_CHECKING:
    from scraper.config import LoginConfig
    from scraper.parse.forms.find import FilledForm

#: Redirects that are followed in a row.
MAX_REDIRECTS = 10
#: How much of a value `FormError` tells.
_TOLD_CHARACTERS = 60


class LoginError(ScraperError):
    """It is not possible to log in: what was seen, and what to check. Holds nothing that was filled in."""


def is_at(url: str, place: str) -> bool:
    """Tell whether a URL is a place, given as path or URL: same host, same path, and at least the place's
    parameters.
    """
    wanted = urlsplit(urls.resolve(place, url) or place)
    found = urlsplit(url)
    parameters = set(parse_qsl(wanted.query, keep_blank_values=True))
    return (
        found.netloc == wanted.netloc
        and found.path.rstrip("/") == wanted.path.rstrip("/")
        and parameters <= set(parse_qsl(found.query, keep_blank_values=True))
    )


# Logging in -------------------------------------------------------------------------------------------------


def filled_in(login: LoginConfig, page: Response, named: Collection[str] = ()) -> Request:
    """Return the request that sends the login form of a page.

    Args:
        named: origins beside its own that it may be sent to.

    Raises:
        LoginError: the page has no such form, or sending it would give the password away.
    """
    from scraper.parse.forms.errors import FormError
    from scraper.parse.forms.submit import request_of

    try:
        form = page.filled_form(login.form, login.selector, login.extra)
    except NotHtml as error:
        raise LoginError(f"{page.status} at {error.message}", remedy="check login.url") from None
    except FormError as error:
        message = _without_values(login, error.message)
        raise LoginError(
            f"{page.status} at {page.url}: {message}", remedy="check login.url, and the fields' names in login.form"
        ) from None
    _refuse_to_give_away(login, form, named)
    # Logging in twice does no harm.
    return request_of(form, page.url, retry_unsafe=True)


def _without_values(login: LoginConfig, message: str) -> str:
    for value in (*login.form.values(), *login.extra.values()):
        for told in (value, f"{value[:_TOLD_CHARACTERS]}…"):
            message = message.replace(repr(told), "'***'")
    return message


def _refuse_to_give_away(login: LoginConfig, form: FilledForm, named: Collection[str]) -> None:
    if form.method == "GET":
        raise LoginError(
            f"the form on {login.url} is sent by GET, so that the password would be part of a URL",
            remedy="a script sends this form: log in from the spider, as that script does",
        )
    refuse_elsewhere(login, form.action, named)


def refuse_elsewhere(login: LoginConfig, url: str, named: Collection[str]) -> None:
    """Raise where what was filled in would leave the login's origin for one that the configuration does not name.

    Args:
        named: those that it names, as `https://accounts.example.com`; each belongs to the login's domain.

    Raises:
        LoginError: it would.
    """
    if urls.domain_of(url) != urls.domain_of(login.url):
        raise LoginError(
            f"it leads from {login.url} to {url}, of another domain",
            remedy="check login.url; who logs in over several domains does so from the spider",
        )
    if urls.scheme_of(login.url) == "https" and urls.scheme_of(url) != "https":
        raise LoginError(f"it leads from {login.url} to {url}, which is not encrypted", remedy="check login.url")
    if not urls.keeps_secrets(login.url, url) and urls.origin_of(url) not in named:
        origin = urls.origin_of(url)
        raise LoginError(
            f"it leads from {login.url} to {url}, of another origin",
            remedy=f"where that is meant, name {origin} in start_urls, or its host in allowed_domains",
        )


def is_logged_in(login: LoginConfig, page: Response) -> bool:
    """Tell whether the page at the end of a login shows that it went well."""
    if page.status >= 400:
        return False
    if login.ok is None:
        return not _has_form(login, page)
    if login.ok_is_place:
        return is_at(page.url, login.ok)
    return _finds(page, login.ok)


def why_not(login: LoginConfig, page: Response) -> LoginError:
    """Return the error for a page that `is_logged_in` says no to, after the form was sent."""
    seen = f"the form of {login.url} was sent, and led to {page.status} at {page.url}"
    if _has_form(login, page):
        fields = ", ".join(login.form)
        return LoginError(f"{seen}, which asks for {fields} again", remedy="check the values of login.form")
    if login.ok is None or page.status >= 400:
        return LoginError(seen, remedy="check the values and names of login.form")
    what = "is not that of" if login.ok_is_place else "holds nothing for"
    return LoginError(f"{seen}, which {what} login.ok: {login.ok}", remedy="check login.form and login.ok")


def _has_form(login: LoginConfig, page: Response) -> bool:
    from scraper.parse.forms.errors import FormError

    try:
        page.filled_form(login.form, login.selector)
    except (FormError, NotHtml):
        return False
    return True


# Logged out -------------------------------------------------------------------------------------------------


def sign_of(login: LoginConfig, page: Response) -> str | None:
    """Return what of an answer says that it was given to nobody who is logged in, in words; None where nothing does.

    Of the login page itself nothing does.
    """
    if is_at(page.url, login.url):
        return None
    if redirects.is_redirect(page):
        target = urls.resolve(redirects.location_of(page.headers["Location"]), page.url) or ""
        for place in (login.url, *(sign.redirect for sign in login.when if sign.redirect is not None)):
            if is_at(target, place):
                return f"it redirects to {target}"
    for sign in login.when:
        if sign.status is not None and page.status == sign.status:
            return f"the server answered {page.status}"
        if sign.selector is not None and _finds(page, sign.selector):
            return f"the page holds {sign.selector}"
    return None


def _finds(page: Response, selector: str) -> bool:
    try:
        return page.css_first(selector) is not None
    except NotHtml:
        return False
