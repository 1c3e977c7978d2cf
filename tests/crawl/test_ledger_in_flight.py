"""With hundreds of requests in flight the ledger says what nginx's log says, for each domain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.crawl.crawling import Follow, crawl
from tests.servers.nginx import Nginx

#: Addresses of loopback, each a domain of its own.
HOSTS = [f"127.0.0.{number}" for number in range(1, 33)]
PAGES = 24


def test_the_ledger_is_the_servers_log_with_256_in_flight(nginx: Callable[..., Nginx], tmp_path: Path):
    links = "".join(f'<a href="/p{number}.html">{number}</a>' for number in range(PAGES))
    (tmp_path / "index.html").write_text(links)
    for number in range(PAGES):
        (tmp_path / f"p{number}.html").write_text(f"<h1>{number}</h1>")
    server = nginx(tmp_path, host=HOSTS[0], more_hosts=HOSTS[1:])
    starts = [server.url.replace(HOSTS[0], host) + "/" for host in HOSTS]
    run = crawl(Follow, *starts, engine={"in_flight": 256}, politeness={"concurrency": 8}, session={"pool": 8})
    log = server.log(len(HOSTS) * (PAGES + 1))
    assert (run.result, run.stats["pages"], run.stats["failed"]) == ("finished", len(HOSTS) * (PAGES + 1), 0)
    for host in HOSTS:
        sums = run.stats["domains"][host]
        seen = [record for record in log if record.host == host]
        used = {record.connection for record in seen}
        assert (sums["requests"], sums["connections"] - sums["unused"]) == (len(seen), len(used)), host
        # What the log counts as a further request on its connection is what the ledger counts as reuse.
        assert sums["reused"] == sum(record.request > 1 for record in seen)
