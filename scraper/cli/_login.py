"""The crawl's own session, for a single page: the cookies that its store has, and its login."""

from __future__ import annotations

from collections.abc import Callable

from scraper import urls
from scraper.config import Loaded
from scraper.engine.frontier.login_state import is_mark_of
from scraper.errors import FetchError
from scraper.fetch import login_form, redirects
from scraper.fetch.base import FetchResult
from scraper.fetch.challenges import refuse_challenge
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.login_form import MAX_REDIRECTS
from scraper.request import Request
from scraper.response import Response
from scraper.store import Store
from scraper.store.backends.opening import is_there


class CrawlSession:
    """Who a crawl is to its sites. Nothing of it is written back to the store.

    Args:
        loaded: the crawl's configuration.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._config = loaded.config.login
        self._named = loaded.config.named_origins()
        self._cookies: dict[str, str] = {}
        mark = ""
        if is_there(loaded.store):
            with Store.open_existing(loaded.store) as store:
                self._cookies = store.cookies()
                if self._config is not None:
                    profile = store.profile(urls.domain_of(self._config.url))
                    mark = profile.login if profile is not None else ""
        #: A session of this login is believed to be good.
        self._is_in = self._config is not None and is_mark_of(mark, self._config)
        self._was_asked = False

    def lend(self, session: DomainSession) -> None:
        """Put the cookies of its domain into a new session."""
        kept = self._cookies.get(session.domain)
        if kept is not None:
            session.jar.load(kept)

    def is_wanted(self, url: str) -> bool:
        """Tell whether somebody has to log in before a request to `url`."""
        return not self._is_in and self._concerns(url)

    def has_ended(self, response: Response) -> bool:
        """Tell whether a page was fetched logged out; once, so that a login that does not help ends."""
        config = self._config
        if config is None or self._was_asked or not self._concerns(response.url):
            return False
        if login_form.sign_of(config, response) is None:
            return False
        self._is_in = False
        return True

    def log_in(self, send: Callable[[Request], FetchResult], session: DomainSession) -> None:
        """Fetch the form, fill it in, send it, look where that leads.

        Raises:
            FetchError: an answer could not be fetched.
            LoginError: it did not go well.
        """
        config = self._config
        assert config is not None
        self._was_asked = self._is_in = True

        def follow(request: Request) -> Response:
            while True:
                outcome = send(request)
                response = outcome.response
                if response is None:
                    raise outcome.error or FetchError(f"{request.url}: no answer")
                refuse_challenge(response)
                if not redirects.is_redirect(response):
                    return response
                request, _ = redirects.target_of(response, outcome.cookies_sent, session.jar, MAX_REDIRECTS)
                login_form.refuse_elsewhere(config, request.url, self._named)

        page = follow(Request(config.url))
        if config.ok is not None and login_form.is_logged_in(config, page):
            return
        page = follow(login_form.filled_in(config, page, self._named))
        if not login_form.is_logged_in(config, page):
            raise login_form.why_not(config, page)

    def _concerns(self, url: str) -> bool:
        return self._config is not None and urls.domain_of(url) == urls.domain_of(self._config.url)
