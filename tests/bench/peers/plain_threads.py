"""The job with requests and BeautifulSoup as a script does it: threads, each with its Session, and a queue."""

from __future__ import annotations

import json
import queue
import threading
import urllib.robotparser
from urllib.parse import urldefrag, urljoin, urlsplit

import requests
from bs4 import BeautifulSoup
from wanted import PRODUCT, SELECTORS, arguments

OUT, AT_ONCE, STARTS = arguments()
HOSTS = {urlsplit(url).netloc for url in STARTS}
ROBOTS = {}
for host in HOSTS:
    ROBOTS[host] = urllib.robotparser.RobotFileParser(f"http://{host}/robots.txt")
    ROBOTS[host].read()

todo: queue.Queue[str] = queue.Queue()
seen = set(STARTS)
lock = threading.Lock()
out = OUT.open("w", encoding="utf-8")


def work() -> None:
    session = requests.Session()
    while True:
        page(session, todo.get())
        todo.task_done()


def page(session: requests.Session, url: str) -> None:
    answer = session.get(url, timeout=60)
    soup = BeautifulSoup(answer.content, "lxml")
    if soup.select_one(PRODUCT) is not None:
        item = {name: soup.select_one(selector).get_text() for name, selector in SELECTORS.items()}
        with lock:
            out.write(json.dumps(item) + "\n")
    for link in soup.find_all("a", href=True):
        found = urldefrag(urljoin(url, link["href"])).url
        host = urlsplit(found).netloc
        if host not in HOSTS or not ROBOTS[host].can_fetch("shop", found):
            continue
        with lock:
            if found in seen:
                continue
            seen.add(found)
        todo.put(found)


for start in STARTS:
    todo.put(start)
for _ in range(AT_ONCE):
    threading.Thread(target=work, daemon=True).start()
todo.join()
out.close()
