"""The application: which page is at which path."""

from __future__ import annotations

import hmac
import secrets
import shlex
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from scraper import request as requests_of
from scraper.config import Loaded
from scraper.errors import ScraperError
from scraper.hiding import without_user_info
from scraper.report.page import policy
from scraper.report.writing import html_of
from scraper.runs.explanation import Explanation
from scraper.store import Store
from scraper.store.values import RunRow
from scraper.ui import pages
from scraper.ui.crawls import Crawl, Folder
from scraper.ui.feeds import Feed, Streams
from scraper.ui.fragments import crawl_part, crawls_list, path_of, plots_in
from scraper.ui.guard import Guard
from scraper.ui.looks import Looks
from scraper.ui.steering import Act, Commands, act_on, acts_for

#: The files of the pages: where each lies, and its type.
_ASSETS = {
    "uPlot.iife.min.js": ("scraper.report", "text/javascript"),
    "uPlot.min.css": ("scraper.report", "text/css"),
    "page.js": ("scraper.report", "text/javascript"),
    "page.css": ("scraper.report", "text/css"),
    "ui.js": ("scraper.ui", "text/javascript"),
    "ui.css": ("scraper.ui", "text/css"),
    "icon.svg": ("scraper.ui", "image/svg+xml"),
}
#: The bytes of a form, at the most.
_LONGEST_FORM = 10_000


class Pages:
    """The pages about a folder.

    Args:
        tell: takes a line for each thing that somebody does.
    """

    def __init__(self, folder: Folder, tell: Callable[[str], object]) -> None:
        self._folder = folder
        self._tell = tell
        self._looks = Looks()
        self._commands = Commands()
        self._csrf = secrets.token_urlsafe(32)
        self._all = Feed(self._see_all)
        self._feeds: dict[str, Feed] = {}
        self.streams = Streams()
        self.guard: Guard

    def routes(self) -> list[Route]:
        """Return what is where."""
        crawl = "/crawl/{file}"
        run = crawl + "/runs/{run:int}"
        return [
            Route("/", self.overview),
            Route("/events", self.events),
            Route("/login", self.ask_login, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/assets/{name}", _asset),
            Route(crawl, self.crawl),
            Route(f"{crawl}/events", self.crawl_events),
            Route(f"{crawl}/explain", self.explain),
            Route(f"{run}/report", self.report),
            Route(f"{run}/changes", self.changes),
            Route(f"{run}/quarantine", self.quarantine),
            Route(f"{crawl}/{{act}}", self.ask, methods=["GET"]),
            Route(f"{crawl}/{{act}}", self.act, methods=["POST"]),
        ]

    # What goes on ----------------------------------------------------------------------------------------

    def _see_all(self) -> dict[str, Any]:
        looks = [self._looks.at(crawl) for crawl in self._folder.all()]
        at_work = sum(look.is_at_work for look in looks)
        return {"html": crawls_list(looks), "plots": {}, "state": f"{at_work} at work"}

    def _see(self, file: str) -> dict[str, Any]:
        crawl = self._folder.get(file)
        if crawl is None:
            return {"html": "<p>Its file is gone.</p>", "plots": {}, "state": "gone"}
        look = self._looks.at(crawl, closely=True)
        html = crawl_part(look, self._commands.newest(crawl))
        return {"html": html, "plots": {plot.name: plot.data() for plot in plots_in(look)}, "state": look.state}

    def _feed(self, crawl: Crawl) -> Feed:
        return self._feeds.setdefault(crawl.file, Feed(lambda: self._see(crawl.file)))

    async def overview(self, _: Request) -> Response:
        """Answer with the list of all crawls."""
        seen = await self._all.newest()
        part = pages.live(seen["html"], "/events", seen["state"])
        return HTMLResponse(pages.page(f"Crawls of {self._folder.name}", part))

    async def crawl(self, request: Request) -> Response:
        """Answer with the page of a crawl."""
        crawl = await self._crawl(request)
        seen = await self._feed(crawl).newest()
        part = pages.live(seen["html"], path_of(crawl.file, "events"), seen["state"])
        asks = [pages.explain_part(crawl)] if crawl.loaded is not None else []
        return HTMLResponse(pages.page(crawl.name, part, *asks, crumbs=pages.home(), data=seen["plots"]))

    async def events(self, _: Request) -> Response:
        """Send the list of crawls as it changes."""
        return self._stream(self._all)

    async def crawl_events(self, request: Request) -> Response:
        """Send a crawl as it changes."""
        return self._stream(self._feed(await self._crawl(request)))

    def _stream(self, feed: Feed) -> Response:
        if self.streams.is_full:
            raise HTTPException(503, "As many pages are open as may be.")
        return StreamingResponse(self.streams.of(feed), media_type="text/event-stream")

    # What is to be read ----------------------------------------------------------------------------------

    async def report(self, request: Request) -> Response:
        """Answer with the report of a run, as `scraper report` writes it."""

        def read(store: Store, loaded: Loaded, row: RunRow) -> str:
            return html_of(store, row, loaded, shlex.quote(str(loaded.path)))

        html = await self._of_run(request, read)
        headers = {"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"}
        return HTMLResponse(html, headers=headers)

    async def changes(self, request: Request) -> Response:
        """Answer with what changed in a run."""
        crawl, wanted = await self._crawl(request), request.query_params.get("from", "")

        def read(store: Store, _: Loaded, row: RunRow) -> str:
            rows = store.all_runs(row.name)
            earlier = _with_number(rows, wanted) if wanted else store.run_before(row)
            if earlier is not None and earlier.id == row.id:
                raise HTTPException(404, "A run does not differ from itself.")
            found = store.changes(earlier, row) if earlier is not None else []
            return pages.changed(crawl, earlier, row, rows, found)

        return HTMLResponse(await self._of_run(request, read))

    async def quarantine(self, request: Request) -> Response:
        """Answer with the items of a run that were put aside."""
        crawl = await self._crawl(request)

        def read(store: Store, _: Loaded, row: RunRow) -> str:
            return pages.quarantined(crawl, row, store.quarantine(row.id))

        return HTMLResponse(await self._of_run(request, read))

    async def explain(self, request: Request) -> Response:
        """Answer with every decision about a URL."""
        crawl = await self._crawl(request)
        url, run = request.query_params.get("url", "").strip(), request.query_params.get("run", "")
        said: list[str] = []
        problem = ""
        if url:
            try:
                said = await run_in_threadpool(lambda: [*self._explained(crawl, url, run)])
            except ScraperError as error:
                problem = str(error)
        return HTMLResponse(pages.explained(crawl, url, run, said, problem))

    def _explained(self, crawl: Crawl, url: str, run: str) -> Iterator[str]:
        loaded = _require(crawl)
        asked = requests_of.Request(without_user_info(url))
        with Store.open_existing(loaded.store) as store:
            rows = store.all_runs(crawl.name)
            row = next((each for each in rows if run in ("", str(each.id))), None)
            if row is None:
                raise ScraperError("there is no such run", remedy="the store keeps as many as keep_runs says")
            for line in Explanation(loaded, store, row).of(asked):
                yield from line.splitlines()

    async def _of_run(self, request: Request, read: Callable[[Store, Loaded, RunRow], str]) -> str:
        """Return a page about the run that the path names."""
        loaded = _require(await self._crawl(request))

        def look() -> str:
            with Store.open_existing(loaded.store) as store:
                row = _with_number(store.all_runs(loaded.config.name), str(request.path_params["run"]))
                return read(store, loaded, row)

        return await run_in_threadpool(look)

    async def _crawl(self, request: Request) -> Crawl:
        crawl = await run_in_threadpool(self._folder.get, request.path_params["file"])
        if crawl is None:
            raise HTTPException(404, "There is no crawl of this name in the folder.")
        return crawl

    # What is done ----------------------------------------------------------------------------------------

    async def ask(self, request: Request) -> Response:
        """Ask whether something is to be done."""
        crawl = await self._crawl(request)
        act = await run_in_threadpool(self._act, crawl, request.path_params["act"])
        return HTMLResponse(pages.question(crawl, act, self._csrf))

    def _act(self, crawl: Crawl, name: str) -> Act:
        look = self._looks.at(crawl)
        for act in acts_for(look):
            if act.name == name:
                return act
        raise HTTPException(404, f"There is nothing of this name to be done: {crawl.name} is {look.state}.")

    async def act(self, request: Request) -> Response:
        """Do it, for who was asked."""
        crawl, name = await self._crawl(request), request.path_params["act"]
        given = (await _form(request)).get("csrf", "")
        if not hmac.compare_digest(given.encode(), self._csrf.encode()):
            raise HTTPException(403, "This was not asked by a page of this process: go back, and load it again.")
        done = await run_in_threadpool(act_on, crawl, name, self._commands)
        self._tell(f"{crawl.name}: {done.label.lower()}, by {request.client.host if request.client else 'somebody'}")
        self._all.forget()
        self._feed(crawl).forget()
        return RedirectResponse(path_of(crawl.file), 303)

    async def ask_login(self, _: Request) -> Response:
        """Ask for the token."""
        return HTMLResponse(pages.login())

    async def log_in(self, request: Request) -> Response:
        """Let in who knows it."""
        return self.guard.log_in(request, (await _form(request)).get("token", ""))


def make_app(
    folder: Folder, names: Iterable[str], token: str | None, tell: Callable[[str], object]
) -> tuple[Guard, Streams]:
    """Return the application, and the streams that are to be closed before it ends.

    Args:
        names: the host names by which it may be asked for.
        token: what has to be known; None where nothing has.
        tell: takes a line for each thing that somebody does.
    """
    made = Pages(folder, tell)
    app = Starlette(
        routes=made.routes(),
        exception_handlers={HTTPException: _tell_http, ScraperError: _tell_error},  # type: ignore[dict-item]
    )
    app.router.redirect_slashes = False
    made.guard = Guard(app, names, token)
    return made.guard, made.streams


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise HTTPException(400, "This form is too long.")
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[-1] for name, values in fields.items()}


def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise HTTPException(404, "There is no such file.")
    package, kind = _ASSETS[name]
    return Response((resources.files(package) / "assets" / name).read_bytes(), media_type=kind)


def _require(crawl: Crawl) -> Loaded:
    if crawl.loaded is None:
        raise ScraperError(f"{crawl.file} is broken", remedy=crawl.problems[0])
    return crawl.loaded


def _with_number(rows: list[RunRow], number: str) -> RunRow:
    for row in rows:
        if str(row.id) == number:
            return row
    raise HTTPException(404, "There is no such run; the store keeps as many as keep_runs says.")


async def _tell_http(_: Request, error: HTTPException) -> Response:
    return HTMLResponse(pages.refused(error.status_code, error.detail), error.status_code)


async def _tell_error(_: Request, error: ScraperError) -> Response:
    return HTMLResponse(pages.refused(409, error.message, error.remedy or ""), 409)
