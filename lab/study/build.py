"""build.py - programs out of the workloads' source, each kind once for all contestants.

What was built is kept under build/lab/study with the seconds that it took, which are part
of a cold start's story: build, load, start, first answer."""

import json
import time

import common
from common import CLANG, OUT, Unavailable

from study import HERE

FRONT = HERE / "front"
HOST = OUT / "study"
FLAGS = ["-O2", "-std=gnu17", f"-I{FRONT}"]
LIBRARIES = {}
NO_LIMIT = common.Deadline(None)


def timed_make(out, command, inputs, tools=()):
    """common.make(), and how long the making took when it was done: (out, seconds)."""
    record, key = out.with_name(out.name + ".seconds"), out.with_name(out.name + ".key")
    before, begin = key.stat().st_mtime_ns if key.exists() else 0, time.monotonic()
    common.make(out, command, inputs, NO_LIMIT, tools=tools)
    if key.stat().st_mtime_ns != before or not record.exists():
        record.write_text(json.dumps(time.monotonic() - begin), encoding="ascii")
    return out, json.loads(record.read_text(encoding="ascii"))


def sources(workload, front):
    return [FRONT / f"{front}.c", FRONT / "workload.c", workload.source()]


def native(workload, front="server"):
    """A static program for this processor."""
    files, out = sources(workload, front), HOST / "native" / f"{front}-{workload.name}"
    flags, objects = library_flags(workload, "native")
    return timed_make(out, [CLANG, *FLAGS, "-static", *flags, *files, *objects, "-lm", "-o", out], [*files, FRONT / "workload.h"])


def wasm(workload, front="cgi"):
    """A command of WASI preview 1."""
    files, out = sources(workload, front), HOST / "wasm" / f"{front}-{workload.name}.wasm"
    flags, objects = library_flags(workload, "wasm")
    return timed_make(out, [CLANG, "--target=wasm32-wasi", *FLAGS, "-Wl,--strip-debug", *flags, *files, *objects, "-lm", "-o", out],
                      [*files, FRONT / "workload.h"])


def library_flags(workload, target):
    """What the libraries of a workload add: (flags, objects)."""
    flags, objects = [], []
    for name in workload.libraries:
        more = LIBRARIES[name](target)
        flags += more[0]
        objects += more[1]
    return flags, objects


def keeper():
    return common.compile_c(HERE / "keeper.c", HOST / "keeper", NO_LIMIT)
