"""A well-behaved HTTP/1.1 server whose pages a test hands in."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message

from scraper.demo.server import Answer, Answering, LogRecord, Server

__all__ = ["Answer", "LogRecord", "PageServer"]

Page = str | bytes | Answer


class PageServer(Server):
    """Serves pages on kept-alive connections, with a log; as many at once as wanted.

    Args:
        pages: a callable `(method, path, headers, body) -> (status, headers, body)`, or a dict by path
            (query included). Its values are HTML as text, a body of HTML as bytes, or such a triple; a path
            that it lacks is a 404. The dict may be changed while the server runs.
        host: any address of 127.0.0.0/8 (on macOS only 127.0.0.1).
        port: 0 takes a free one.
        idle_timeout: seconds after which a connection without a request is closed.
    """

    def __init__(
        self,
        pages: Mapping[str, Page] | Answering,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        idle_timeout: float = 30.0,
    ) -> None:
        answer = _from_dict(pages) if isinstance(pages, Mapping) else pages
        super().__init__(answer, host, port, idle_timeout=idle_timeout)


def _from_dict(pages: Mapping[str, Page]) -> Answering:
    def answer(method: str, path: str, headers: Message, body: bytes) -> Answer:
        page = pages.get(path)
        if page is None:
            return 404, {"Content-Type": "text/plain"}, b"no such page\n"
        if isinstance(page, tuple):
            return page
        content = page.encode() if isinstance(page, str) else page
        return 200, {"Content-Type": "text/html; charset=utf-8"}, content

    return answer
