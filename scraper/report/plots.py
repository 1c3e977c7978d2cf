"""What the page draws: for each plot its words, and its numbers as the page's script takes them."""

from __future__ import annotations

from typing import Any

from scraper.lazy_dataclass import dataclass
from scraper.observe.estimate import Estimate
from scraper.report.figures import RunFigures
from scraper.report.markup import Html, number, tag
from scraper.runs.course import Course


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot over working time.

    Attributes:
        name: its key in the data of the page.
        title: what it shows.
        unit: of its numbers.
        lines: by label the numbers, None where there is none.
    """

    name: str
    title: str
    unit: str
    seconds: list[float]
    lines: dict[str, list[float | None]]
    is_filled: bool = False
    #: Each line has moments of its own, between which it goes straight on.
    has_gaps: bool = False

    def figure(self) -> Html:
        """Return its place in the page, with its span in words for who does not see it."""
        words = tag("p", *self._words(), class_="words", id=f"words-{self.name}")
        copied = tag("span", f" the plot {self.title}", class_="sr")
        return tag(
            "figure",
            tag("figcaption", tag("h3", self.title), words),
            tag("div", class_="plot", id=f"plot-{self.name}", role="img", aria_labelledby=f"words-{self.name}"),
            tag(
                "p",
                tag("button", "Copy as CSV", copied, type="button", class_="csv", data_plot=self.name),
                class_="tools",
            ),
            class_="card",
        )

    def _words(self) -> list[str]:
        words: list[str] = []
        for label, numbers in self.lines.items():
            known = [each for each in numbers if each is not None]
            if known:
                words += [
                    "; " if words else "",
                    f"{label}: ",
                    number(min(known), self.unit),
                    " to ",
                    number(max(known), self.unit),
                ]
        return words

    def data(self) -> dict[str, Any]:
        """Return what the script needs."""
        return {
            "unit": self.unit,
            "filled": self.is_filled,
            "gaps": self.has_gaps,
            "labels": ["seconds", *self.lines],
            "columns": [self.seconds, *self.lines.values()],
        }


def plots_of(course: Course, estimate: Estimate | None) -> list[Plot]:
    """Return the plots of a run; none of one whose course was not kept."""
    if not course:
        return []
    seconds = [point.seconds for point in course]
    return [
        Plot(
            "pace",
            "Pages a second",
            "/s",
            seconds,
            {"pages a second": [point.pages_per_second for point in course]},
            is_filled=True,
        ),
        _progress(course, estimate),
        Plot(
            "latency",
            "Latency of requests",
            "s",
            seconds,
            {"mean, to the end of the body": [point.latency for point in course]},
        ),
        Plot(
            "bytes",
            "Bytes a second",
            "B/s",
            seconds,
            {"bytes of bodies a second": [point.bytes_per_second for point in course]},
            is_filled=True,
        ),
    ]


def _progress(course: Course, estimate: Estimate | None) -> Plot:
    """Return done against queued, with the estimate where the run is at work."""
    seconds = [0.0, *(point.seconds for point in course)]
    lines: dict[str, list[float | None]] = {
        "pages done": [0.0, *(float(point.pages) for point in course)],
        "queued": [None, *(float(point.queued) for point in course)],
        "failed": [0.0, *(float(point.failed) for point in course)],
    }
    if estimate is not None and estimate.seconds > 0:
        newest = course[-1]
        blank: list[float | None] = [None] * (len(seconds) - 1)
        seconds.append(round(newest.seconds + estimate.seconds, 3))
        for line in lines.values():
            line.append(None)
        lines["estimate"] = [*blank, float(newest.queued), 0.0]
    return Plot("progress", "Done against queued", "", seconds, lines)


def race_of(figures: RunFigures) -> Plot | None:
    """Return the pages of several runs over their working time; None where there are not several."""
    courses = {beside.row.id: beside.course for beside in figures.runs if beside.course}
    if len(courses) < 2:
        return None
    seconds = sorted({0.0, *(point.seconds for course in courses.values() for point in course)})
    lines = {f"run {run}": _at(course, seconds) for run, course in courses.items()}
    return Plot("race", "Pages done, run by run", "", seconds, lines, has_gaps=True)


def _at(course: Course, seconds: list[float]) -> list[float | None]:
    """Return the pages of a run at these moments; None once it had ended, and between its points."""
    known = {0.0: 0.0} | {point.seconds: float(point.pages) for point in course}
    return [known.get(moment) for moment in seconds]


def drawn(figures: RunFigures) -> dict[str, Any]:
    """Return the data of all plots of a page, by name."""
    race = race_of(figures)
    return {
        plot.name: plot.data() for plot in [*plots_of(figures.course, figures.estimate), *([race] if race else [])]
    }
