"""The job over many domains with aiohttp and selectolax and nothing else: a task for each request a domain may have.

No robots.txt, no retries, no store, no resuming.
"""

from __future__ import annotations

import asyncio
import json
from typing import TextIO

import aiohttp
from selectolax.lexbor import LexborHTMLParser
from wanted import A_DOMAIN, SELECTORS, arguments

OUT, AT_ONCE, STARTS = arguments()


async def work(
    session: aiohttp.ClientSession, todo: asyncio.Queue[str], seen: set[str], root: str, out: TextIO
) -> None:
    while True:
        async with session.get(root + await todo.get()) as answer:
            body = await answer.read()
        tree = LexborHTMLParser(body.decode())
        if tree.css_first("article.product") is not None:
            item = {name: tree.css_first(selector).text() for name, selector in SELECTORS.items()}
            out.write(json.dumps(item) + "\n")
        for link in tree.css("a[href]"):
            href = link.attributes["href"]
            if href not in seen and href.startswith("/"):
                seen.add(href)
                todo.put_nowait(href)
        todo.task_done()


async def crawl(session: aiohttp.ClientSession, start: str, out: TextIO) -> None:
    """All of one domain."""
    cut = start.index("/", 8)
    todo: asyncio.Queue[str] = asyncio.Queue()
    todo.put_nowait(start[cut:])
    seen = {start[cut:]}
    workers = [asyncio.create_task(work(session, todo, seen, start[:cut], out)) for _ in range(A_DOMAIN)]
    await todo.join()
    for worker in workers:
        worker.cancel()


async def main() -> None:
    connector = aiohttp.TCPConnector(limit=AT_ONCE, limit_per_host=A_DOMAIN)
    with OUT.open("w", encoding="utf-8") as out:
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(crawl(session, start, out) for start in STARTS))


asyncio.run(main())
