"""`scraper init` from outside: each template crawls, a site is looked at once, what runs it elsewhere is sound."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from tests.crawl.commands import Done, command
from tests.servers.keepalive import PageServer


def made(folder: Path, *words: str) -> Path:
    """A project that the command has made, `site` in the folder."""
    done = command("init", "site", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    root = folder / "site"
    assert {str(root / Path(line).relative_to("site")) for line in done.stdout.splitlines()} == {
        str(path) for path in root.rglob("*") if path.is_file()
    }
    assert not [path for path in root.rglob("*") if path.is_file() and "@name@" in path.read_text(encoding="utf-8")]
    return root


def crawled(root: Path, shop: Shop, *words: str) -> list[dict[str, Any]]:
    checked = command("check", "config/site.yaml", cwd=root, DEMO_URL=shop.url)
    assert checked.returncode == 0, checked.stderr
    done: Done = command("crawl", "config/site.yaml", "--quiet", *words, cwd=root, DEMO_URL=shop.url)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (root / "out" / "site.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("template", ["spider", "rules", "api", "login"])
def test_a_project_of_each_template_crawls_the_demo_shop(template: str, shop: Shop, tmp_path: Path) -> None:
    items = crawled(made(tmp_path, "--template", template), shop)
    products = MEMBER_PRODUCTS if template == "login" else ALL_PRODUCTS
    assert sorted(item["sku"] for item in items) == sorted(product.sku for product in products)


def test_a_site_is_looked_at_once_and_its_yaml_begins_with_what_was_seen(shop: Shop, tmp_path: Path) -> None:
    before = len(shop.log)
    root = made(tmp_path, "--url", f"{shop.url}/category/tea/")
    assert [record.path for record in list(shop.log)[before:]] == ["/robots.txt", "/category/tea/"]
    lines = (root / "config" / "site.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[1] == f"# What {shop.url}/category/tea/ was when scraper init looked at it:"
    assert lines[2].startswith("#   200, text/html, 2,904 bytes")
    assert "robots.txt allows it" in lines[3]
    items = crawled(root, shop, "--set", "politeness.delay=10ms")
    assert len(items) == 17
    assert items[0] == {
        "title": "Smoky Green Tea",
        "price": 9.87,
        "url": f"{shop.url}/product/smoky-green-tea/",
    }


def test_the_form_of_a_login_is_found_and_used(shop: Shop, tmp_path: Path) -> None:
    root = made(tmp_path, "--template", "login", "--url", f"{shop.url}/login")
    site = yaml.safe_load((root / "config" / "site.yaml").read_text(encoding="utf-8"))
    assert site["login"] == {
        "url": f"{shop.url}/login",
        "form": {"user": "${SITE_USER}", "password": "${SITE_PASSWORD}"},
    }
    words = ("--set", "limits.pages=3", "--set", "politeness.delay=10ms", "--quiet")
    done = command("crawl", "config/site.yaml", *words, cwd=root, SITE_USER="demo", SITE_PASSWORD="demo")
    assert done.returncode == 0, done.stderr
    assert any((record.method, record.path) == ("POST", "/login") for record in shop.log)


def test_the_records_of_an_api_are_found(shop: Shop, tmp_path: Path) -> None:
    root = made(tmp_path, "--template", "api", "--url", f"{shop.url}/api/products")
    items = crawled(root, shop, "--set", "politeness.delay=10ms")
    assert sorted(item["sku"] for item in items) == sorted(product.sku for product in ALL_PRODUCTS)
    site = yaml.safe_load((root / "config" / "site.yaml").read_text(encoding="utf-8"))
    assert site["rules"][0]["follow"] == [{"rel": "next"}]
    assert site["items"] == {"product": {"key": ["url"]}}
    # An API is told by what it answers.
    done = command("suggest", f"{shop.url}/api/products", "--set", "politeness.delay=10ms", cwd=tmp_path)
    assert yaml.safe_load(done.stdout)["rules"] == site["rules"]


@pytest.mark.parametrize("template", ["spider", "browser"])
def test_other_templates_begin_at_the_page_as_well(template: str, shop: Shop, tmp_path: Path) -> None:
    root = made(tmp_path, "--template", template, "--url", f"{shop.url}/category/tea/")
    site = yaml.safe_load((root / "config" / "site.yaml").read_text(encoding="utf-8"))
    assert site["start_urls"] == [f"{shop.url}/category/tea/"]
    if template == "spider":
        items = crawled(root, shop, "--set", "politeness.delay=10ms")
        assert len(items) == 17
        assert items[0] == {
            "title": "Smoky Green Tea",
            "price": "£9.87",
            "url": f"{shop.url}/product/smoky-green-tea/",
        }
    else:
        assert site["rules"][0]["each"] == ".product_pod"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "a folder is needed"),
        (["x", "--template", "other"], 2, "'spider', 'rules', 'api', 'login', 'browser'"),
        (["x", "--url", "nowhere"], 2, "write it whole"),
        (["x", "--set", "politeness.delay=1"], 2, "--url"),
        (["x", "--url", "SERVER/json"], 2, "nor JSON with records"),
        (["x", "--template", "api", "--url", "SERVER/page"], 2, "is not JSON"),
        (["x", "--template", "login", "--url", "SERVER/page"], 2, "no form with a password"),
        (["x", "--url", "SERVER/closed"], 1, "robots.txt does not allow"),
        (["x", "--url", "SERVER/missing"], 1, "answered 404"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_written(
    words: list[str], code: int, said: str, tmp_path: Path
) -> None:
    pages = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed\n"),
        "/page": "<h1>x</h1>",
        "/json": (200, {"Content-Type": "application/json"}, b"[]"),
    }
    with PageServer(pages) as server:
        done = command("init", *(word.replace("SERVER", server.url) for word in words), cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not list(tmp_path.iterdir())


def test_a_page_in_which_nothing_repeats_begins_with_its_title(tmp_path: Path) -> None:
    with PageServer({"/": "<title>Empty</title><div id=app></div><script src=/app.js></script>"}) as server:
        root = made(tmp_path, "--url", f"{server.url}/")
        words = ("--template", "spider", "--name", "bare", "--url", f"{server.url}/")
        assert command("init", "bare", *words, cwd=tmp_path).returncode == 0
        assert 'response.css_first("title")' in (tmp_path / "bare/spiders/bare.py").read_text(encoding="utf-8")
        text = (root / "config/site.yaml").read_text(encoding="utf-8")
        assert "Nothing was found in its markup" in text
        assert "`fetcher: browser`" in text
        done = command("crawl", "config/site.yaml", "--quiet", cwd=root)
    assert done.returncode == 0, done.stderr
    assert '"title":"Empty"' in (root / "out/site.jsonl").read_text(encoding="utf-8")


def test_nothing_is_written_where_one_file_of_all_is_in_the_way(tmp_path: Path) -> None:
    there = tmp_path / "my shop" / "Dockerfile"
    there.parent.mkdir()
    there.touch()
    done = command("init", "my shop", "--github", "--docker", cwd=tmp_path)
    assert (done.returncode, "overwritten: Dockerfile" in done.stderr) == (2, True), done.stderr
    assert list(there.parent.iterdir()) == [there]
    there.unlink()
    done = command("init", "my shop", "--github", "--docker", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\n  cd 'my shop'\n" in done.stderr
    assert "; git commit -m" in done.stderr


# Elsewhere --------------------------------------------------------------------------------------------


def test_the_workflow_is_one_and_its_steps_keep_the_store_and_commit_what_changed(shop: Shop, tmp_path: Path) -> None:
    root = made(tmp_path, "--url", f"{shop.url}/category/tea/", "--github")
    config = root / "config/site.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "politeness: {delay: 10ms}\n", encoding="utf-8")
    file = root / ".github/workflows/crawl-site.yml"
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    # YAML 1.1 reads `on` as true.
    assert workflow[True]["schedule"] == [{"cron": "17 5 * * *"}]
    assert workflow["permissions"] == {"contents": "write"}
    stores = [step["with"] for step in job["steps"] if "cache" in step.get("uses", "")]
    assert [store["path"] for store in stores] == [".scraper", ".scraper"]
    assert len({store["key"] for store in stores}) == 1
    check_schema(file)
    if shutil.which("git") is None:
        pytest.skip("no git")

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
        return done.stdout

    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "hub.git"], check=True)
    git("init", "-q", "-b", "main")
    git("remote", "add", "origin", str(tmp_path / "hub.git"))
    git("add", "--all")
    git("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "Begin")
    git("push", "-q", "-u", "origin", "main")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DEMO_URL": shop.url}
    for _ in range(2):
        # Twice: the second finds nothing new.
        for step in job["steps"]:
            if "run" in step and "pip install" not in step["run"]:
                done = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=root, env=environment, check=False)
                assert done.returncode == 0, step
    assert git("log", "--format=%s", "origin/main").splitlines() == ["Crawl site", "Begin"]
    assert git("ls-files", "out").split() == ["out/site.csv", "out/site.jsonl"]


def check_schema(workflow: Path) -> None:
    """What a published schema of workflows says of one, where it is installed."""
    try:
        import check_jsonschema  # noqa: F401
    except ImportError:
        return
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(workflow)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    root = made(tmp_path, "--template", "rules", "--systemd")
    units = sorted((root / "systemd").iterdir())
    assert [unit.name for unit in units] == ["scraper-site.service", "scraper-site.timer"]
    assert "OnCalendar=*-*-* 05:17:00 UTC" in units[1].read_text(encoding="utf-8")
    assert command("check", "config/site.yaml", cwd=root).returncode == 0
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    words = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_has_what_its_command_needs(tmp_path: Path) -> None:
    root = made(tmp_path, "--template", "browser", "--docker")
    lines = [
        line for line in (root / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
    ]
    words = {line.split()[0]: line for line in lines if line[0].isupper()}
    assert words["CMD"] == 'CMD ["crawl", "config/site.yaml"]'
    assert words["ENTRYPOINT"] == 'ENTRYPOINT ["scraper"]'
    assert words["USER"] == "USER crawler"
    assert '"persistent-scraper[browser]"' in words["RUN"] or any("[browser]" in line for line in lines)
    assert ".scraper" in (root / ".dockerignore").read_text(encoding="utf-8").split()


def test_a_project_that_is_there_gets_these_files_and_nothing_else(shop: Shop, tmp_path: Path) -> None:
    root = made(tmp_path, "--template", "rules")
    config = root / "config" / "site.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "schedule: {every: 6h}\n", encoding="utf-8")
    done = command("init", "--github", cwd=root)
    assert (done.returncode, "not a cron in UTC" in done.stderr) == (2, True)
    text = config.read_text(encoding="utf-8").replace("every: 6h", 'cron: "5 4 * * *", timezone: UTC')
    config.write_text(text, encoding="utf-8")
    done = command("init", "--github", "--docker", "--systemd", cwd=root)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == [
        ".dockerignore",
        ".github/workflows/crawl-site.yml",
        "Dockerfile",
        "systemd/scraper-site.service",
        "systemd/scraper-site.timer",
    ]
    assert 'cron: "5 4 * * *"' in (root / ".github/workflows/crawl-site.yml").read_text(encoding="utf-8")
    again = command("init", "--docker", cwd=root)
    assert (again.returncode, "would be overwritten" in again.stderr) == (2, True)
