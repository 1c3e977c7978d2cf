"""Drive Debian's Chromium, headless, by its DevTools protocol over pipes: pages opened, looked at and asked."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.judged.chromium import CHROMIUM

_SECONDS = 60
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)


class Page:
    """A tab. `errors` are what its console and scripts complained of, `requests` the URLs that it asked for."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command of the protocol."""
        return self._browser.tell(method, self._session, **parameters)

    def open(self, url: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Load a page in a window of that size."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.tell("Emulation.setEmulatedMedia", features=features)
        self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self._browser.loaded.discard(self._session)
        self.tell("Page.navigate", url=url)
        self._browser.wait(lambda: self._session in self._browser.loaded)

    def ask(self, expression: str) -> Any:
        """Return what JavaScript gives; promises are waited for."""
        done = self.tell(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def follow(self, expression: str) -> None:
        """Do what leads to another page, and wait for that."""
        self._browser.loaded.discard(self._session)
        self.ask(expression)
        self._browser.wait(lambda: self._session in self._browser.loaded)

    def follow_key(self, key: str, code: int) -> None:
        """Press a key that leads to another page, and wait for that."""
        self._browser.loaded.discard(self._session)
        self.press(key, code)
        self._browser.wait(lambda: self._session in self._browser.loaded)

    def wait_for(self, expression: str) -> None:
        """Wait until JavaScript says so."""
        end = time.monotonic() + _SECONDS
        while not self.ask(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def press(self, key: str, code: int) -> None:
        """Press a key and let go of it."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Keep a screenshot."""
        shot = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def take(self, method: str, event: Mapping[str, Any]) -> None:
        """Take in an event of the protocol."""
        if method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(event["exceptionDetails"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.errors.append(event["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(event["args"]))


class Browser:
    """A Chromium; pages are made by `page`."""

    def __init__(self, writer: int, reader: int) -> None:
        self._writer, self._reader = writer, reader
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, Page] = {}
        self._rest = b""
        self.loaded: set[str] = set()

    def page(self) -> Page:
        """Return a new tab, of a profile of its own."""
        context = self.tell("Target.createBrowserContext")["browserContextId"]
        target = self.tell("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        return page

    def tell(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {
            "id": number,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        self._write(json.dumps(message).encode() + b"\0")
        self.wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._writer, data) :]

    def wait(self, until: Any) -> None:
        """Take in what comes until something holds."""
        end = time.monotonic() + _SECONDS
        while not until():
            assert time.monotonic() < end, "Chromium does not answer"
            if select.select([self._reader], [], [], 1.0)[0]:
                data = os.read(self._reader, 1 << 20)
                assert data, "Chromium has ended"
                *messages, self._rest = (self._rest + data).split(b"\0")
                for message in messages:
                    self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            return
        session = message.get("sessionId", "")
        if message["method"] == "Page.loadEventFired":
            self.loaded.add(session)
        if session in self._pages:
            self._pages[session].take(message["method"], message["params"])


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium for a while."""
    assert CHROMIUM is not None
    there, writer = os.pipe()
    reader, back = os.pipe()
    # Neither is 3 or 4 then, which one would else take from the other.
    for_it = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 64) for file in (there, back)]
    os.close(there)
    os.close(back)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        words = [CHROMIUM, *_OPTIONS, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        # It reads from 3, and writes to 4.
        process = subprocess.Popen(
            ["bash", "-c", 'exec "$@" 3<&{} 4>&{}'.format(*for_it), "bash", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=for_it,
        )
        for file in for_it:
            os.close(file)
        try:
            yield Browser(writer, reader)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            os.close(writer)
            os.close(reader)
