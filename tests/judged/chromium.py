"""Ask Debian's Chromium, headless, what it sends for the links and forms of pages, and what it makes of the rest."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.judged.pages import Judged

CHROMIUM = shutil.which("chromium")
_SECONDS = 90
#: Loads each page into a frame, follows each of its links and submits its first form, one after the other.
_DRIVER = """<!DOCTYPE html><body><script>
const frame = document.createElement("iframe"); document.body.append(frame);
const loaded = () => new Promise(done => frame.addEventListener("load", done, {once: true}));
async function open(number) { const wait = loaded(); frame.src = "/page/" + number + "/"; await wait; }
async function tell(text) { await fetch("/tell", {method: "POST", body: text}); }
async function run() {
  for (const [number, kind] of %s) {
    await open(number);
    if (kind === "text") {
      await tell("text " + number + " " + frame.contentDocument.getElementById("t").innerText);
    } else if (kind === "cookie") {
      await tell(number + " 0");
      const wait = loaded(); frame.src = "/page/" + number + "/in"; await wait;
    } else if (kind === "form") {
      const form = [...frame.contentDocument.forms].find(form => form.elements.length);
      const all = frame.contentDocument.querySelectorAll("button, input[type=submit], input[type=image]");
      const button = [...all].find(each => each.form === form && each.type !== "button" && each.type !== "reset");
      await tell(number + " 0");
      const wait = loaded();
      if (button) button.click(); else form.requestSubmit();
      await wait;
    } else {
      const count = frame.contentDocument.links.length;
      for (let place = 0; place < count; place++) {
        if (place) await open(number);
        await tell(number + " " + place);
        const wait = loaded(); frame.contentDocument.links[place].click(); await wait;
      }
    }
    await tell("");
  }
  await tell("end");
}
run().catch(error => tell("end " + error));
</script>"""


class Sent(dict[tuple[int, int], tuple[str, str, str, bytes]]):
    """By page and link: method, target, Content-Type and body, as they came; and by page the innerText of #t, and the cookies."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[int, str] = {}
        self.cookies: dict[int, str] = {}


@contextmanager
def asked(pages: Sequence[tuple[Judged, str]]) -> Iterator[tuple[Sent, int]]:
    """Let Chromium visit pages; yield what it sent, and the port of the server.

    Args:
        pages: each with `form`, `link`, `text` or `cookie`.
    """
    sent, ended, state = Sent(), threading.Event(), {"now": "", "why": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._take()

        def do_GET(self) -> None:
            self._take()

        def _take(self) -> None:
            cookies: list[str] = []
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind, content = "text/html; charset=utf-8", b"<!DOCTYPE html>ok"
            if self.path == "/tell":
                state["now"] = body.decode()
                if state["now"].startswith("text "):
                    _, number, text = state["now"].split(" ", 2)
                    sent.texts[int(number)] = text
                    state["now"] = ""
                if state["now"].startswith("end"):
                    state["why"] = state["now"][3:]
                    ended.set()
            elif self.path == "/driver":
                content = (_DRIVER % json.dumps([(n, how) for n, (_, how) in enumerate(pages)])).encode()
            elif state["now"] and self.path not in ("/favicon.ico", "/dot"):  # what it loads by itself
                number, place = map(int, state["now"].split())
                state["now"] = ""
                sent.cookies[number] = self.headers.get("Cookie") or ""
                sent[number, place] = (self.command, self.path, self.headers.get("Content-Type") or "", body)
            elif self.path.startswith("/page/"):
                number = int(self.path.split("/")[2])
                page = pages[number][0]
                cookies = [line.replace("NAME", f"c{number}") for line in page.cookies]
                kind, content = page.header, page.body.replace(b"PORT", str(port).encode())
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            for line in cookies:
                self.send_header("Set-Cookie", line)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory() as folder:
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
        browser = subprocess.Popen(
            [
                CHROMIUM,
                *options,
                f"--user-data-dir={folder}",
                "--remote-debugging-port=0",
                f"http://127.0.0.1:{port}/driver",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert ended.wait(_SECONDS), f"Chromium was not done; the last was {state['now']!r}, {len(sent)} came"
            assert not state["why"], state["why"]
            yield sent, port
        finally:
            browser.terminate()
            browser.wait(20)
            server.shutdown()
            server.server_close()
