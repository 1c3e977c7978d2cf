"""Fetch a list of URLs by threads with a Session each, and do nothing with the pages.

Called with the file of an authority to trust, the number of threads, and a file of URLs.
"""

from __future__ import annotations

import queue
import sys
import threading
from pathlib import Path

import requests

AUTHORITY, THREADS, URLS = sys.argv[1:]
todo: queue.SimpleQueue[str] = queue.SimpleQueue()
for line in Path(URLS).read_text(encoding="utf-8").splitlines():
    todo.put(line)


def work() -> None:
    with requests.Session() as session:
        while True:
            try:
                url = todo.get_nowait()
            except queue.Empty:
                return
            session.get(url, verify=AUTHORITY, timeout=60).raise_for_status()


threads = [threading.Thread(target=work) for _ in range(int(THREADS))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
