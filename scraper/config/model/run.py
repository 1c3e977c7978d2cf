"""What a run works with, where it ends and when it is a good one."""

from pydantic import Field

from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds, texts
from scraper.config.types.kinds import Bytes, Count, CountOrZero, Flag, Limit, Seconds, SecondsOrZero, Text

#: What ends a crawl that nothing else does; null lifts either.
DEEPEST, MOST_PAGES = 10_000, 10_000_000


class DomainLimits(Frozen):
    """How much one domain may have of a run. A limit that is null does not hold."""

    bytes: kinds.OptionalBytes = Field(
        None,
        description="After how many bytes of bodies, as they came over the wire, nothing more of a domain is fetched "
        "in a run: 1GB, or bytes; what is under way is cut, and refused as byte-limit like the rest.",
    )
    files: Limit = Field(None, description="How many files of a domain a run stores.")


class Limits(Frozen):
    """Where a crawl ends. A limit that is null does not hold."""

    depth: Limit = Field(DEEPEST, description="How many links away from a start URL a page may lie; null: any.")
    pages: Limit = Field(MOST_PAGES, description="How many pages are done in a run, exactly; null: any.")
    items: Limit = Field(None, description="After how many items a run ends; the last page's items are all kept.")
    bytes: kinds.OptionalBytes = Field(
        None, description="After how many bytes of bodies, as they came over the wire, a run ends: 10GB, or bytes."
    )
    files: Limit = Field(
        None, description="How many files of items a run stores; the items of others are kept without them."
    )
    per_domain: DomainLimits = Field(
        DomainLimits.model_construct(), description="How much each domain may have, so that none takes all of it."
    )
    duration: kinds.OptionalSeconds = Field(
        None, description="How long a run works, over all its resumptions: 2h, 30m, or seconds."
    )
    body: Bytes = Field(
        10_000_000, description="The largest body that is read, decompressed: 10MB, 512KiB, or bytes."
    )
    redirects: CountOrZero = Field(10, description="How many redirects in a row are followed; 0 follows none.")
    parse: Seconds = Field(
        60.0,
        description="A callback that runs longer is named in progress and log, and ended in a parser: 60s.",
    )


#: The `engine.kind` that has workers on a Ray cluster crawl.
RAY = "ray"


class EngineConfig(Frozen):
    """The processes that the crawl runs on."""

    kind: texts.EngineKind = Field(
        "local", description="Where it crawls: local, in processes of this machine; ray, in workers on a Ray cluster."
    )
    address: Text = Field(
        "auto",
        description="With kind: ray, the cluster: HOST:PORT of its head; auto: RAY_ADDRESS, or this machine's.",
    )
    workers: texts.Workers = Field(
        "auto",
        description="With kind: ray, how many workers there are, each with so many cores as its processes; auto: as "
        "many as the cluster has cores for.",
    )
    processes: texts.Processes = Field(
        1,
        description="How many processes crawl; auto: as many as there are cores, where there are several domains, "
        "and with a single one as many parsers; 0: none, where workers of other machines do.",
    )
    parsers: texts.Parsers = Field(
        0,
        description="How many processes parse for each that crawls; 0: it parses itself, as debuggers need it; "
        "auto: as many as there are cores for.",
    )
    parser_memory: kinds.OptionalBytes = Field(
        None,
        description="A parser that takes more memory is ended (on Linux): 500MB, of which it needs 60 MB itself. Its "
        "page is parsed once more, and fails as crashed if that takes as much.",
    )
    in_flight: Count = Field(
        256, description="How many requests wait for their answers at once, over all domains; each takes some 20 kB."
    )
    threads: Count = Field(
        32,
        description="How many requests at once threads send: those of Sessions, adapters and auth of your own.",
    )


class RevisitConfig(Frozen):
    """How pages are visited again that an earlier run saw."""

    conditional: Flag = Field(
        True,
        description="Whether a page is fetched only if it changed; one that did not is not parsed: its items and "
        "requests are taken over from the earlier run.",
    )
    fresh_for: SecondsOrZero = Field(
        0.0, description="A page that was seen so recently is taken over without asking; 0 asks each time."
    )
    keep_bodies: Flag = Field(
        False,
        description="Whether the store keeps what servers answer, packed, so that scraper crawl --cached parses it "
        "again without them.",
    )
    sitemap_lastmod: Flag = Field(
        True, description="Whether a page of which its sitemap says that it did not change since is not fetched."
    )


class Gate(Frozen):
    """Outside of these a run counts as failed (exit code 1)."""

    min_items: texts.LeastItems = Field(
        1, description="The fewest items: 900, or 80% of those of the newest run before it that was inside its gate."
    )
    max_failed: kinds.Share = Field(None, description="The largest share of failed URLs: 0.05 or 5%.")
    max_dropped: kinds.Share = Field(
        None, description="The largest share of items that pipelines drop, of all that came to them: 0.1 or 10%."
    )
    max_gone: kinds.Share = Field(
        None, description="The largest share of the known items with a key that may be gone: 0.2 or 20%."
    )
    fields: dict[Text, kinds.LeastShare] = Field(
        default_factory=dict,
        description="By field (price, or book.price for one type), the least share of items that have it filled, "
        "of all that pages gave, those dropped and put aside included: 95%.",
    )
