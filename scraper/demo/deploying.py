"""`scraper init --github`, `--docker` and `--systemd`: the files by which a crawl runs elsewhere on its own."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from scraper.config import Loaded
from scraper.demo.scaffold import filled, template_text
from scraper.errors import UsageError
from scraper.schedule import systemd
from scraper.schedule.sites import site_of

#: When a crawl without a schedule is run by a workflow.
DEFAULT_CRON = "17 5 * * *"
_EXTRAS_OF_EXPORTS = {".parquet": "parquet", ".xlsx": "excel", ".zst": "zstd"}


def github(loaded: Loaded, root: Path) -> dict[str, str]:
    """Return a workflow of GitHub Actions, by its path, that runs a crawl on a schedule.

    Raises:
        UsageError: its schedule is not a cron, or is in another time zone than the workflow's, UTC.
    """
    schedule = loaded.config.schedule
    cron = DEFAULT_CRON
    if schedule is not None:
        if schedule.cron is None or schedule.timezone not in ("UTC", "Etc/UTC"):
            raise UsageError(
                f"the schedule of {loaded.config.name} is not a cron in UTC, which is all that GitHub Actions knows",
                remedy='write schedule: {cron: "17 5 * * *", timezone: UTC}',
            )
        cron = schedule.cron
    parts = {**_parts(loaded, root), "cron": cron}
    return {_workflow(loaded.config.name): filled(template_text("github.yml.txt"), parts)}


def docker(loaded: Loaded, root: Path) -> dict[str, str]:
    """Return a Dockerfile whose image runs a crawl, and what is kept out of the image."""
    return {
        "Dockerfile": filled(template_text("Dockerfile.txt"), _parts(loaded, root)),
        ".dockerignore": template_text("dockerignore.txt"),
    }


def systemd_units(loaded: Loaded) -> dict[str, str]:
    """Return a service and a timer for a crawl.

    Raises:
        UsageError: it has no schedule, or one that a timer cannot say.
    """
    site = site_of(loaded)
    if site is None:
        raise UsageError(
            f"{loaded.config.name} has no schedule, by which a timer knows when to run it",
            remedy='write schedule: {cron: "17 5 * * *"} into its YAML',
        )
    return {f"systemd/{name}": text for name, text in systemd.units(site).items()}


def paths_of(name: str, *, workflow: bool, image: bool, units: bool) -> list[str]:
    """Return where the files of a project's first crawl will be, before there is one."""
    paths = [_workflow(name)] if workflow else []
    paths += ["Dockerfile", ".dockerignore"] if image else []
    return paths + ([f"systemd/{systemd.unit_of(name)}.{kind}" for kind in ("service", "timer")] if units else [])


def _workflow(name: str) -> str:
    return f".github/workflows/crawl-{name}.yml"


def of_each(sites: Iterable[Loaded], root: Path, *, workflow: bool, image: bool, units: bool) -> dict[str, str]:
    """Return the files for crawls of a project by their paths; an image is of the first crawl."""
    contents: dict[str, str] = {}
    for number, loaded in enumerate(sites):
        if workflow:
            contents.update(github(loaded, root))
        if image and number == 0:
            contents.update(docker(loaded, root))
        if units:
            contents.update(systemd_units(loaded))
    return contents


def _parts(loaded: Loaded, root: Path) -> dict[str, str]:
    assert loaded.path is not None
    config = loaded.config
    extras = {"browser"} if config.fetcher != "http" else set()
    extras |= {
        extra
        for export in config.exports
        for ending, extra in _EXTRAS_OF_EXPORTS.items()
        if str(export.path).endswith(ending)
    }
    path = loaded.path.relative_to(root.resolve()).as_posix()
    return {
        "name": config.name,
        "yaml": path if shlex.quote(path) == path else shlex.quote(path)[1:-1],
        "extras": f"[{','.join(sorted(extras))}]" if extras else "",
        "image": f"crawl-{config.name.lower().replace('_', '-')}",
    }
