"""A project's root, and loading the objects that its YAML names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.errors import UsageError
from scraper.project import load_object, project_root


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def project(folder: Path, **files: str) -> Path:
    """A folder with `spiders/NAME.py` files."""
    (folder / "spiders").mkdir(parents=True)
    for name, text in files.items():
        (folder / "spiders" / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def test_the_root_is_the_nearest_folder_with_spiders_or_pyproject(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    assert project_root(deep / "site.yaml") == tmp_path
    (tmp_path / "a" / "spiders").mkdir()
    assert project_root(deep / "site.yaml") == tmp_path / "a"
    (deep / "spiders").touch()  # a file of that name is none
    assert project_root(deep / "site.yaml") == tmp_path / "a"


def test_a_file_and_its_module_are_one(tmp_path: Path) -> None:
    root = project(tmp_path, books="class Books:\n    class Inner: pass\ndef clean(item): return item\n")
    books = load_object("spiders/books.py:Books", root)
    assert books.__module__ == "spiders.books"
    assert load_object("spiders.books:Books", root) is books
    assert load_object("spiders.books.Books", root) is books
    assert load_object("spiders/books.py:Books.Inner", root) is books.Inner
    assert load_object("spiders.books:clean", root).__globals__["Books"] is books


def test_an_installed_class_is_loaded_as_it_is(tmp_path: Path) -> None:
    import requests

    (tmp_path / "requests").mkdir()
    assert load_object("requests.Session", tmp_path) is requests.Session
    assert load_object("requests.sessions:Session", tmp_path) is requests.Session


def test_another_project_with_the_same_names_makes_the_first_one_leave(tmp_path: Path) -> None:
    first = project(tmp_path / "one", books="from spiders import helpers\nWHO = helpers.WHO", helpers="WHO = 'one'")
    second = project(tmp_path / "two", books="from spiders import helpers\nWHO = helpers.WHO", helpers="WHO = 'two'")
    for root, who in [(first, "one"), (second, "two"), (first, "one")]:
        assert load_object("spiders/books.py:WHO", root) == who
        assert load_object("spiders.books:WHO", root) == who
        assert load_object("spiders.helpers:WHO", root) == who
    assert sys.path[0] == str(first)
    assert str(second) not in sys.path


def test_a_changed_file_is_loaded_again(tmp_path: Path) -> None:
    root = project(tmp_path, books="N = 1\nclass Books: pass\n")
    before = load_object("spiders/books.py:Books", root)
    assert load_object("spiders/books.py:Books", root) is before
    (tmp_path / "spiders" / "books.py").write_text("N = 23\nclass Books: pass\n", encoding="utf-8")
    assert load_object("spiders/books.py:N", root) == 23
    assert load_object("spiders/books.py:Books", root) is not before


def test_a_file_that_no_module_name_leads_to(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    outside = tmp_path / "outside.py"
    outside.write_text("class A: pass\n", encoding="utf-8")
    dashed = root / "spiders" / "my-shop.py"
    dashed.write_text("class B: pass\n", encoding="utf-8")
    found = load_object(f"{outside}:A", root)
    assert load_object("../outside.py:A", root) is found
    assert sys.modules[found.__module__].A is found
    assert load_object("spiders/my-shop.py:B", root).__name__ == "B"
    outside.write_text("class A: changed = True\n", encoding="utf-8")
    assert load_object(f"{outside}:A", root).changed


def test_a_file_named_like_a_module_of_python_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("class Mine: pass\n", encoding="utf-8")
    import json

    assert load_object("json.py:Mine", tmp_path).__name__ == "Mine"
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("reference", "said", "remedy"),
    [
        ("spiders/boks.py:Books", "no such file", "did you mean spiders/books.py?"),
        ("spiders/books.py:Boks", "spiders/books.py has no Boks", "did you mean Books?"),
        ("spiders/books.py:Zzz", "has no Zzz", "did you mean Books"),
        ("spiders.nowhere:A", "there is no module spiders.nowhere", "project's root"),
        ("spiders/syntax.py:A", "syntax.py:2: ", "fix that line"),
        ("spiders/raises.py:A", "raises.py:3: ZeroDivisionError: division by zero", "importing it must work"),
        ("spiders/lacks.py:A", "lacks.py:1: ModuleNotFoundError: No module named 'not_installed_here'", "importing"),
        ("spiders/leaves.py:A", "leaves.py:2: SystemExit: 3", "importing"),
        ("spiders", "names no object", "file.py:Name"),
        ("no module:A", "is not a module", "file.py:Name"),
    ],
)
def test_what_cannot_be_loaded_says_why_and_what_to_do(
    tmp_path: Path, reference: str, said: str, remedy: str
) -> None:
    root = project(
        tmp_path,
        books="class Books: pass\n",
        syntax="A = 1\nclass A(:\n",
        raises="def f():\n    # the place to mend\n    return 1 / 0\nf()\n",
        lacks="import not_installed_here\n",
        leaves="import sys\nsys.exit(3)\n",
    )
    for _ in range(2):  # a failed import leaves nothing behind
        with pytest.raises(UsageError) as caught:
            load_object(reference, root)
        assert said in caught.value.message.replace("\\", "/")
        assert remedy in (caught.value.remedy or "")
        assert caught.value.exit_code == 2
