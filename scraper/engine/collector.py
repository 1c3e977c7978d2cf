"""Collecting what one call into the spider yields: the same for a crawl and for a recorded page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scraper import items
from scraper.engine.blame import spider_failed
from scraper.errors import DropItem, ItemError, NotHtml, PageSkipped, Retry, ScraperError, StopCrawl
from scraper.media import content_type_of
from scraper.pipelines.running import Pipelines
from scraper.request import Request
from scraper.response import Response
from scraper.spider import Spider, checked, given_by, resolve

if TYPE_CHECKING:
    from scraper.pipelines.models import FieldProblem, ItemCheck


class Collector:
    """Takes results one by one; an item goes through pipelines and model, in this order.

    Args:
        models: what items have to be, by type.
        response: the page, if there is one.
    """

    def __init__(self, pipelines: Pipelines, models: Mapping[str, ItemCheck], response: Response | None) -> None:
        self._pipelines = pipelines
        self._models = models
        self._response = response
        #: The last call returned None instead of yielding.
        self.returned_none = False
        #: It gave something: who then looks at the page as if it were HTML makes a mistake.
        self.has_results = False
        #: The spider, what its method gave, and the method.
        self.called: tuple[Spider, object, Any] | None = None

    def call(self, spider: Spider, method: str | None, argument: Any) -> None:
        """Call a method of the spider and take in all that it yields.

        Raises:
            SpiderFailed: the method or a pipeline raised.
            StopCrawl, Retry: the spider said so; what came before is taken in.
        """
        request, add = self.request, self.add
        given: object = None
        callback: Any = None
        try:
            callback = resolve(spider, method)
            given = callback(argument)
            self.returned_none = given is None
            self.called = spider, given, callback
            for result in given_by(given):
                if isinstance(result, Request):
                    request(result)
                elif result is not None:
                    add(checked(result))
                self.has_results = True
        except DropItem as drop:
            self.dropped(drop, None, ())
        except PageSkipped as skip:
            self.skipped(skip.message)
        except (StopCrawl, Retry, KeyboardInterrupt):
            raise
        except BaseException as error:
            # sys.exit() or a cancelled task in a callback is a mistake of that page, not the end of the crawl.
            if isinstance(error, NotHtml) and self._is_beyond_reading():
                self.not_html(method or "parse", error)
            else:
                raise spider_failed(error, method or "parse", given, callback) from error

    def _is_beyond_reading(self) -> bool:
        """Tell whether a page that was taken for HTML is to be skipped: a PDF, an image, any that gave nothing yet.

        Who has made something of JSON or another text, and then looks for elements in it, has made a mistake.
        """
        page = self._response
        if page is None or page.is_html:
            return False
        kind = content_type_of(page.headers.get("Content-Type") or "").essence
        return not (self.has_results and (kind.startswith("text/") or "json" in kind or "xml" in kind))

    def add(self, result: Any) -> None:
        """Take in a request or an item."""
        if isinstance(result, Request):
            self.request(result)
            return
        failed = tuple(result.problems) if isinstance(result, items.NamedItem) else ()
        try:
            item = self._pipelines.process(result, self._response)
        except DropItem as drop:
            self.dropped(drop, result, failed)
            return
        except ItemError as error:
            self.failed(error, result)
            return
        kind, data = items.record_of(item)
        data = self.completed(data)
        if misnamed := items.misnamed(kind, data):
            from scraper.pipelines.models import FieldProblem  # hardly ever

            self.quarantined(kind, data, [FieldProblem(*each) for each in misnamed], failed)
            return
        check = self._models.get(kind)
        if check is not None:
            data, problems = check.check(item, data, self._response)
            if problems:
                self.quarantined(kind, data, problems, failed)
                return
        self.item(kind, data, failed)

    def completed(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return an item's record with what it has beside what its page gave."""
        return data

    # What becomes of each --------------------------------------------------------------------------------

    def request(self, request: Request) -> None:
        """Take in a request."""
        raise NotImplementedError

    def item(self, kind: str, data: dict[str, Any], failed: tuple[str, ...]) -> None:
        """Take in an item; `failed` names the fields of rules that made no sense."""
        raise NotImplementedError

    def quarantined(
        self, kind: str, data: dict[str, Any], problems: list[FieldProblem], failed: tuple[str, ...]
    ) -> None:
        """Take in an item that its model refused."""
        raise NotImplementedError

    def dropped(self, drop: DropItem, given: Any, failed: tuple[str, ...]) -> None:
        """Note an item that was dropped; `given` is None where a callback itself raised DropItem."""
        raise NotImplementedError

    def failed(self, error: ItemError, given: Any) -> None:
        """Note an item that a pipeline raised for, and keep the others of its page; here it fails the page."""
        raise error

    def skipped(self, reason: str) -> None:
        """Note a page of which its rules or its callback made nothing, since they cannot read it."""
        raise NotImplementedError

    def not_html(self, method: str, error: ScraperError) -> None:
        """Note a page that is not HTML, and that a callback looked at as if it were."""
        self.skipped("not-html")
