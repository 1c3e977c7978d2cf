"""`scraper init`: what is written, and what is left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from scraper.demo import scaffold
from scraper.errors import ScraperError, UsageError


def text_of(folder: Path, path: str) -> str:
    return (folder / path).read_text(encoding="utf-8")


def test_writes_a_project_named_after_its_folder(tmp_path):
    folder = tmp_path / "some" / "My Shop"
    written = scaffold.create(folder)
    assert {path.relative_to(folder).as_posix() for path in written} == {
        "spiders/my_shop.py",
        "config/my_shop.yaml",
        "README.md",
        "conftest.py",
        "tests/test_my_shop.py",
        "tests/pages/sample.html",
        ".gitignore",
        ".scraper/schema.json",
    }
    assert all(path.is_file() for path in written)
    assert not [path for path in written if re.search("@[A-Za-z]+@", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("template", scaffold.TEMPLATES)
def test_each_template_has_a_yaml_of_known_keys_and_a_readme_that_names_its_files(tmp_path, template):
    written = scaffold.create(tmp_path, name="shop", template=template)
    paths = {path.relative_to(tmp_path).as_posix() for path in written}
    assert any(path.startswith("spiders/") for path in paths)
    readme = text_of(tmp_path, "README.md")
    assert "config/shop.yaml" in readme
    assert ("spiders/shop.py" in readme) is ("spiders/shop.py" in paths)
    schema = json.loads(text_of(tmp_path, ".scraper/schema.json"))
    assert set(yaml.safe_load(text_of(tmp_path, "config/shop.yaml"))) <= set(schema["properties"])
    assert not [path for path in written if re.search("@[A-Za-z]+@", path.read_text(encoding="utf-8"))]


def test_the_files_fit_together(tmp_path):
    scaffold.create(tmp_path / "x", name="tea_shop")
    folder = tmp_path / "x"
    site = yaml.safe_load(text_of(folder, "config/tea_shop.yaml"))
    assert site["spider"] == "spiders/tea_shop.py:TeaShop"
    # A key of the shop's would fit no item of another spider's, and nothing would ever be new, changed or gone.
    assert "items" not in site
    assert "class TeaShop(Spider):" in text_of(folder, "spiders/tea_shop.py")
    assert "from spiders.tea_shop import TeaShop" in text_of(folder, "tests/test_tea_shop.py")
    for path in ("spiders/tea_shop.py", "tests/test_tea_shop.py"):
        compile(text_of(folder, path), path, "exec")


def test_yaml_names_its_schema_and_the_schema_is_there(tmp_path):
    scaffold.create(tmp_path, name="shop")
    first = text_of(tmp_path, "config/shop.yaml").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = json.loads((tmp_path / "config" / first.partition("$schema=")[2]).read_text(encoding="utf-8"))
    site = yaml.safe_load(text_of(tmp_path, "config/shop.yaml"))
    assert set(site) <= set(schema["properties"])


def test_existing_files_are_neither_overwritten_nor_added_to(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.md.*empty folder"):
        scaffold.create(tmp_path, name="shop")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert text_of(tmp_path, "README.md") == "mine"


def test_other_files_do_not_matter(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert scaffold.create(tmp_path, name="shop")


def test_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "shop").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        scaffold.create(tmp_path / "shop")


def test_file_in_place_of_a_folder_on_the_way(tmp_path):
    (tmp_path / "config").write_text("mine")
    (tmp_path / "tests").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"overwritten: config, tests$|overwritten: config, tests \("):
        scaffold.create(tmp_path, name="shop")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "tests"]


def test_what_cannot_be_written_at_all_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ScraperError, match="choose another folder"):
        scaffold.create(tmp_path / "file" / "below", name="shop")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("shop", "shop"),
        ("My Shop!", "my_shop"),
        ("books.example.com", "books_example_com"),
        ("2024", "site_2024"),
        ("class", "site_class"),
        ("Café", "cafe"),
        ("日本", "site"),
        ("--", "site"),
    ],
)
def test_identifiers(text, name):
    assert scaffold.identifier(text) == name
    assert scaffold.identifier(name) == name


def test_name_that_is_no_module_is_refused_with_one_that_is(tmp_path):
    with pytest.raises(UsageError, match="call it 'my_shop'"):
        scaffold.create(tmp_path, name="my-shop")


@pytest.mark.parametrize("name", ["spider", "response", "request", "path", "none", "true"])
def test_class_hides_nothing_that_its_files_use(tmp_path, name):
    scaffold.create(tmp_path, name=name)
    text = text_of(tmp_path, f"spiders/{name}.py")
    compile(text, name, "exec")
    assert f"class {name.capitalize()}Spider(Spider):" in text
