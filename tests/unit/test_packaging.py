"""What is released and where it is tested: the files for that fit each other."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.proofs import package

ROOT = Path(__file__).parents[2]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_changelog_has_the_version_and_names_none_twice() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert versions[:2] == ["Unreleased", project()["project"]["version"]]
    assert len(versions) == len(set(versions))


def test_ci_runs_everything_on_linux_and_the_unit_tests_elsewhere() -> None:
    file = ROOT / ".ci" / "github-workflow.yml"
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    assert {"run": ".ci/run"} in jobs["everything"]["steps"]
    assert jobs["unit"]["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]
    assert any("tests/unit" in step.get("run", "") for step in jobs["unit"]["steps"])
    tried = jobs["package"]["strategy"]["matrix"]["python"]
    promised = [one.rpartition(" ")[2] for one in project()["project"]["classifiers"] if ":: 3." in one]
    assert tried == promised


def test_workflows_are_what_their_schema_says() -> None:
    pytest.importorskip("check_jsonschema")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*words, ".ci/github-workflow.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_installs_extras_that_there_are() -> None:
    text = (ROOT / ".ci" / "Dockerfile").read_text(encoding="utf-8")
    extras = set(project()["project"]["optional-dependencies"])
    named = re.findall(r"\[([\w,]+)\]\"", text)
    assert named
    assert all(set(one.split(",")) <= extras for one in named)


def test_the_proof_of_the_package_tries_every_extra() -> None:
    tried = {*package.NEEDING, *package.BY_COMMAND, *package.BY_PYTHON}
    assert tried == set(project()["project"]["optional-dependencies"])
