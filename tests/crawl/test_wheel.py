"""The wheel, installed outside of the checkout: what a project of a user gets to see."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).parents[2]

_SPIDER = """
from collections.abc import Iterator
from typing import Any, assert_type

import scraper
from scraper import Request, Response, Sessions, Spider


class Books(Spider):
    def parse(self, response: Response) -> Iterator[Request | dict[str, Any]]:
        for link in response.links():
            yield Request(link, self.parse)
        yield {"title": response.css("h1")[0].text()}


run = scraper.crawl(Books, limits={"pages": 10})
assert_type(run, scraper.Run)
assert_type(run.exit_code, int)
assert_type(Books.name, str)
with Sessions() as sessions:
    assert_type(sessions, Sessions)
    served = sessions.served(sessions.get("https://example.com/"))
    assert_type(served.reused if served else False, bool)
Request(1)  # wrong, and found to be
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with the wheel in its site-packages, and behind it the packages that this one has."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")]
    subprocess.run(build, cwd=_CHECKOUT, check=True, capture_output=True, timeout=120)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    # A folder named here is searched, while what it names in turn, such as the checkout, is not.
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return Path(sysconfig.get_path("scripts", "venv", vars=paths)) / Path(sys.executable).name


@pytest.mark.slow
def test_spider_that_imports_the_wheel_is_checked_by_its_types(python: Path, tmp_path: Path):
    spider = tmp_path / "books.py"
    spider.write_text(_SPIDER, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-executable", str(python)]
    done = subprocess.run([*command, spider.name], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    (error, found) = done.stdout.splitlines()
    last = len(_SPIDER.splitlines())
    assert error.startswith(f'books.py:{last}: error: Argument 1 to "Request" has incompatible type "int"')
    assert found == "Found 1 error in 1 file (checked 1 source file)"


def test_wheel_is_imported_from_where_it_is_installed(python: Path, tmp_path: Path):
    code = "import scraper; print(scraper.__file__, scraper.Request('https://example.com/').url)"
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    file, _, url = done.stdout.strip().partition(" ")
    assert Path(file).is_relative_to(python.parents[1]), done.stderr
    assert url == "https://example.com/"


def test_wheel_has_the_manual_page_and_is_what_an_index_takes(python: Path, tmp_path: Path):
    (wheel,) = (python.parents[2] / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        (page,) = (name for name in packed.namelist() if name.endswith(".data/data/share/man/man1/scraper.1"))
        assert "scraper/py.typed" in packed.namelist()
        assert packed.read(page) == (_CHECKOUT / "docs" / "scraper.1").read_bytes()
    pytest.importorskip("twine")
    words = [sys.executable, "-m", "twine", "check", "--strict", str(wheel)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
