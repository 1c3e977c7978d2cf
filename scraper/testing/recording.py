"""Pages saved with what the spider made of them, so that a parser is tested without any network.

A recording is a folder:

    body            the bytes of the page, as a callback gets them
    rendered.json   of a page that a browser has drawn, the tree and the JSON answers
    screenshot.png  its picture, where one was made and nothing of the tree is masked, which it might show
    meta.json       url, status, headers; the callback and meta of its request; the YAML of its crawl
    expected.json   the items and requests that came of it; in `ignore`, fields that make no difference

It is meant to be committed, so that nothing in it is a secret: what the configuration says is one is masked wherever
it stands, and what is named like one in headers, cookies, forms, JSON, `meta` and URLs. The spider sees the page as
it was saved.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scraper.components import Components
from scraper.config import Loaded, load
from scraper.engine.collector import Collector
from scraper.errors import DropItem, Retry, ScraperError, SpiderFailed, StopCrawl, UsageError
from scraper.hiding import hide_in
from scraper.lazy_dataclass import dataclass
from scraper.pipelines.models import FieldProblem
from scraper.private_files import write_private
from scraper.project import project_root
from scraper.request import Request
from scraper.response import Response
from scraper.response.rendering import Captured, Rendering
from scraper.spider import resolve
from scraper.testing import masking
from scraper.testing.differences import differences

#: Where recordings are, below the project's root.
FOLDER = Path("tests", "recorded")
#: The file by which a recording is known.
EXPECTED = "expected.json"
_META = "meta.json"
_BODY = "body"
_RENDERED = "rendered.json"
_SCREENSHOT = "screenshot.png"
#: A cookie that a server sets is a session, and no business of a repository.
_LEFT_OUT = frozenset({"set-cookie"})


@dataclass(frozen=True)
class Recording:
    """A saved page.

    Attributes:
        folder: where it is.
        site: the YAML of its crawl.
        response: the page, with its callback and meta in `response.request`.
    """

    folder: Path
    site: Path
    response: Response


def folder_of(loaded: Loaded, response: Response) -> Path:
    """Return where a page is recorded: a name that its URL and callback give, the same each time."""
    parts = urlsplit(masking.url(response.url))
    said = re.sub(r"[^a-z0-9]+", "-", unquote(f"{parts.path} {parts.query}").lower()).strip("-")[:50].strip("-")
    digest = hashlib.blake2b(f"{response.request.callback} {response.url}".encode(), digest_size=3).hexdigest()
    return loaded.root / FOLDER / loaded.config.name / f"{said or 'index'}-{digest}"


def save(loaded: Loaded, response: Response) -> tuple[Recording, dict[str, Any]]:
    """Record a page with what the spider makes of it now; returns that as well.

    Raises:
        SpiderFailed: the spider or a pipeline raised.
        ScraperError: the folder cannot be written.
    """
    assert loaded.path is not None, "a recording belongs to a YAML file"
    folder = folder_of(loaded, response)
    meta = {
        "site": Path(os.path.relpath(loaded.path, folder)).as_posix(),
        "url": masking.url(response.url),
        "status": response.status,
        "headers": masking.headers(
            {name: value for name, value in response.headers.items() if name.lower() not in _LEFT_OUT}
        ),
        "callback": response.request.callback,
        "meta": masking.data(response.meta),
    }
    saved = _page(meta, masking.page(response.body), _masked(response.rendering))
    outcome = outcome_of(loaded, saved)
    with _told(folder):
        ignore = _ignored(json.loads((folder / EXPECTED).read_bytes())) if (folder / EXPECTED).exists() else ()
        write_private(folder / _BODY, saved.body)
        rendering = saved.rendering
        made = (rendering.to_bytes(), rendering.screenshot) if rendering is not None else (None, None)
        for name, data in zip((_RENDERED, _SCREENSHOT), made, strict=True):
            if data is not None:
                write_private(folder / name, data)
            else:
                (folder / name).unlink(missing_ok=True)
        _write(folder / _META, meta)
    _expect(folder, outcome, ignore)
    return Recording(folder, loaded.path, saved), outcome


def read(folder: Path) -> Recording:
    """Return a recording.

    Raises:
        ScraperError: the folder holds none, what it holds is damaged, or its YAML, whose code would run, is not of
            the project that the folder is in.
    """
    with _told(folder):
        meta = json.loads((folder / _META).read_bytes())
        rendered, picture = folder / _RENDERED, folder / _SCREENSHOT
        rendering = Rendering.from_bytes(rendered.read_bytes()) if rendered.exists() else None
        if rendering is not None and picture.exists():
            rendering = rendering._replace(screenshot=picture.read_bytes())
        response = _page(meta, (folder / _BODY).read_bytes(), rendering)
        site = Path(os.path.normpath(folder.absolute() / meta["site"]))
    root = _root_of(folder.absolute())
    if not site.resolve().is_relative_to(root.resolve()):
        raise ScraperError(
            f"the recording {folder} names {site}, outside of the project {root}: its spider is not run",
            remedy="record the page again in this project",
        )
    return Recording(folder, site, response)


def _root_of(folder: Path) -> Path:
    """Return the root of the project that a recording is in; of one without a sign, what holds its recordings."""
    root = project_root(folder / EXPECTED)
    if root != folder:
        return root
    return next((place.parents[1] for place in folder.parents if place.parts[-2:] == FOLDER.parts), folder)


def _masked(rendering: Rendering | None) -> Rendering | None:
    if rendering is None:
        return None
    text = masking.page(rendering.text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    captured = tuple(
        Captured(masking.url(each.url), each.status, masking.data(each.data)) for each in rendering.captured
    )
    refused = tuple((masking.url(url), masking.url(why)) for url, why in rendering.refused)
    picture = rendering.screenshot if text == rendering.text else None
    return rendering._replace(text=text, captured=captured, screenshot=picture, refused=refused, elsewhere=None)


def _page(meta: Mapping[str, Any], body: bytes, rendering: Rendering | None) -> Response:
    request = Request(meta["url"], meta.get("callback"), meta=meta.get("meta") or {})
    response = Response(meta["url"], int(meta["status"]), meta["headers"], body, request=request)
    if rendering is not None:
        response.drawn(rendering)
    return response


def recordings_in(folder: Path) -> list[Path]:
    """Return the folders at or below `folder` that hold a recording, in order."""
    return sorted(path.parent for path in folder.rglob(EXPECTED))


def replay(recording: Recording, sets: Sequence[str] = (), *, update: bool = False) -> list[str]:
    """Return what differs now from what was recorded, in lines; none where all is the same.

    Nothing is fetched: the spider gets the saved page, and what it yields goes through the pipelines.

    Args:
        sets: keys of the YAML, as `--set` takes them.
        update: what comes of the page now is what is expected from here on; not where the spider fails.

    Raises:
        ConfigError: the YAML is wrong.
        ScraperError: the recording is damaged, or cannot be written.
    """
    with _told(recording.folder):
        expected = json.loads((recording.folder / EXPECTED).read_bytes())
        ignore = _ignored(expected)
    try:
        outcome = outcome_of(load(recording.site, sets=sets), recording.response)
    except SpiderFailed as failed:
        return [str(failed), *failed.text.splitlines()]
    except UsageError as error:
        return [str(error)]  # it has lost the callback, say
    with _told(recording.folder):
        found = differences(expected, outcome, ignore)
    if found and update:
        _expect(recording.folder, outcome, ignore)
    return found


def outcome_of(loaded: Loaded, response: Response) -> dict[str, Any]:
    """Return what a new spider of this configuration makes of a page, as plain JSON values.

    Keys: `items` and, where there are any, `quarantined` (those that their model refused), each with `type` and
    `fields`; `requests`; and, where there are any, `dropped` with the reasons, and `ended` where the spider said
    StopCrawl or Retry.

    Raises:
        SpiderFailed: the spider or a pipeline raised.
    """
    components = Components(loaded)
    callback = response.request.callback
    resolve(components.spider, callback)
    made = _Made(components, response)
    with components.pipelines.running(0, loaded.config.name):
        try:
            made.call(components.spider, callback, response)
        except (StopCrawl, Retry) as end:
            made.outcome["ended"] = f"{type(end).__name__}: {end.message}"
    outcome: dict[str, Any] = hide_in(json.loads(json.dumps(made.outcome)))
    return outcome


class _Made(Collector):
    """The results of a page, as they come."""

    def __init__(self, components: Components, response: Response) -> None:
        super().__init__(components.pipelines, components.models, response)
        self.outcome: dict[str, Any] = {"items": [], "requests": []}

    def request(self, request: Request) -> None:
        self.outcome["requests"].append(masking.request(json.loads(request.to_json())))

    def item(self, kind: str, data: dict[str, Any], failed: tuple[str, ...]) -> None:
        self.outcome["items"].append({"type": kind, "fields": data})

    def quarantined(
        self, kind: str, data: dict[str, Any], problems: list[FieldProblem], failed: tuple[str, ...]
    ) -> None:
        refused = {"type": kind, "fields": data, "problems": [str(problem) for problem in problems]}
        self.outcome.setdefault("quarantined", []).append(refused)

    def dropped(self, drop: DropItem, given: Any, failed: tuple[str, ...]) -> None:
        self.outcome.setdefault("dropped", []).append(drop.message or "DropItem")

    def skipped(self, reason: str) -> None:
        self.outcome.setdefault("skipped", []).append(reason)


def _ignored(expected: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in expected.get("ignore", ())]


def _expect(folder: Path, outcome: Mapping[str, Any], ignore: Sequence[str]) -> None:
    with _told(folder):
        _write(folder / EXPECTED, {**({"ignore": list(ignore)} if ignore else {}), **outcome})


def _write(path: Path, value: Any) -> None:
    write_private(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what Python raises for a folder that is not a recording, or cannot be used, into a sentence."""
    try:
        yield
    except OSError as error:
        raise ScraperError(
            f"the recording {folder} cannot be used: {error.strerror or error}",
            remedy="look at the path, or record it",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScraperError(
            f"the recording {folder} is damaged: {type(error).__name__}: {error}", remedy="record the page again"
        ) from error
