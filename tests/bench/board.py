"""The board: what was measured, the ratios that are asked for, and both as Markdown. No crawling here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.measure import Measured
from tests.bench.serving import Asked

BEGIN, END = "<!-- board: written by make bench -->", "<!-- end of board -->"


@dataclass(frozen=True, slots=True)
class Reading:
    """One crawl by one side."""

    pages: int
    measured: Measured
    asked: Asked

    @property
    def whole(self) -> float:
        """Pages a second over the whole process, its start included."""
        return self.pages / self.measured.seconds

    @property
    def served(self) -> float:
        """Pages a second between the server's first answer and its last."""
        return self.pages / self.asked.seconds

    @property
    def peak(self) -> float:
        """MB."""
        return self.measured.peak


#: By side and site, one a round; what stands at the same place came from the same round.
Readings = Mapping[tuple[str, str], Sequence[Reading]]


@dataclass(frozen=True, slots=True)
class Row:
    """A ratio that is asked for.

    Attributes:
        ours: side and site.
        value: what of a reading is compared.
        target: the least that the ratio has to be, or with `at_most` what it has to stay below.
    """

    title: str
    ours: tuple[str, str]
    against_title: str
    against: tuple[str, str]
    target: float
    value: Callable[[Reading], float] = lambda reading: reading.whole
    at_most: bool = False


ROWS = (
    Row("css, 1 process, 1 domain", ("css", "one"), "Scrapy tuned", ("tuned", "one"), 3.0),
    Row("css, 2 processes, 20 domains", ("css2", "twenty"), "Scrapy tuned", ("tuned", "twenty"), 5.0),
    Row("css, 1 process, 1 domain", ("css", "one"), "aiohttp + selectolax by hand", ("aiohttp", "one"), 0.6),
    Row("css, 2 processes, 20 domains", ("css2", "twenty"), "Go + goquery", ("go", "twenty"), 0.6),
    Row("`select`, 1 process", ("select", "one"), "Scrapy as taught", ("taught", "one"), 2.5),
    Row("`select`, 1 process", ("select", "one"), "Scrapy tuned", ("tuned", "one"), 1.4),
    Row("`select`, 2 processes, 20 domains", ("select2", "twenty"), "Scrapy tuned", ("tuned", "twenty"), 2.0),
    Row("whole soup and `select`, 1 process", ("soup", "one"), "Scrapy as taught", ("taught", "one"), 2.8),
    Row("whole soup and `select`, 1 process", ("soup", "one"), "Scrapy tuned", ("tuned", "one"), 1.1),
    Row(
        "whole soup and `select`, 2 processes, 20 domains", ("soup2", "twenty"),
        "Scrapy tuned", ("tuned", "twenty"), 2.0,
    ),
    Row(
        "css, `processes: auto`, 1 domain (by the server's log)", ("css-auto", "one"),
        "1 process", ("css", "one"), 1.6,
        value=lambda reading: reading.served,
    ),
    Row(
        "whole soup, `processes: auto`, 1 domain (by the server's log)", ("soup-auto", "one"),
        "1 process", ("soup", "one"), 1.75,
        value=lambda reading: reading.served,
    ),
    Row("whole soup, `processes: auto`, 1 domain", ("soup-auto", "one"), "Scrapy tuned", ("tuned", "one"), 1.2),
    Row("8 requests at once, whole soup", ("soup", "threads"), "1 at once", ("soup-at-once", "threads"), 0.97),
    Row(
        "peak memory, 1 process", ("css", "one"), "Scrapy tuned", ("tuned", "one"), 0.8,
        value=lambda reading: reading.peak, at_most=True,
    ),
    Row(
        "ten times the pages (by the server's log)", ("css", "large"), "as they are", ("css", "few"), 0.95,
        value=lambda reading: reading.served,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row with what came of it; `ratio` is None where a side did not run.

    Attributes:
        served: the same ratio by the server's log alone, where that says something else.
        note: a word on how it came about.
    """

    title: str
    against: str
    ratio: float | None
    target: float
    at_most: bool = False
    served: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        if self.ratio is None:
            return None
        return self.ratio < self.target if self.at_most else self.ratio >= self.target


def paired(ours: Sequence[float], against: Sequence[float]) -> float | None:
    """The median of the rounds' own ratios, so that a slow minute of the machine slows both; None without a round."""
    ratios = [one / other for one, other in zip(ours, against, strict=False)]
    return median(ratios) if ratios else None


def verdicts(readings: Readings, rows: Sequence[Row] = ROWS) -> list[Verdict]:
    """What came of each row."""
    found = []
    for row in rows:
        ours, against = readings.get(row.ours, ()), readings.get(row.against, ())

        def ratio(
            value: Callable[[Reading], float], ours: Sequence[Reading] = ours, against: Sequence[Reading] = against
        ) -> float | None:
            return paired([value(one) for one in ours], [value(one) for one in against])

        found.append(
            Verdict(
                row.title,
                row.against_title,
                ratio(row.value),
                row.target,
                row.at_most,
                None if row.at_most else ratio(lambda reading: reading.served),
            )
        )
    return found


def ratio_table(found: Sequence[Verdict]) -> str:
    """The ratios against their targets, as Markdown."""
    lines = [
        "| ours | against | ratio | by the server's log | asked for | |",
        "|---|---|---:|---:|---:|---|",
    ]
    for verdict in found:
        outcome = {True: "met", False: "**missed**", None: "not run"}[verdict.is_met]
        sign = "<" if verdict.at_most else "≥"
        words = f"{outcome}; {verdict.note}" if verdict.note else outcome
        lines.append(
            f"| {verdict.title} | {verdict.against} | {_times(verdict.ratio)} | {_times(verdict.served)} | "
            f"{sign} {verdict.target:g} | {words} |"
        )
    return "\n".join(lines)


def side_table(readings: Readings, site: str, titles: Mapping[str, str]) -> str:
    """What each side did on a site, the fastest first, as Markdown; medians of the rounds."""
    lines = [
        "| side | pages/s | by the server's log | CPU, ms/page | peak, MB | connections | rounds |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ranked(readings, site):
        took = readings[name, site]
        cells = [
            f"{median(one.whole for one in took):,.0f}",
            f"{median(one.served for one in took):,.0f}",
            f"{median(one.measured.cpu * 1000 / one.pages for one in took):.2f}",
            f"{median(one.peak for one in took):.0f}",
            f"{median(one.asked.connections for one in took):.0f}",
            str(len(took)),
        ]
        lines.append(f"| {titles[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ranked(readings: Readings, site: str) -> list[str]:
    """The sides that crawled a site, the fastest first."""
    names = [name for name, where in readings if where == site]
    return sorted(names, key=lambda name: -median(one.whole for one in readings[name, site]))


def filled(document: str, board: str) -> str:
    """`document` with `board` between its two markers.

    Raises:
        ValueError: it has no such markers.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{board}\n\n{END}{after}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}x"
