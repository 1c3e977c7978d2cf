"""What a crawl and the process that is connected to Ray say to each other, and what a worker is sent."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.config import Loaded
from scraper.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to a cluster, and send it a project.

    Attributes:
        address: as `engine.address` has it.
        project: the folder that each worker is to have as its own.
        excludes: patterns, as .gitignore has them, of what stays here.
    """

    address: str
    project: str
    excludes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """It is, and this is what the cluster has."""

    nodes: int
    cores: int


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is sent, past Ray's own logs, which show what a runtime environment holds.

    Attributes:
        environ: the variables that the configuration names, and those by which the store is reached.
    """

    loaded: Loaded
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Have so many workers do a job (None: as many as there is room for), each with so many cores."""

    job: Job
    workers: int | None
    cores: int


@dataclass(frozen=True, slots=True)
class Said:
    """A worker said something worth a line of the log; `who` is it: its host and process."""

    who: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """One of so many workers is gone, and another is started in its place."""

    who: str
    why: str
    workers: int
