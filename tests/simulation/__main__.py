"""Run seeds: `python -m tests.simulation --size workers --seeds 0-2000`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time

from tests.simulation.left_out import LEFT_OUT
from tests.simulation.runs import SIZES, Failed, run_seed


def main() -> int:
    """Run the seeds that the command line names; return 1 where one fails."""
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--seeds", default="0-200", help="the first, and the one after the last: 0-200")
    arguments.add_argument("--size", choices=SIZES, default="crawl", help="how many of what")
    arguments.add_argument("--digests", action="store_true", help="print one for what happened in each seed")
    arguments.add_argument("--until-failure", action="store_true", help="end with the first seed that fails")
    arguments.add_argument("--without", choices=sorted(LEFT_OUT), help="leave this out: seeds are to fail then")
    given = arguments.parse_args()
    if given.without:
        LEFT_OUT[given.without]()
    first, _, after = given.seeds.partition("-")
    size = SIZES[given.size]
    began, sends, failures = time.process_time(), 0, 0
    seeds = range(int(first), int(after or int(first) + 1))
    for seed in seeds:
        gc.collect()
        try:
            watch = run_seed(seed, size)
        except Failed as error:
            print(error, file=sys.stderr)
            failures += 1
            if given.until_failure:
                break
        else:
            sends += watch.sends
            if given.digests:
                print(seed, watch.digest, flush=True)
    seconds = time.process_time() - began
    print(f"{len(seeds)} seeds, {sends:,} sends, {failures} failed, in {seconds:.1f} s of CPU", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets belongs to what a seed has to repeat.
        # Each Session asks the environment for proxies, and a small one is soon asked.
        few = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
                  {**few, "PYTHONHASHSEED": "0"})  # fmt: skip
    # All of a seed goes at once, and nothing of it before.
    gc.disable()
    sys.exit(main())
