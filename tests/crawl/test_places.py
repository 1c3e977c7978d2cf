"""Where a crawl's store and output lie: one rule, and a store that another root put elsewhere is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import load
from tests.crawl.commands import command
from tests.servers.keepalive import PageServer

YAML = """start_urls: [{url}/]
network: {{allow_private: true}}
politeness: {{delay: 0, robots: ignore}}
rules: [{{match: "*", fields: {{title: h1}}}}]
"""


def written(folder: Path, server: PageServer) -> Path:
    (folder / "config").mkdir(parents=True)
    site = folder / "config" / "site.yaml"
    site.write_text(YAML.format(url=server.url), encoding="utf-8")
    return site


@pytest.mark.parametrize(
    ("before", "after"), [("pyproject.toml", "config/spiders"), ("", "spiders"), ("spiders", "config/pyproject.toml")]
)
def test_a_new_folder_beside_the_yaml_leaves_the_history_where_it_is(before: str, after: str, tmp_path: Path) -> None:
    with PageServer({"/": "<h1>one"}) as server:
        site = written(tmp_path, server)
        if before:
            (tmp_path / before).mkdir()
        if before.endswith(".toml"):
            (tmp_path / before).rmdir()
            (tmp_path / before).touch()
        first = command("crawl", site, cwd=tmp_path)
        (root,) = {path.parent.parent for path in tmp_path.rglob("site.db")}
        if after.endswith(".toml"):
            (tmp_path / after).touch()
        else:
            (tmp_path / after).mkdir()
        second = command("crawl", site, cwd=tmp_path)
        checked = command("check", site, cwd=tmp_path)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "site, run 2, finished" in second.stderr
    assert "is used" not in first.stderr
    assert f"the store {root}/.scraper/site.db is used" in second.stderr
    assert [path.parent for path in tmp_path.rglob("site.jsonl")] == [root / "out"]
    assert f"store: {root}/.scraper/site.db" in checked.stderr
    assert f"export: {root}/out/site.jsonl" in checked.stderr
    assert f"the store {root}/.scraper/site.db is used" in checked.stderr


def test_a_tilde_is_the_home_of_who_crawls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    site = tmp_path / "site.yaml"
    site.write_text(
        "start_urls: [https://example.com/]\nrules: [{match: '*', fields: {title: h1}}]\n"
        "store: ~/crawls/a.db\nexports: [~/out/a.jsonl, {path: ~/out/b.csv}]\narchive: ~/a.warc.gz\n"
        "session: {verify: ~/ca.pem}\npipelines: [{use: scraper.pipes:Files, field: f, folder: ~/files}]\n",
        encoding="utf-8",
    )
    loaded = load(site)
    home = tmp_path / "home"
    assert loaded.store.path == home / "crawls" / "a.db"
    assert [loaded.resolve(each.path) for each in loaded.config.exports] == [home / "out/a.jsonl", home / "out/b.csv"]
    assert loaded.config.archive == str(home / "a.warc.gz")
    assert loaded.config.session.verify == str(home / "ca.pem")
