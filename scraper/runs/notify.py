"""The key `notify`: word to people when something happened in a run, once, and never at the cost of a crawl."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from scraper.config.load import Loaded
from scraper.config.model.notify import NotifyConfig
from scraper.errors import ScraperError, UsageError
from scraper.hiding import hide_in
from scraper.observe.report import changes_text, death_text
from scraper.optional_dependencies import package
from scraper.runs.change_lines import change_lines, written
from scraper.schedule.failures import post
from scraper.stats import GOOD_RESULTS
from scraper.store import Store
from scraper.store.state.notices import Unsent
from scraper.store.values import RunRow

#: Seconds before each further try at the end of a run; what fails then waits for the next.
_WAITS = (1.0, 3.0)
_MOST_CHANGES = 5
#: Lines of a message about these, and characters of one of them as JSON: pages fill items, and name their fields.
_MOST_LINES = 40
_LONGEST_CHANGE = 10_000
#: Which message of a run it is: an error ended a crawl that will be resumed, or the run has ended.
_ERROR, _END = "error", "end"


class Notifier:
    """Tells those whom a configuration names.

    Args:
        loaded: the configuration.
        say: is told, in a sentence, who could not be told.

    Raises:
        UsageError: apprise is needed and not installed, or does not know an address.
    """

    def __init__(self, loaded: Loaded, say: Callable[[str], object]) -> None:
        self._targets = loaded.config.notify
        self._name = loaded.config.name
        self._say = say
        for number, target in enumerate(self._targets):
            if not _is_webhook(target.to) and _apprise(target.to) is None:
                scheme = target.to.partition("://")[0]
                raise UsageError(
                    f"notify[{number}].to: apprise does not understand this address of {scheme}://",
                    remedy="look at its form at https://appriseit.com/services/",
                )

    def tell(self, store: Store, run: int, stats: Mapping[str, Any], page: Path | None = None) -> None:
        """Tell of a run that has come to an end, or of an error that ended the crawl before. Never raises.

        A stopped run is told of once it has ended.

        Args:
            store: of the crawl, locked.
            stats: the run's figures.
            page: the report about it, where one was written.
        """
        try:
            row = store.run(run)
            if row is not None and stats["result"] != "stopped":
                self._put(store, row, stats, page)
            for number, target in enumerate(self._targets):
                self._send_all(store, number, target)
        except ScraperError as error:
            self._say(f"nobody could be told of run {run}: {error}")

    def _put(self, store: Store, row: RunRow, stats: Mapping[str, Any], page: Path | None) -> None:
        before = next((each for each in store.all_runs(self._name) if each.is_finished and each.id < row.id), None)
        happened = events_of(stats, before)
        for target in self._targets:
            wanted = [event for event in happened if event in target.on]
            if wanted:
                message = _message(store, row, stats, wanted, target.template)
                message["report"] = None if page is None else str(page)
                kind = _END if row.is_finished else _ERROR
                store.put_notice(row.id, _digest(target), kind, message)

    def _send_all(self, store: Store, number: int, target: NotifyConfig) -> None:
        for notice in store.unsent_notices(_digest(target)):
            problem = self._send(store, notice, target)
            if problem is not None:
                self._say(
                    f"notify[{number}] could not be told of run {notice.run}, and will be at the next: {problem}"
                )
                return

    def _send(self, store: Store, notice: Unsent, target: NotifyConfig) -> str | None:
        """Send one message; returns why that failed in the end."""
        problem = None
        for wait in (0.0, *_WAITS):
            time.sleep(wait)
            # A kill between these two leaves it open whether it came: it is not sent twice.
            store.note_sending(notice, _digest(target), begun=True)
            problem = _deliver(target.to, notice.message)
            store.note_sending(notice, _digest(target), begun=problem is None, sent=problem is None)
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


def _message(
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
