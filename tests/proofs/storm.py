"""Thousands of mishaps at once, chosen by chance, over twenty domains: every URL is accounted for, memory is bounded.

    python -m tests.proofs.storm [--urls 5000] [--domains 20] [--processes 1] [--cap 300] [--seed 1] [--total 4]

The servers run here, the crawl in processes of its own, whose peak memory is their own too. Each URL has to end as
`tests.servers.mishaps` says, and so has a healthy page for each, which keeps the domains from being given up as
dead; requests and connections equal what the servers saw.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.servers.mishaps import BODY_LIMIT, DONE, all_mishaps, server_of
from tests.servers.raw import RawServer

HEALTHY = "healthy"
_SPIDER = """
import json
import scraper

class Storm(scraper.Spider):
    def __init__(self, plan):
        self.plan = plan

    def start(self):
        with open(self.plan, encoding="utf-8") as file:
            for number, url in enumerate(json.load(file)):
                yield scraper.Request(url, meta={"number": number}, errback="failed")

    def parse(self, response):
        response.links()
        yield {"number": response.meta["number"], "outcome": "done", "size": len(response.text)}

    def failed(self, failure):
        yield {"number": failure.request.meta["number"], "outcome": failure.reason}

"""
_CRAWL = """
import json, resource, sys
import scraper

folder, body, total, processes, *hosts = sys.argv[1:]
sys.path.insert(0, folder)
run = scraper.crawl({
    "name": "storm", "spider": "storm_spider:Storm", "args": {"plan": folder + "/plan.json"},
    "store": folder + "/s.db", "exports": [], "allowed_domains": hosts,
    "politeness": {"robots": "ignore", "delay": 0, "concurrency": 4}, "retry": {"attempts": 2, "backoff": "10ms"},
    "session": {"timeout": {"total": float(total)}}, "limits": {"body": int(body)},
    "network": {"allow_private": True},
    "engine": {"processes": int(processes)},
})
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
with open(folder + "/result.json", "w", encoding="utf-8") as file:
    json.dump({"stats": run.stats, "items": list(run.items), "peak": peak}, file)
"""


def expected_outcomes() -> dict[str, str]:
    """How the URLs of each kind end; those that a redirect leads to a refusal have no page and no failure."""
    return {mishap.name: mishap.outcome for mishap in all_mishaps()} | {HEALTHY: DONE}


def check(result: dict[str, Any], kinds: list[str], servers: list[RawServer]) -> Counter[str]:
    """Every URL ended once and as it should; the ledger equals the servers' own log."""
    expected = expected_outcomes()
    found: dict[int, str] = {}
    for item in result["items"]:
        assert item["number"] not in found, f"{kinds[item['number']]} ended twice"
        found[item["number"]] = item["outcome"]
    outcomes = Counter[str]()
    wrong = Counter[str]()
    for number, kind in enumerate(kinds):
        outcome = found.get(number, "refused")
        outcomes[outcome] += 1
        if outcome != expected[kind].partition(":")[0]:
            wrong[f"{kind}: {outcome} instead of {expected[kind]}"] += 1
    assert not wrong, f"{wrong.total()} ended otherwise: {dict(wrong.most_common(10))}"
    stats = result["stats"]
    assert stats["pages"] + stats["failed"] == len(found)
    received = sum(len(server.received) for server in servers)
    accepted = sum(server.connections for server in servers)
    # A send that a server ends on a used connection without a byte counts as stale, though it may have been read.
    stale = sum(figures["stale"] for figures in stats["domains"].values())
    assert stats["requests"] <= received <= stats["requests"] + stale, (
        f"{stats['requests']} requests and {stale} stale sends in the ledger, {received} requests at the servers"
    )
    assert stats["connections"] == accepted, f"{stats['connections']} connections in the ledger, {accepted} there"
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=5_000)
    parser.add_argument("--domains", type=int, default=20)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--cap", type=float, default=300.0, help="MB of memory that a process may take at its peak")
    parser.add_argument("--total", type=float, default=4.0, help="seconds of a request")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    names = sorted(mishap.name for mishap in all_mishaps())
    kinds = [kind for _ in range(options.urls) for kind in (chance.choice(names), HEALTHY)]
    hosts = [f"127.0.2.{number}" for number in range(1, options.domains + 1)]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        behaviour = server_of()
        servers = [stack.enter_context(RawServer(behaviour, host=host)) for host in hosts]
        plan = [f"{chance.choice(servers).url}/{kind}/{number}/0" for number, kind in enumerate(kinds)]
        (Path(folder) / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        (Path(folder) / "storm_spider.py").write_text(_SPIDER, encoding="utf-8")
        settings = map(str, (BODY_LIMIT, options.total, options.processes))
        subprocess.run([sys.executable, "-c", _CRAWL, folder, *settings, *hosts], check=True)
        result = json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
        outcomes = check(result, kinds, servers)
    stats = result["stats"]
    print(
        f"{len(names)} kinds, {options.urls:,} mishaps and as many healthy pages on {options.domains} domains: "
        f"{dict(outcomes.most_common())}"
    )
    print(
        f"{stats['requests']:,} requests on {stats['connections']:,} connections, as the servers saw them; "
        f"{stats['retries']:,} retries; {stats['seconds']:.0f} s; peak {result['peak']:.0f} MB of {options.cap:.0f}"
    )
    if result["peak"] > options.cap:
        sys.exit("it took more memory than it may")


if __name__ == "__main__":
    main()
