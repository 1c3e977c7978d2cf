"""A site for members: a session a visitor, a CSRF token a session, and a server that can forget them all."""

from __future__ import annotations

import itertools
import threading
from email.message import Message
from urllib.parse import parse_qs

from scraper.demo.server import Answer
from tests.servers.keepalive import PageServer

USER = "ada"
PASSWORD = "correct horse"


class Club(PageServer):
    """Pages `/` and `/0`, `/1` … for members only; `/` leads to the others.

    Args:
        pages: how many.
        turns_away: what becomes of others: a `redirect` to the form, a `status` 403, or a `page` with the form.
        forgets_after: member pages after which all sessions end, once.
    """

    def __init__(
        self, pages: int = 8, *, turns_away: str = "redirect", forgets_after: int | None = None, port: int = 0
    ) -> None:
        super().__init__(self._answer_to, port=port)
        self._pages = pages
        self._turns_away = turns_away
        self._forgets_after = forgets_after
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._tokens: dict[str, str] = {}
        self._members: set[str] = set()
        self._served = 0
        #: Logins with the right password.
        self.logins = 0
        #: Pages that no member may see.
        self.closed: set[str] = set()
        #: Statuses that the next requests for the form are answered with.
        self.troubles: list[int] = []
        #: Members are forgotten as soon as they are logged in.
        self.forgets_at_once = False
        self.action = "/login"
        self.method = "post"

    def end_sessions(self) -> None:
        """Log everybody out."""
        with self._lock:
            self._members.clear()

    @property
    def login_requests(self) -> list[tuple[str, int]]:
        """Method and status of what the login path was asked."""
        return [(record.method, record.status) for record in self.log if record.path.startswith("/login")]

    def _answer_to(self, method: str, target: str, headers: Message, body: bytes) -> Answer:
        path = target.partition("?")[0]
        session = headers.get("Cookie", "").partition("sid=")[2].partition(";")[0]
        with self._lock:
            if path == "/robots.txt":
                return 404, {}, b""
            if path == "/login":
                return self._login(method, session, body)
            if session not in self._members:
                return self._turn_away(session, target)
            if path in self.closed:
                return 403, {}, b"not for you"
            answer = self._member_page(path)
            self._served += 1
            if self._served == self._forgets_after:
                self._members.clear()
            return answer

    def _login(self, method: str, session: str, body: bytes) -> Answer:
        if self.troubles:
            return self.troubles.pop(0), {}, b"later"
        if method == "GET":
            return self._form(session, 200)
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if fields.get("token") != self._tokens.get(session, ""):
            return 400, {}, b"forged"
        if (fields.get("user"), fields.get("password")) != (USER, PASSWORD):
            return self._form(session, 200)
        self.logins += 1
        member = f"member{next(self._numbers)}"
        if not self.forgets_at_once:
            self._members.add(member)
        return 303, {"Location": "/", "Set-Cookie": f"sid={member}; Path=/; HttpOnly"}, b""

    def _turn_away(self, session: str, target: str) -> Answer:
        if self._turns_away == "redirect":
            return 302, {"Location": f"/login?next={target}", "Set-Cookie": "sid=; Path=/"}, b""
        return self._form(session, 403 if self._turns_away == "status" else 200)

    def _form(self, session: str, status: int) -> Answer:
        headers = {"Content-Type": "text/html; charset=utf-8"}
        if session not in self._tokens:
            session = f"visitor{next(self._numbers)}"
            self._tokens[session] = f"token of {session}"
            headers["Set-Cookie"] = f"sid={session}; Path=/"
        form = (
            f'<form id="login" action="{self.action}" method="{self.method}"><input type="hidden" name="token" '
            f'value="{self._tokens[session]}"><input name="user"><input type="password" name="password"></form>'
        )
        return status, headers, f"<h1>Members only</h1>{form}".encode()

    def _member_page(self, path: str) -> Answer:
        links = "".join(f'<a href="/{number}">{number}</a>' for number in range(self._pages)) if path == "/" else ""
        page = f'<h1>Page {path}</h1><a href="/login" rel="nofollow" class="me">me</a>{links}'
        return 200, {"Content-Type": "text/html; charset=utf-8"}, page.encode()
