"""The job with aiohttp and selectolax and nothing else: no robots.txt, no retries, no store, no resuming."""

from __future__ import annotations

import asyncio
import json
from typing import TextIO
from urllib.parse import urljoin

import aiohttp
from selectolax.lexbor import LexborHTMLParser
from wanted import A_DOMAIN, SELECTORS, arguments

OUT, AT_ONCE, STARTS = arguments()
ROOTS = tuple(url[: url.index("/", 8)] for url in STARTS)


async def work(
    session: aiohttp.ClientSession, todo: asyncio.Queue[tuple[str, str]], seen: set[str], out: TextIO
) -> None:
    while True:
        root, url = await todo.get()
        async with session.get(url) as answer:
            body = await answer.read()
        tree = LexborHTMLParser(body.decode())
        if tree.css_first("article.product") is not None:
            item = {name: tree.css_first(selector).text() for name, selector in SELECTORS.items()}
            out.write(json.dumps(item) + "\n")
        for link in tree.css("a[href]"):
            href = link.attributes["href"]
            found = root + href if href.startswith("/") else urljoin(url, href)
            if found not in seen and found.startswith(ROOTS):
                seen.add(found)
                todo.put_nowait((root, found))
        todo.task_done()


async def main() -> None:
    todo: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    seen = set(STARTS)
    for root, url in zip(ROOTS, STARTS, strict=True):
        todo.put_nowait((root, url))
    connector = aiohttp.TCPConnector(limit=AT_ONCE, limit_per_host=A_DOMAIN)
    with OUT.open("w", encoding="utf-8") as out:
        async with aiohttp.ClientSession(connector=connector) as session:
            workers = [asyncio.create_task(work(session, todo, seen, out)) for _ in range(AT_ONCE)]
            await todo.join()
            for worker in workers:
                worker.cancel()


asyncio.run(main())
