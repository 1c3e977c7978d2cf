"""The guides, each as it is written: its files, its commands, what they print, after one crawl of the demo shop."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from scraper.cli.app import make_app
from scraper.demo.shop import Shop
from tests.crawl.commands import command, environment
from tests.crawl.test_tutorial import _STEP, commands, pattern

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PORT = "8765"
NAMES = sorted(path.stem for path in GUIDES.glob("*.md") if path.stem != "index")
_EXIT = re.compile(r"^\(exit code (\d+)\)\n", re.MULTILINE)
#: What a guide needs beside a plain install, by name.
NEEDS = {"articles": ("resiliparse", "html_to_markdown"), "spreadsheets": ("xlsxwriter",), "metrics": ()}

pytestmark = pytest.mark.skipif(not shutil.which("sh"), reason="its commands are for a POSIX shell")


def text_of(name: str) -> str:
    return (GUIDES / f"{name}.md").read_text(encoding="utf-8")


class Reader:
    """Does what a guide says, in a folder, with the shop at a port."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self._port = folder, str(port)
        self._environment: dict[str, str] = {"COLUMNS": "100"}
        self.ran = 0

    def follow(self, text: str) -> None:
        for step in _STEP.finditer(text):
            if step["file"]:
                self._write(step["file"], step["text"])
            elif step["kind"] == "console":
                for each in commands(step["text"]):
                    self._try(each.line, each.printed)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(PORT, self._port), encoding="utf-8")

    def _try(self, line: str, printed: str) -> None:
        expected = _EXIT.search(printed)
        printed = _EXIT.sub("", printed)
        if line.startswith("export "):
            self._environment.update(word.split("=", 1) for word in line.split()[1:])
            return
        code, shown = self._run(line.replace(PORT, self._port))
        shown = shown.replace(self._port, PORT)
        assert re.fullmatch(pattern(printed), shown), f"$ {line}\n{shown}"
        assert code == (int(expected[1]) if expected else 0), f"$ {line}\n{shown}"
        self.ran += 1

    def _run(self, line: str) -> tuple[int, str]:
        words = shlex.split(line)
        more = dict(self._environment)
        while "=" in words[0]:
            more.update([words.pop(0).split("=", 1)])
        if words[0] == "scraper":
            done = command(*words[1:], cwd=self.folder, **more)
            return done.returncode, done.stdout + done.stderr
        if words[0] == "python":
            line = line.replace("python", shlex.quote(sys.executable), 1)
        ran = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return ran.returncode, ran.stdout


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def crawled(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all guides begin with."""
    folder = tmp_path_factory.mktemp("guides") / "tea"
    folder.mkdir()
    reader = Reader(folder, shop.port)
    reader.follow(text_of("index"))
    assert reader.ran == 2
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_does_what_it_says(name: str, shop: Shop, crawled: Path, tmp_path: Path) -> None:
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    folder = tmp_path / "tea"
    shutil.copytree(crawled, folder)
    reader = Reader(folder, shop.port)
    text = text_of(name)
    reader.follow(text)
    assert reader.ran or "```console" not in text


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_run_is_at_least_right(name: str) -> None:
    text = text_of(name)
    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        ast.parse(code)
    for manifest in re.findall(r"^```yml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert yaml.safe_load(manifest)["kind"]
    app = get_command(make_app())
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["scraper"]:
                assert words[1] in app.commands, line  # type: ignore[attr-defined]


def test_there_is_a_guide_for_each_question_that_the_list_names() -> None:
    listed = set(re.findall(r"\]\(([\w-]+)\.md\)", text_of("index")))
    assert listed == set(NAMES)
    assert len(NAMES) >= 30
    for name in NAMES:
        heading = text_of(name).partition("\n")[0]
        assert heading.startswith("# ") and heading.endswith(("?", "What now?", "do I do?")), heading
