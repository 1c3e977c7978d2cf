"""Which task carries out which kind of job: a row a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.domain import Prerequisite
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.base import JobTask, RequestTask
from scraper.engine.tasks.check import CheckTask
from scraper.engine.tasks.downloads import Downloads
from scraper.engine.tasks.item_file import FileTask
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.page import PageTask
from scraper.engine.tasks.robots import RobotsTask
from scraper.engine.tasks.sender import Sender
from scraper.engine.tasks.sitemap import SitemapTask
from scraper.engine.tasks.sitemap_cache import SitemapCache
from scraper.lazy_dataclass import dataclass
from scraper.store.tables import Kind

if TYPE_CHECKING:
    from scraper.engine.tasks.uses import Uses


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of a shard.

    Attributes:
        requests: by the kind of a queued request.
        all: those, and what has to come before a domain's requests.
    """

    requests: Mapping[Kind, RequestTask]
    all: Mapping[Kind | Prerequisite, JobTask]


def tasks_of(
    sender: Sender,
    admission: Admission,
    revisit: Revisit,
    sitemap_cache: SitemapCache,
    downloads: Downloads,
    robots: RobotsTask,
    uses: Uses | None = None,
) -> Tasks:
    """Make the task of each kind."""
    login = LoginTask(sender)
    common = sender, login, admission
    requests: dict[Kind, RequestTask] = {
        Kind.PAGE: PageTask(*common, revisit, uses),
        Kind.SITEMAP: SitemapTask(*common, sitemap_cache),
        Kind.CHECK: CheckTask(*common, revisit),
        Kind.FILE: FileTask(*common, downloads, uses),
    }
    jobs: dict[Kind | Prerequisite, JobTask] = {Prerequisite.ROBOTS: robots, Prerequisite.LOGIN: login}
    jobs.update(requests.items())
    return Tasks(requests, jobs)
