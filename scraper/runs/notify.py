"""The key `notify`: word to people when something happened in a run, once, and never at the cost of a crawl."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from scraper.config.load import Loaded
from scraper.config.model.notify import NotifyConfig
from scraper.errors import ScraperError, UsageError
from scraper.hiding import hide_in
from scraper.observe.report import changes_text, death_text
from scraper.optional_dependencies import package
from scraper.runs.change_lines import change_lines, written
from scraper.runs.summary import stats_of
from scraper.schedule.failures import post
from scraper.stats import GOOD_RESULTS
from scraper.store import Store
from scraper.store.state.notices import ERROR, Unsent
from scraper.store.values import RunRow

#: Seconds before each further try at the end of a run; what fails then waits for the next.
_WAITS = (1.0, 3.0)
_MOST_CHANGES = 5
#: Lines of a message about these, and characters of one of them as JSON: pages fill items, and name their fields.
_MOST_LINES = 40
_LONGEST_CHANGE = 10_000

#: The figures of a run and the page about it.
_About: TypeAlias = tuple[Mapping[str, Any], Path | None]


class Notifier:
    """Tells those whom a configuration names.

    Args:
        loaded: the configuration.
        say: is told, in a sentence, who could not be told.

    Raises:
        UsageError: apprise is needed and not installed, or does not know an address.
    """

    def __init__(self, loaded: Loaded, say: Callable[[str], object]) -> None:
        self._loaded = loaded
        self._say = say
        for number, target in enumerate(loaded.config.notify):
            if not _is_webhook(target.to) and _apprise(target.to) is None:
                scheme = target.to.partition("://")[0]
                raise UsageError(
                    f"notify[{number}].to: apprise does not understand this address of {scheme}://",
                    remedy="look at its form at https://appriseit.com/services/",
                )

    @property
    def targets(self) -> tuple[str, ...]:
        """Return whom a run's end owes a message, as the store names them."""
        return tuple(map(_digest, self._loaded.config.notify))

    def tell(self, store: Store, run: int, stats: Mapping[str, Any], page: Path | None = None) -> None:
        """Send what is owed of a run that has come to an end, and of those before it. Never raises.

        Args:
            store: of the crawl, locked.
            stats: the run's figures.
            page: the report about it, where one was written.
        """
        try:
            for number, target in enumerate(self._loaded.config.notify):
                problem = self._send_all(store, target, run, (stats, page))
                if problem is not None:
                    self._say(f"notify[{number}] could not be told of run {problem}")
        except ScraperError as error:
            self._say(f"nobody could be told of run {run}: {error}")

    def _send_all(self, store: Store, target: NotifyConfig, run: int, about: _About) -> str | None:
        """Send a target all that it is owed; returns which could not be sent, and why."""
        for notice in store.unsent_notices(_digest(target)):
            message = notice.message
            if message is None:
                message = self._message(store, notice, target, about if notice.run == run else None)
                store.word_notice(notice, message)
            problem = self._send(store, notice, target, message) if message is not None else None
            if problem is not None:
                return f"{notice.run}, and will be at the next: {problem}"
        return None

    def _message(
        self, store: Store, notice: Unsent, target: NotifyConfig, about: _About | None
    ) -> dict[str, Any] | None:
        """Return what is to be said of a run; None where nothing happened that the target wants to know.

        Args:
            about: its figures and its page, where they are at hand; else it ended in a process that was killed.
        """
        row = store.run(notice.run)
        # An error that a run outlived is not told of beside its end.
        if row is None or (notice.kind == ERROR and row.is_finished):
            return None
        stats, page = about or (stats_of(store, row, (), self._loaded.config), None)
        before = next((each for each in store.all_runs(row.name) if each.is_finished and each.id < row.id), None)
        wanted = [event for event in events_of(stats, before) if event in target.on]
        if not wanted:
            return None
        return {**_words(store, row, stats, wanted, target.template), "report": None if page is None else str(page)}

    def _send(self, store: Store, notice: Unsent, target: NotifyConfig, message: Mapping[str, Any]) -> str | None:
        """Send one message; returns why that failed in the end."""
        problem = None
        for wait in (0.0, *_WAITS):
            time.sleep(wait)
            # A kill between these two leaves it open whether it came: it is not sent twice.
            if not store.begin_sending(notice):
                return None
            problem = _deliver(target.to, message)
            store.end_sending(notice, sent=problem is None)
            if problem is None:
                break
        return problem


def events_of(stats: Mapping[str, Any], before: RunRow | None) -> list[str]:
    """Return what happened in a run, of `scraper.config.types.notices.EVENTS`.

    Args:
        stats: its figures.
        before: the run of the same name that ended before it.
    """
    changes = stats["changes"] or {}
    happened = {
        "failed": stats["result"] == "failed",
        "outside-gate": stats["result"] == "outside-gate",
        "field-died": bool(stats["died"]),
        "changed": bool(changes.get("new") or changes.get("changed")),
        "gone": bool(changes.get("gone")),
        "recovered": stats["result"] in GOOD_RESULTS
        and before is not None
        and before.result in ("failed", "outside-gate"),
    }
    return [event for event, is_so in happened.items() if is_so]


def _words(
    store: Store, row: RunRow, stats: Mapping[str, Any], events: list[str], template: str | None
) -> dict[str, Any]:
    """Return what is sent: the text, and beside it the same as figures."""
    numbers = ", ".join(f"{stats[name]:,} {name}" for name in ("pages", "items", "failed", "refused"))
    numbers += f" in {stats['seconds']:,.0f} s"
    sums = stats["changes"]
    changes: list[dict[str, Any]] = []
    lines: list[str] = []
    earlier = store.run_before(row)
    if sums is not None and earlier is not None:
        found = list(islice(store.changes(earlier, row), _MOST_CHANGES))
        changes = [_short(change.record()) for change in found]
        lines = [changes_text(sums), *islice((line for line in change_lines(found) if line), _MOST_LINES)]
    died = [death_text(death) for death in stats["died"]]
    words = {
        "name": row.name,
        "run": row.id,
        "result": stats["result"],
        "why": stats["why"],
        "events": ", ".join(events),
        "numbers": numbers,
        "changes": "\n".join(lines).strip(),
        "died": "\n".join(died),
    }
    usual = [f"{row.name}, run {row.id}: {words['events']}", f"{stats['result']}: {stats['why']}", numbers]
    text = template.format_map(words) if template is not None else "\n".join([*usual, *died, *lines])
    figures = {key: value for key, value in stats.items() if isinstance(value, int | float | str | None)}
    message = {"text": text, "events": events, "changes": changes, **figures}
    return {key: hide_in(value) for key, value in message.items()}


def _short(change: dict[str, Any]) -> dict[str, Any]:
    """Return a change that a message can hold: of one that is too long, its page, and no items."""
    if len(json.dumps(change)) <= _LONGEST_CHANGE:
        return change
    return {**change, "key": [written(each) for each in change["key"]], "before": None, "after": None, "fields": []}


def _deliver(to: str, message: Mapping[str, Any]) -> str | None:
    """Send a message; returns why that failed, without the address."""
    if _is_webhook(to):
        return post(to, message)
    title, _, body = message["text"].partition("\n")
    try:
        page = message["report"]
        attached = page if page is not None and Path(page).is_file() else None
        sent = _apprise(to).notify(title=title, body=body or title, body_format="text", attach=attached)
    except Exception as error:  # of a service's own code
        return f"apprise: {type(error).__name__}"
    return None if sent else "apprise could not send it"


def _is_webhook(to: str) -> bool:
    return to.lower().startswith(("http://", "https://"))


def _apprise(to: str) -> Any:
    client = package("apprise", "notify", "notify").Apprise()
    return client if client.add(to) else None


def _digest(target: NotifyConfig) -> str:
    return blake2b(json.dumps([target.to, target.on]).encode(), digest_size=12).hexdigest()
