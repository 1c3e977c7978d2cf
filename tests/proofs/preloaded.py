"""Small libraries in C that stand before the system's own (LD_PRELOAD): slow syncs, and a clock that can be set."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

_SLOW_SYNCS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_first(void) {
    const char *text = getenv("SYNC_MILLISECONDS");
    long milliseconds = text ? atol(text) : 0;
    struct timespec pause = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    nanosleep(&pause, 0);
}

int fsync(int file) {
    wait_first();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    wait_first();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
"""
_CLOCK = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t nothing, *offset = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) offset = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += *offset;
    return failed;
}
"""


def build(folder: Path, name: str, source: str) -> Path | None:
    """Make a library in `folder`; None where there is no C compiler, or this is not Linux."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    text, library = folder / f"{name}.c", folder / f"{name}.so"
    text.write_text(source, encoding="ascii")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, text, "-ldl"], check=True)
    return library


def slow_syncs(folder: Path, seconds: float) -> dict[str, str]:
    """The environment of a process in which fsync and fdatasync take so much longer; empty without a compiler."""
    library = build(folder, "slow", _SLOW_SYNCS)
    return {"LD_PRELOAD": str(library), "SYNC_MILLISECONDS": str(round(seconds * 1000))} if library else {}


class Clock:
    """The wall clock of processes that get `environment`; without a compiler it cannot be set."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "clock"
        self.set(0)
        library = build(folder, "clock", _CLOCK)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._offset)} if library else {}

    def set(self, offset: int) -> None:
        """Let it show so many seconds more than the system's, from now on."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("=q", offset))
