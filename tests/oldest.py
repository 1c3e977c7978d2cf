"""Prints the oldest versions that pyproject.toml allows, as constraints for pip."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def oldest(project: dict[str, object]) -> list[str]:
    """`name==version` for each dependency with a lower bound that applies to this system."""
    pins = []
    for requirement in project["dependencies"]:  # type: ignore[attr-defined]
        if "sys_platform == 'win32'" in requirement and sys.platform != "win32":
            continue
        match = re.match(r"([\w.-]+)(?:\[[^\]]*\])?>=([\w.]+)", requirement)
        if match is None:
            raise SystemExit(f"{requirement} has no lower bound")
        pins.append(f"{match[1]}=={match[2]}")
    return pins


if __name__ == "__main__":
    pyproject = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))
    print("\n".join(oldest(pyproject["project"])))
