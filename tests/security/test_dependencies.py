"""What is delivered and what it rests on: all of it is meant, and listed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_dependency_is_in_the_list_of_security_md() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    table = (ROOT / "SECURITY.md").read_text().partition("## What it rests on")[2]
    listed = {name for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in row.split(", ")}
    assert {re.split(r"[^\w.-]", each)[0] for each in needed} == listed - {"package"}


def test_every_dependency_has_a_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for some in project["optional-dependencies"].values() for each in some]
    for each in [*project["dependencies"], *extras]:
        assert ">=" in each, each


def test_the_wheel_has_no_file_that_is_not_meant(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        modes = {info.filename: info.external_attr >> 16 & 0o7022 for info in archive.infolist()}
    tracked = {path.relative_to(ROOT).as_posix() for path in (ROOT / "scraper").rglob("*") if path.is_file()}
    meant = re.compile(r"scraper/(?:[a-z_0-9]+/)*(?:[a-z_0-9]+\.py|py\.typed|templates/[\w.]+\.txt|assets/[\w.]+)")
    beside = [name for name in names if ".data/" in name]
    assert [name.partition(".data/")[2] for name in beside] == ["data/share/man/man1/scraper.1"]
    ours = [name for name in names if ".dist-info/" not in name and name not in beside]
    assert [name for name in ours if not meant.fullmatch(name)] == []
    assert set(ours) <= tracked
    about = {name.rpartition(".dist-info/")[2] for name in names} - {*ours, *beside}
    assert about <= {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/scraper/report/assets/uPlot.LICENSE",
    }
    assert [name for name, mode in modes.items() if mode] == [], (
        "nobody else may write, and nothing runs as its owner"
    )
