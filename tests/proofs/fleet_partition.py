"""Workers on machines of their own, one of which is cut off from the database for a minute, and one from everything.

    python -m tests.proofs.fleet_partition [--seconds 60] [--domains 8] [--delay 0.2]

The database, nginx with PostgreSQL's documentation on several addresses, the crawl and three workers are each in a
network namespace. The link of one worker to the database goes down and comes up again, while it still reaches the
web; that of another one to both, at the same time for a while. Each keeps silent once its leases cannot be relied on,
and goes on by itself. All pages have their item, once, and the export is that of a crawl that nothing befell; by
nginx's log no two have a domain at once, and no gap is under the delay by the kernel's clock of the web's machine.

Takes Linux and root; elsewhere it says so, and that is all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from scraper.store.backends.lease_clock import LEASE_SECONDS
from tests.proofs.fleet_processes import (
    SCHEMA,
    Processes,
    check_owners,
    check_store,
    docs_sets,
    documentation_project,
    smallest_gap,
    undisturbed,
)
from tests.servers.arrivals import Arrival, Arrivals
from tests.servers.machines import Machines, can_make_machines
from tests.servers.nginx import Nginx, docs_root, have_nginx
from tests.servers.postgres import Postgres, postgres_bin

DATA, WEB = "10.77.1", "10.77.2"
DATABASE, PORT = 100, 8080
#: A worker sends nothing once two thirds of its lease are over; one beat may have been under way, and one head.
_SILENT_AFTER = LEASE_SECONDS * 2 / 3 + 0.5
#: It is back at work so long after its link is.
_BACK_SECONDS = 20.0


def tended(processes: Processes, seconds: float) -> None:
    """Look after the processes for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        processes.tend()
        time.sleep(0.1)


def check_silence(log: list[Arrival], name: str, address: str, cut_at: float, mended_at: float) -> None:
    """One that was cut off from the database sent at first, then nothing, and then again."""
    times = [arrival.time for arrival in log if arrival.client[0] == address]
    late = [at - cut_at for at in times if cut_at + _SILENT_AFTER < at < mended_at]
    assert not late, f"{name} sent {late[0]:.1f} s after it was cut off, and {len(late)} requests in all"
    assert any(at < cut_at for at in times), f"{name} had sent nothing before"
    after = [at - mended_at for at in times if at > mended_at]
    assert after and after[0] < _BACK_SECONDS, f"{name} was not back {_BACK_SECONDS} s after its link: {after[:1]}"
    last = max((at - cut_at for at in times if cut_at < at < mended_at), default=0.0)
    print(f"{name}: silent {last:.1f} s after it was cut off, at work again {after[0]:.1f} s after its link is back")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for which each is cut off")
    parser.add_argument("--domains", type=int, default=8)
    parser.add_argument("--delay", type=float, default=0.2)
    options = parser.parse_args()
    pages = docs_root("postgresql-doc-15")
    if not can_make_machines() or pages is None or not have_nginx() or postgres_bin() is None:
        print("machines that are cut off were not tried: network namespaces, nginx, PostgreSQL, or its manual lack")
        return
    hosts = range(101, 101 + options.domains)
    workers = {f"worker {number}": (f"w{number}", 10 + number) for number in range(3)}
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory() as work,
        Machines(data=DATA, web=WEB) as net,
    ):
        folder = Path(name)
        prefixes = {"crawl": net.add("c", data=[9], web=[9])}
        prefixes |= {each: net.add(short, data=[n], web=[n]) for each, (short, n) in workers.items()}
        on_web, on_data = net.add("web", web=hosts), net.add("db", data=[DATABASE])
        addresses = [f"{WEB}.{number}" for number in hosts]
        urls = [f"http://{address}:{PORT}" for address in addresses]
        with (
            Postgres(f"{DATA}.{DATABASE}", on_data) as database,
            Nginx(pages, Path(work), host=addresses[0], more_hosts=addresses[1:], port=PORT, prefix=on_web) as web,
        ):
            site = documentation_project(folder)
            as_wanted = undisturbed(site, urls, prefixes["crawl"])
            before, out = len(web.log()), folder / "docs.jsonl"
            url = f"postgresql://postgres@{DATA}.{DATABASE}/postgres?schema={SCHEMA}"
            sets = docs_sets(urls, url, out, f"politeness.delay={options.delay}")
            processes = Processes(folder, str(site), sets, database, prefixes)
            with net.inside("web"):
                arrivals = Arrivals(PORT, "web")
            with arrivals:
                try:
                    tended(processes, 12.0)
                    cuts = cut_off(net, processes, options.seconds)
                    processes.wait_for_end()
                finally:
                    processes.end()
            log = web.log()[before:]
            wanted = {f"{each}/{page.name}" for each in urls for page in pages.glob("*.html")}
            check_store(processes, out, "url", wanted)
            assert sorted(out.read_text("utf-8").splitlines()) == as_wanted, "the export is not that of a calm crawl"
    check_owners(log)
    for number, (cut_at, mended_at) in enumerate(cuts):
        check_silence(arrivals.log(), f"worker {number}", f"{WEB}.{10 + number}", cut_at, mended_at)
    smallest = smallest_gap(arrivals.log(), options.delay)
    print(f"{len(as_wanted):,} pages of {len(hosts)} domains once, as undisturbed; {len(log):,} requests, one owner")
    print(f"smallest gap {smallest * 1000:.1f} ms, delay {options.delay * 1000:.0f} ms")
    print(f"longest without one who decides {processes.longest_without_role:.1f} s")


def cut_off(net: Machines, processes: Processes, seconds: float) -> list[tuple[float, float]]:
    """Cut one worker off from the database, and soon another one from everything; return from when to when."""
    first, second = time.time(), time.time() + seconds / 3
    net.cut("w0", "data")
    tended(processes, seconds / 3)
    net.cut("w1", "data")
    net.cut("w1", "web")
    tended(processes, seconds * 2 / 3)
    net.mend("w0", "data")
    first_ends = time.time()
    tended(processes, seconds / 3)
    net.mend("w1", "data")
    net.mend("w1", "web")
    return [(first, first_ends), (second, time.time())]


if __name__ == "__main__":
    main()
