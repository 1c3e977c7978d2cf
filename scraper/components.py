"""Import and make what a configuration names: spider, pipelines, Session classes, auth; choose the fetcher."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from scraper import hiding, optional_dependencies
from scraper.config import Loaded, SiteConfig
from scraper.config.model.start import SPOOLED, STDIN, StartFile
from scraper.config.yaml.tree import path_text
from scraper.errors import ConfigError, Problem, UsageError
from scraper.fetch.base import Fetcher
from scraper.fetch.domain_session import SessionFactory
from scraper.fetch.http import HttpFetcher
from scraper.fetch.origins import Origins, auth_of, signer_of
from scraper.pipelines.files import rules_of
from scraper.pipelines.running import Pipelines, made
from scraper.private_files import is_read_by_others
from scraper.project import load_object
from scraper.request import Request
from scraper.spider import Spider, unread_names
from scraper.start_rows import StartRows

if TYPE_CHECKING:
    from scraper.config.model.pipelines import PipelineConfig
    from scraper.pipelines.models import ItemCheck

T = TypeVar("T")

#: What can fetch for a crawl, by name.
FETCHERS: dict[str, Callable[[SiteConfig, Origins], Fetcher]] = {
    "http": lambda config, origins: HttpFetcher(origins, config.limits.body, lambda: _browsing(config, origins)),
    "browser": lambda config, origins: _browsing(config, origins),
}


def _browsing(config: SiteConfig, origins: Origins) -> Fetcher:
    from scraper.fetch.browsing import BrowsingFetcher

    if not config.rules:
        return BrowsingFetcher(config, origins)
    from scraper.rules.lacking import lacking_of

    return BrowsingFetcher(config, origins, lacking_of(config.rules))


def fetcher_of(config: SiteConfig, origins: Origins, name: str = "http") -> Fetcher:
    """Make the fetcher of that name."""
    return FETCHERS[name](config, origins)


class Components:
    """Holds what a configuration names by reference: spider, pipelines, Session classes, auth.

    Raises:
        ConfigError: something cannot be imported or made; all that is wrong, at once.
    """

    def __init__(self, loaded: Loaded, spider: type[Spider] | None = None) -> None:
        # Each process of a crawl makes these first.
        hiding.remember(loaded.secrets)
        self._loaded = loaded
        self._problems: list[Problem] = []
        config = loaded.config
        self._own_spider: Spider | None = None
        #: What is worth a warning before the crawl begins.
        self.notes: list[str] = []
        #: The rules that were for a page, by number, each once, until somebody takes them from here.
        self.matched_rules: list[int] = []
        #: For each page whose JSON-LD rules could not read an empty text, for the first an example besides; likewise.
        self.unread_json_ld: list[str] = []
        made = self._spider(spider)
        functions = [
            self._try(f"pipelines[{place}]", partial(self._pipeline, pipeline))
            for place, pipeline in enumerate(config.pipelines)
        ]
        if config.rules:
            from scraper.rules.spider import drop_incomplete

            functions.insert(0, drop_incomplete)
        made_pipelines = self._try("pipelines", lambda: Pipelines([f for f in functions if f is not None]))
        if made_pipelines is not None:
            self._try("pipelines", partial(rules_of, made_pipelines.files))
        self.models = self._models(config)
        self._session_classes = self._import_session_classes(config)
        importing = partial(load_object, root=loaded.root)
        auths = {
            name: self._try(f"origins.{name}.auth", partial(auth_of, name, origin.auth, importing))
            for name, origin in config.origins.items()
        }
        identity = config.identity
        signer = self._try("identity.key", lambda: signer_of(identity.key, identity.agent, loaded.resolve))
        if identity.key is not None and is_read_by_others(loaded.resolve(identity.key)):
            self.notes.append(f"others may read the key {identity.key}: chmod 600 {identity.key}")
        if self._problems or made is None or made_pipelines is None:
            raise ConfigError(self._problems)
        self.spider: Spider = made
        self.pipelines: Pipelines = made_pipelines
        hosts = config.hosts_of_scope(map(_url_of, made.start_urls))
        self.origins = Origins(config.origins, auths, hosts, signer, config.identity.from_)

    @property
    def loaded(self) -> Loaded:
        """Return the configuration."""
        return self._loaded

    @property
    def root(self) -> Path:
        """Return where relative paths start."""
        return self._loaded.resolve("")

    @property
    def source(self) -> bytes | None:
        """Return a digest of what makes items of a body: source of spider and pipelines, settings they see.

        None where a source cannot be read, so that nothing is taken for unchanged that may not be; and where what one
        page gives depends on others.
        """
        if self.pipelines.is_unique:
            return None
        config = self._loaded.config
        digest = self._digest_of(self.spider_modules | self.pipeline_modules)
        if digest is None:
            return None
        seen = [type(self.spider).__qualname__, config.args, config.pipelines, config.user_agent]
        settings = [config.session.headers, config.model_dump(mode="json", include={"items", "rules"})]
        digest.update(json.dumps([*seen, *settings], sort_keys=True, default=str).encode())
        encodings = {name: each.pages.encoding for name, each in config.domains.items() if each.pages.encoding}
        if config.pages.encoding or encodings:
            digest.update(json.dumps([config.pages.encoding, encodings], sort_keys=True).encode())
        nofollow = {name: sorted(each.politeness.nofollow.obeyed) for name, each in config.domains.items()}
        if len(config.politeness.nofollow.obeyed) < 2 or any(len(obeyed) < 2 for obeyed in nofollow.values()):
            # What a page left out is not known to lead anywhere.
            digest.update(json.dumps([sorted(config.politeness.nofollow.obeyed), nofollow], sort_keys=True).encode())
        if config.login is not None:
            # What was fetched logged out, or as another user of other fields, does not belong to this crawl.
            digest.update(json.dumps([config.login.url, sorted(config.login.form)]).encode())
        return digest.digest()

    @property
    def spider_modules(self) -> set[str]:
        """Return the names of the modules of which the spider is made."""
        kinds = type(self._own_spider).__mro__
        return {kind.__module__ for kind in kinds if not kind.__module__.startswith(("scraper.", "builtins"))}

    @property
    def pipeline_modules(self) -> set[str]:
        """Return the names of the modules of the pipelines, and of the classes that items are checked by."""
        checks = (check.kind for check in self.models.values() if check.kind is not None)
        return self.pipelines.modules | {kind.__module__ for kind in checks}

    def digest_of(self, modules: Iterable[str]) -> str:
        """Return a digest of the sources of these modules; empty where one cannot be read."""
        digest = self._digest_of(modules)
        return "" if digest is None else digest.hexdigest()

    def _digest_of(self, modules: Iterable[str]) -> blake2b | None:
        digest = blake2b(digest_size=16)
        for name in sorted(modules):
            file = getattr(sys.modules.get(name), "__file__", None)
            try:
                digest.update(Path(file).read_bytes() if file else b"")
            except OSError:
                return None
            if not file:
                return None
        return digest

    def require_fetcher(self) -> None:
        """Raise UsageError where what the configuration fetches by is not installed; kept pages need none of it."""
        config = self._loaded.config
        if self._loaded.is_cached:
            return
        if any(url.startswith("socks") for url in config.proxy_urls()):
            optional_dependencies.require("socks", "socks", "a SOCKS proxy")
        if config.uses_browser():
            from scraper.fetch.browser.executable import require_browser

            require_browser(config.browser)

    def make_fetcher(self) -> Fetcher:
        """Make what fetches for a crawl; where it is to, it keeps what goes over the wire, or what is answered.

        Raises:
            UsageError: what it fetches by is not installed.
        """
        self.require_fetcher()
        config = self._loaded.config
        fetcher = fetcher_of(config, self.origins, "browser" if config.uses_browser() else "http")
        if config.archive is not None:
            from scraper.fetch.archive import ArchivingFetcher, RecordMaker

            fetcher = ArchivingFetcher(fetcher, RecordMaker(config))
        if config.revisit.keep_bodies:
            from scraper.fetch.keeping import KeepingFetcher

            fetcher = KeepingFetcher(fetcher)
        if config.start_file is not None and config.start_file.column is not None:
            from scraper.fetch.sharing import SharingFetcher

            fetcher = SharingFetcher(fetcher, config.urls)
        return fetcher

    def make_session(self, reference: str) -> requests.Session:
        """Make a Session of the class that a `session.class` names."""
        return self._session_classes[reference]()

    def _pipeline(self, config: PipelineConfig) -> Any:
        """Import a function, or make an object of a class from what the configuration gives it."""
        return made(load_object(config.use, self._loaded.root), config.keywords)

    def _models(self, config: SiteConfig) -> dict[str, ItemCheck]:
        """Return, by type of item, the check of such items."""
        found = {}
        for name, item in config.items.items():
            if item.model is not None or item.fields or item.required:
                key = path_text(("items", name, "model"))
                from scraper.pipelines.models import ItemCheck

                check = self._try(key, partial(ItemCheck, item, partial(load_object, root=self._loaded.root)))
                if check is not None:
                    found[name] = check
        return found

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
        places = (key, f"{key}.use", key.partition("[")[0])
        source = next((found for place in places if (found := self._loaded.sources.get(place)) is not None), None)
        where = str(self._loaded.path) if self._loaded.path is not None else "crawl()"
        if source is not None and source.line is not None:
            self._problems.append(source.problem(key, text))
        else:
            self._problems.append(Problem(where, None, None, key, text))

    def _spider(self, given: type[Spider] | None) -> Spider | None:
        """Make the spider, with the rules around it; None where something is wrong with it."""
        config = self._loaded.config
        reference = config.spider
        made, file = None, config.start_file
        starts = self._starts() if file is None else self._rows(file)
        if given is not None or reference is not None:
            kind = given or self._try("spider", lambda: self._spider_class(str(reference)))
            made = self._try("args", lambda: kind.build(config.args, starts)) if kind else None
            if kind is None or made is None:
                return None
            self.notes += unread_names(kind, config.args)
            if (self._loaded.root / "scraper.py").is_file():
                self.notes.append(
                    "scraper.py has the name of this package, so that `import scraper` of a Python started beside it "
                    "finds that file: rename it"
                )
            if not (config.own_hosts() or file) and kind.start is Spider.start and not kind.start_urls:
                remedy = "rename start_requests to start" if hasattr(kind, "start_requests") else "name a first URL"
                self._note("start_urls", f"there are none, and {kind.__name__} has no start(): {remedy}")
        elif not (config.own_hosts() or file):
            self._note("start_urls", "there are none, and rules begin nowhere by themselves: name a first URL")
        self._own_spider = made
        if not config.rules:
            return made
        from scraper.rules.spider import RulesSpider

        spider = RulesSpider(config.rules, made, starts)
        self.matched_rules, self.unread_json_ld = spider.matched, spider.unread
        return spider

    def _starts(self) -> list[str | Request]:
        """Return where the crawl begins: URLs, and requests that are not plain GETs."""
        config = self._loaded.config
        found: list[str | Request] = list(config.start_urls) if isinstance(config.start_urls, tuple) else []
        for given in config.start_requests:
            found.append(
                Request(
                    given.url,
                    method=given.method or ("POST" if given.has_body else "GET"),
                    headers=given.headers,
                    data=given.data,
                    json=given.json_,
                    retry_unsafe=given.retry_unsafe,
                )
            )
        return found

    def _rows(self, file: StartFile) -> StartRows:
        """Return the rows of the file of start URLs, after a look at its head."""
        # Standard input is read when the crawl begins.
        is_piped = file.file == STDIN or file.file.endswith(SPOOLED)
        name = "standard input" if is_piped else ""
        rows = StartRows(self._loaded.resolve(file.file), file.column, name)
        if not is_piped and (wrong := rows.why_unreadable(file.fields)) is not None:
            self._note(*wrong)
        return rows

    def _spider_class(self, reference: str) -> type[Spider]:
        found = load_object(reference, self._loaded.root)
        if not (isinstance(found, type) and issubclass(found, Spider)):
            raise UsageError(f"{reference} is not a Spider", remedy="derive the class from scraper.Spider")
        return found

    def _session_class(self, reference: str) -> SessionFactory:
        if ":" not in reference:
            module, _, name = reference.rpartition(".")
            reference = f"{module}:{name}"
        found = load_object(reference, self._loaded.root)
        if not (isinstance(found, type) and issubclass(found, requests.Session)):
            raise UsageError(f"{reference} is not a requests.Session", remedy="name a subclass of requests.Session")
        if found is not requests.Session and not self._loaded.config.network.allow_unobserved:
            _require_observable(reference, found)
        return found


def _url_of(start: str | Request) -> str:
    return start.url if isinstance(start, Request) else start


def _require_observable(reference: str, kind: SessionFactory) -> None:
    """Refuse a class whose Sessions open connections unseen; what raises here raises again where it is told of."""
    from scraper.fetch.transport.adapter import UNOBSERVED_REMEDY, unobservable

    found = []
    with contextlib.suppress(Exception), kind() as session:
        found = unobservable(session)
    if found:
        raise UsageError(
            f"connections of {reference} cannot be observed: {', '.join(found)}", remedy=UNOBSERVED_REMEDY
        )
