"""What a configuration names by reference, imported and made: spider, pipelines, Session classes, auth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import requests

from scraper.config import Loaded, SiteConfig
from scraper.errors import ConfigError, Problem, UsageError
from scraper.fetch.domain_session import SessionFactory
from scraper.fetch.fetcher import Origins, auth_of
from scraper.pipelines import Pipelines
from scraper.project import load_object
from scraper.spider import Spider

T = TypeVar("T")


class Parts:
    """What a configuration names by reference, imported: spider, pipelines, Session class.

    Raises:
        ConfigError: something cannot be imported or made; all that is wrong, at once.
    """

    def __init__(self, loaded: Loaded, spider: type[Spider] | None = None) -> None:
        self._loaded = loaded
        self._problems: list[Problem] = []
        config = loaded.config
        kind = spider or self._try("spider", lambda: self._spider_class(config.spider))
        made = None
        if kind is not None:
            made = self._try("args", lambda: kind.build(config.args, config.start_urls))
            if not config.start_urls and kind.start is Spider.start and not kind.start_urls:
                self._note("start_urls", f"there are none, and {kind.__name__} has no start(): name a first URL")
        functions = [
            self._try(f"pipelines[{place}]", partial(load_object, reference, loaded.root))
            for place, reference in enumerate(config.pipelines)
        ]
        made_pipelines = self._try("pipelines", lambda: Pipelines([f for f in functions if f is not None]))
        self._session_classes = self._import_session_classes(config)
        importing = partial(load_object, root=loaded.root)
        auths = {
            name: self._try(f"origins.{name}.auth", partial(auth_of, name, origin.auth, importing))
            for name, origin in config.origins.items()
        }
        if self._problems or made is None or made_pipelines is None:
            raise ConfigError(self._problems)
        self.spider: Spider = made
        self.pipelines: Pipelines = made_pipelines
        self.origins = Origins(config.origins, auths)

    def make_session(self, reference: str) -> requests.Session:
        """A Session of the class that a `session.class` names."""
        return self._session_classes[reference]()

    def _import_session_classes(self, config: SiteConfig) -> dict[str, SessionFactory]:
        places = {"session.class": config.session.class_}
        places |= {f"domains.{name}.session.class": kept.session.class_ for name, kept in config.domains.items()}
        found = {}
        for key, reference in places.items():
            if reference not in found:
                kind = self._try(key, partial(self._session_class, reference))
                found[reference] = kind or requests.Session
        return found

    def _try(self, key: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except UsageError as error:
            self._note(key, str(error))
            return None

    def _note(self, key: str, text: str) -> None:
        source = self._loaded.sources.get(key) or self._loaded.sources.get(key.partition("[")[0])
        where = str(self._loaded.path) if self._loaded.path is not None else "crawl()"
        if source is not None and source.line is not None:
            self._problems.append(source.problem(key, text))
        else:
            self._problems.append(Problem(where, None, None, key, text))

    def _spider_class(self, reference: str) -> type[Spider]:
        found = load_object(reference, self._loaded.root)
        if not (isinstance(found, type) and issubclass(found, Spider)):
            raise UsageError(f"{reference} is no Spider", remedy="derive the class from scraper.Spider")
        return found

    def _session_class(self, reference: str) -> SessionFactory:
        if ":" not in reference:
            module, _, name = reference.rpartition(".")
            reference = f"{module}:{name}"
        found = load_object(reference, self._loaded.root)
        if not (isinstance(found, type) and issubclass(found, requests.Session)):
            raise UsageError(f"{reference} is no requests.Session", remedy="name a subclass of requests.Session")
        return found
