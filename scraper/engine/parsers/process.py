"""The process of a parser: it has a spider and pipelines of its own, and knows neither store nor network.

The shard starts it, hands it a ParserConfig, then pages; it answers each with what its callback yielded, and leaves
when the shard is gone.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading

from scraper.components import Components
from scraper.engine import gc_tuning
from scraper.engine.children.duties import leave_signals_to_others, log_to, portable, print_at_once, print_elsewhere
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.parsers.gathering import GatheringRunner
from scraper.engine.parsers.line import ParserLine
from scraper.engine.parsers.messages import Call, Close, Closed, Known, ParserConfig, Ready, Said, Start
from scraper.errors import ScraperError

#: How often it is looked whether an answer waits, in seconds.
_LOOK_SECONDS = 0.1


def main(line_file: int, alive_file: int) -> None:
    """Take the configuration, parse, say how it ended.

    Args:
        line_file: the line to the shard.
        alive_file: the reading end of a pipe whose other end only the shard has.
    """
    leave_signals_to_others()
    print_at_once()
    line = ParserLine(socket.socket(fileno=line_file))
    config, _ = line.receive()
    error: ScraperError | None = None
    if isinstance(config, ParserConfig):
        log_to(lambda record: line.send(Said(record)), config.log_levels)
        try:
            with print_elsewhere(config.loaded.config.exports):
                _parse(config, line, alive_file)
        except BaseException as raised:
            error = portable(raised)
        line.send(Closed(error))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Threads of the spider's are left behind.
    os._exit(0 if error is None else 1)


def _parse(config: ParserConfig, line: ParserLine, alive_file: int) -> None:
    marker = CrashMarker(config.marker, config.run)
    threading.Thread(target=_leave_with_the_shard, args=(alive_file, marker, line), name="alive", daemon=True).start()
    components = Components(config.loaded)
    runner = GatheringRunner(components, marker, config.run, watched=config.watched)
    with components.pipelines.running(config.run, config.name):
        gc_tuning.look_less()
        line.send(Ready())
        while True:
            message, body = line.receive()
            match message:
                case Call() as call:
                    line.answer(runner.answer(call, body))
                case Known(urls):
                    runner.learn(urls)
                case Start(taken):
                    line.answer(runner.answer_start(taken))
                case Close():
                    break
                case _:
                    # Nobody is left to commit anything.
                    os._exit(1)
    marker.close()


def _leave_with_the_shard(alive_file: int, marker: CrashMarker, line: ParserLine) -> None:
    """End this process once the shard is gone, whatever the spider is doing: the page is not to blame.

    Meanwhile no answer waits for a callback that takes long.
    """
    while not select.select([alive_file], [], [], _LOOK_SECONDS)[0]:
        line.flush(older=_LOOK_SECONDS / 2)
    marker.clear()
    os._exit(1)
