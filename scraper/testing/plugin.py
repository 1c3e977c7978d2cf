"""The pytest plugin: recorded pages as tests, one a page, where the ini option `scraper_recordings` names them.

A project asks for it by `addopts = "-p scraper.testing.plugin"`: were it loaded wherever scraper is installed, every
start of pytest would import all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_OPTION = "scraper_recordings"
#: scraper.testing.recording.EXPECTED; the package is not imported for that.
_EXPECTED = "expected.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, without which nothing is collected."""
    parser.addini(_OPTION, "Folders of pages that `scraper record` saved, such as tests/recorded.", "paths", [])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return a recording in one of the folders."""
    if file_path.name != _EXPECTED:
        return None
    folders: list[Path] = parent.config.getini(_OPTION)
    if not any(folder in file_path.parents for folder in folders):
        return None
    return RecordingFile.from_parent(parent, path=file_path)


class Differs(Exception):
    """The spider makes something else of a page than was recorded."""


class RecordingFile(pytest.File):
    """A recording: a folder with a page."""

    def collect(self) -> Iterator[pytest.Item]:
        """Return the one test of a page."""
        yield RecordedPage.from_parent(self, name=self.path.parent.name)


class RecordedPage(pytest.Item):
    """The spider, run on a saved page: nothing is fetched."""

    def runtest(self) -> None:
        """Fail with what differs."""
        from scraper.errors import ScraperError
        from scraper.testing.recording import read, replay

        try:
            page = read(self.path.parent)
            lines = replay(page)
        except ScraperError as error:
            raise Differs(str(error)) from error
        if lines:
            called = page.response.request.callback or "parse"
            accept = f"scraper replay {self.path.parent} --update accepts it"
            raise Differs("\n".join([f"{called} of {page.response.url}", *(f"  {line}" for line in lines), accept]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the difference alone."""
        if isinstance(excinfo.value, Differs):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where it is, and its name."""
        return self.path, None, f"recorded page {self.name}"
