"""The report of a run for people: printed at its end, and by `scraper runs`. It fits 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scraper.observe.terminal import Console, PlainConsole, print_line
from scraper.observe.text import counted, duration, plain, short, size
from scraper.reasons import remedy_of
from scraper.stats import GOOD_RESULTS

_WIDTH = 80
_DOMAINS_SHOWN = 20
#: On a terminal.
_DOMAINS_FOLDED = 10
_NAME_WIDTH = 30
_DEATHS_SHOWN = 10
_WARNINGS_SHOWN = 10
_NO_BREAK = "\xa0"

#: A style of rich, and a line.
_Line = tuple[str, str]


def print_report(console: Console, stats: Mapping[str, Any], site: str = "SITE.yaml") -> None:
    """Print what `stats` (see `stats.run_stats`) says, with colours where the console has them.

    On a terminal that is too low for all of it, the figures come last, so that they are what is seen.

    Args:
        site: the path of the YAML, for the commands that are named.
    """
    lines = _lines(_sections(stats))
    if not isinstance(console, PlainConsole):
        lines = _lines(_sections(stats, _DOMAINS_FOLDED))
        if len(lines) >= console.height:
            lines = _lines(_sections(stats, _DOMAINS_FOLDED, figures_last=True))
    for style, line in lines:
        print_line(console, line.replace("SITE.yaml", site), style)


def report_text(stats: Mapping[str, Any]) -> str:
    """Return the report as plain text."""
    return "".join(f"{line}\n" for _, line in _lines(_sections(stats)))


def _sections(
    stats: Mapping[str, Any], domains_shown: int = _DOMAINS_SHOWN, *, figures_last: bool = False
) -> list[list[_Line]]:
    figures = [
        _died(stats),
        _warnings(stats),
        _verdict(stats),
        _no_items(stats),
        _pages(stats),
        _sums(stats),
    ]
    lists = [_domains(stats, domains_shown), _proxies(stats), _failures(stats), _exports(stats)]
    return lists + figures if figures_last else figures + lists


def _lines(sections: list[list[_Line]]) -> list[_Line]:
    lines: list[_Line] = []
    for section in sections:
        if section and lines:
            lines.append(("", ""))
        lines += section
    return lines


def _died(stats: Mapping[str, Any]) -> list[_Line]:
    """Before all else: fields that used to be there."""
    lines: list[_Line] = []
    for death in stats["died"][:_DEATHS_SHOWN]:
        lines += _wrapped(death_text(death), style="bold red")
        lines += [("", f"  {plain(url)}") for url in death["examples"]]
    if len(stats["died"]) > _DEATHS_SHOWN:
        lines.append(("bold red", f"and {len(stats['died']) - _DEATHS_SHOWN:,} more fields died (see the stats)"))
    return lines


def _warnings(stats: Mapping[str, Any]) -> list[_Line]:
    """Return what to look at, as it was said in the log."""
    lines: list[_Line] = []
    for warning in stats["warnings"][:_WARNINGS_SHOWN]:
        lines += _wrapped(f"note: {plain(warning)}", style="yellow")
    if len(stats["warnings"]) > _WARNINGS_SHOWN:
        lines.append(("yellow", f"and {len(stats['warnings']) - _WARNINGS_SHOWN:,} more (see the stats)"))
    return lines


def death_text(death: Mapping[str, Any]) -> str:
    """Return a field that died, in a sentence."""
    return (
        f"{plain(death['type'])}.{plain(death['field'])} died: filled in {death['filled']:,} of "
        f"{counted(death['items'], 'item')}; it last lived on {death['lived_at'][:10]}, in run {death['run']}, "
        f"in {death['share']:.1%} of them"
    )


def _verdict(stats: Mapping[str, Any]) -> list[_Line]:
    style = "bold green" if stats["result"] in GOOD_RESULTS else "bold red"
    head = f"{plain(stats['name'])}, run {stats['run']}, {stats['result']}: {plain(stats['why'])}"
    lines = _wrapped(head, style=style)
    if stats["result"] == "stopped":
        lines.append(("", "The same command resumes it."))
    for paused in stats["paused"][:_DOMAINS_SHOWN]:
        until = datetime.fromisoformat(paused["until"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        lines += _wrapped(f"{plain(paused['domain'])} is left alone until {until}: {paused['why']}")
    if len(stats["paused"]) > _DOMAINS_SHOWN:
        lines.append(("", f"and {len(stats['paused']) - _DOMAINS_SHOWN:,} more"))
    return lines


def _pages(stats: Mapping[str, Any]) -> list[_Line]:
    counts = [
        counted(stats["pages"], "page"),
        counted(stats["items"], "item"),
        f"{stats['failed']:,} failed",
        f"{stats['refused']:,} refused",
        counted(stats["duplicates"], "duplicate"),
    ]
    optional = (("item dropped", "items dropped", "dropped"), ("redirect", "redirects", "redirects"))
    counts += [counted(stats[key], one, many) for one, many, key in optional if stats[key]]
    if stats["sitemaps"] or stats["sitemaps_unread"]:
        unread = f" ({stats['sitemaps_unread']:,} could not be read)" if stats["sitemaps_unread"] else ""
        counts.append(counted(stats["sitemaps"], "sitemap") + unread)
    if stats["checked"]:
        counts.append(f"{stats['checked']:,} asked whether they are still there")
    text = f"{', '.join(counts)} in {duration(stats['seconds'])}"
    if stats["seconds"]:
        text += f" ({stats['pages'] / stats['seconds']:.1f} pages/s)"
    lines = _wrapped(text)
    lines += _files(stats["files"])
    lines += _revisits(stats)
    if stats["quarantined"]:
        aside = counted(stats["quarantined"], "item")
        lines += _wrapped(f"{aside} put aside (see each: scraper quarantine SITE.yaml)", style="bold")
    if stats["drops"]:
        lines += _wrapped(f"dropped: {_tally(stats['drops'])}")
    if stats["skipped"]:
        lines += _wrapped(f"skipped pages: {_tally(stats['skipped'])}")
    if stats["unfollowed"]:
        lines += _wrapped(
            f"links that lead to no page: {_tally(stats['unfollowed'])} (strict: true makes them errors)"
        )
    if stats["refusals"]:
        key = " (politeness.nofollow: ignore follows them)" if "nofollow" in stats["refusals"] else ""
        lines += _wrapped(f"refused: {_tally(stats['refusals'])}{key}")
    for trap, count in stats["traps"].items():
        lines += _wrapped(f"held back as a trap: {counted(count, 'URL')}, since {trap} (scope.no_traps lets them)")
    if stats["interrupted"]:
        times = counted(stats["interrupted"], "time")
        lost = "what was not committed at a kill, requests and up to a second of time, is not in these figures"
        lines += _wrapped(f"interrupted {times}: {lost}")
    return lines + _changes(stats)


def _files(files: Mapping[str, int]) -> list[_Line]:
    """Return what became of the files that items name."""
    if not (files.get("stored") or files.get("failed")):
        return []
    failed = f", {files['failed']:,} could not be fetched" if files["failed"] else ""
    return _wrapped(f"{counted(files['stored'], 'file')} ({size(files['bytes'])}){failed}")


def _revisits(stats: Mapping[str, Any]) -> list[_Line]:
    """Return how much of the crawl an earlier run had seen already, and servers whose word on that is worth
    little.
    """
    lines: list[_Line] = []
    if stats["carried"]:
        carried = counted(stats["carried"], "page")
        lines += _wrapped(f"{carried} unchanged since the last run, of which {stats['not_modified']:,} by 304")
    if stats["unstable"]:
        same = counted(stats["unstable"], "page")
        lines += _wrapped(f"{same} had another ETag, and the same body: it cannot be relied on")
    if stats["distrusted"]:
        lines += _wrapped(f"{stats['distrusted']:,} times the server said 304, and contradicted itself")
    return lines


def _changes(stats: Mapping[str, Any]) -> list[_Line]:
    changes = stats["changes"]
    if changes is None:
        return []
    if changes["since"] is None:
        return _wrapped("no changes: there is no earlier run inside its gate to compare with")
    return _wrapped(f"since run {changes['since']}: {changes_text(changes)}")


def changes_text(changes: Mapping[str, Any]) -> str:
    """`2 new, 1 changed, 3 gone`, and what is unlinked where anything is."""
    names = ("new", "changed", "gone", *(["unlinked"] if changes["unlinked"] else []))
    return ", ".join(f"{changes[name]:,} {name}" for name in names)


def _no_items(stats: Mapping[str, Any]) -> list[_Line]:
    """Return why there is not one item: what the first pages answered, and which callbacks gave nothing."""
    found = stats["no_items"]
    if found is None:
        return []
    lines: list[_Line] = [("bold", "no items")]
    if not found["starts"]:
        lines += _wrapped("nothing was asked for: start_urls, or start(), gave no URL", indent="  ")
    for start in found["starts"]:
        lines += _wrapped(f"{plain(start['url'])} {plain(start['answer'])}", indent="  ")
    for empty in found["callbacks"]:
        text = f"{plain(empty['callback'])} gave neither item nor request on {counted(empty['pages'], 'page')}"
        lines += _wrapped(f"{text}: {plain(empty['why'])}" if empty["why"] else text, indent="  ")
    for other in found["others"]:
        more = f", and {counted(other['pages'] - 1, 'more page')} likewise" if other["pages"] > 1 else ""
        lines += _wrapped(f"{plain(other['url'])} {plain(other['answer'])}{more}", indent="  ")
    if found["look"]:
        lines += _wrapped(f"look: {found['look']}", indent="  ")
    return lines


def _sums(stats: Mapping[str, Any]) -> list[_Line]:
    if not stats["requests"] and not stats["connections"]:
        return []
    saved = counted(stats["handshakes_saved"], "handshake")
    return _wrapped(
        f"{counted(stats['requests'], 'request')} on {counted(stats['connections'], 'connection')}, {_extras(stats)}"
        f"{size(stats['bytes'])}. Reuse saved {saved}, which would have taken {duration(stats['seconds_saved'])}."
    )


def _domains(stats: Mapping[str, Any], most: int) -> list[_Line]:
    if not stats["requests"] and not stats["connections"]:
        return []
    lines = [("bold", _row("domain", "requests", "connections", "reused", "saved", "time saved"))]
    domains = sorted(stats["domains"].items(), key=lambda pair: (-pair[1]["requests"], pair[0]))
    for name, figures in domains[:most]:
        lines.append(("", _domain(plain(name), figures)))
        if figures["reasons"]:
            lines += _wrapped(f"opened for: {_tally(figures['reasons'])}", indent="  ", style="dim")
        if "delay" in figures:
            lines += _wrapped(
                f"its delay came to {duration(figures['delay'])} (delay: auto)", indent="  ", style="dim"
            )
    if len(domains) > most:
        lines.append(("", f"and {len(domains) - most:,} more"))
    if len(domains) > 1:
        lines.append(("bold", _domain(f"all {len(domains):,}", stats)))
    return lines


def _proxies(stats: Mapping[str, Any]) -> list[_Line]:
    """Return what went by each proxy."""
    proxies = stats.get("proxies", {})
    lines: list[_Line] = [("bold", "proxies")] if proxies else []
    for name, sums in proxies.items():
        failed = f"; failed: {_tally(sums['failures'])}" if sums["failures"] else ""
        counts = f"{counted(sums['requests'], 'request')} on {counted(sums['connections'], 'connection')}{failed}"
        lines += _wrapped(f"{plain(name)}: {counts}", indent="  ")
    return lines


def _extras(stats: Mapping[str, Any]) -> str:
    """Return what is worth saying only where there was any."""
    parts = [
        counted(stats["retries"], "retry", "retries") if stats["retries"] else "",
        f"{stats['stale']:,} replayed" if stats["stale"] else "",
        f"{stats['unused']:,} opened for nothing" if stats["unused"] else "",
    ]
    return "".join(f"{part}, " for part in parts if part)


def _domain(name: str, figures: Mapping[str, Any]) -> str:
    return _row(
        name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 3]}...",
        _within(figures["requests"], 8),
        _within(figures["connections"], 11),
        f"{figures['reuse_rate']:.1%}",
        _within(figures["handshakes_saved"], 8),
        duration(figures["seconds_saved"]),
    )


def _within(count: int, width: int) -> str:
    """Return a number in so many characters: all of it, or as much as tells its size."""
    return f"{count:,}" if len(f"{count:,}") <= width else short(count)


def _row(name: str, requests: str, connections: str, reused: str, saved: str, time: str) -> str:
    return f"{name:<{_NAME_WIDTH}}{requests:>9}{connections:>12}{reused:>8}{saved:>9}{time:>12}"


def _failures(stats: Mapping[str, Any]) -> list[_Line]:
    if not stats["failures"]:
        return []
    lines = [("bold", "failures (see each: scraper runs SITE.yaml --failures)")]
    for reason, count in stats["failures"].items():
        lines.append(("", f"  {count:>7,}  {plain(reason)}"))
        for why, times in stats["robots_unreachable"].items() if reason == "robots-unreachable" else ():
            lines += _wrapped(f"{times:,} since {plain(why)}", indent=" " * 11)
        if remedy := remedy_of(reason):
            lines += _wrapped(remedy, indent=" " * 11, style="dim")
    return lines


def _exports(stats: Mapping[str, Any]) -> list[_Line]:
    if not stats["exports"]:
        return []
    return [("bold", "exports"), *(("", f"  {plain(path)}") for path in stats["exports"])]


def _tally(counts: Mapping[str, int]) -> str:
    """`timeout 3, reset 1`; no line is broken within a pair."""
    return ", ".join(f"{plain(name)}{_NO_BREAK}{count:,}" for name, count in counts.items())


def _wrapped(text: str, *, indent: str = "", style: str = "") -> list[_Line]:
    rows = textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)
    return [(style, row.replace(_NO_BREAK, " ")) for row in rows]
