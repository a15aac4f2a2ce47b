"""build.py - programs out of the workloads' source, each kind once for all contestants.

What was built is kept under build/lab/study with the seconds that it took, which are part
of a cold start's story: build, load, start, first answer."""

import importlib.util
import json
import sys
import time

import common
from common import CLANG, OUT, Unavailable

from study import HERE

FRONT = HERE / "front"
HOST = OUT / "study"
MOTE_CACHE = HOST / "mote" / "cache"
FLAGS = ["-O2", "-std=gnu17", f"-I{FRONT}"]
SQLITE = ["-O2", "-w", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL", '-DSQLITE_DEFAULT_UNIX_VFS="unix-none"',
          "-DSQLITE_MAX_MMAP_SIZE=0"]
QUICKJS = ("quickjs", "libregexp", "libunicode", "dtoa")
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


def wasm(workload, front="cgi", more=()):
    """A module of WASI preview 1; a command, if more flags don't say otherwise."""
    kind = "snapshot-" if "-DSNAPSHOT" in more else ""
    files, out = sources(workload, front), HOST / "wasm" / f"{kind}{front}-{workload.name}.wasm"
    flags, objects = library_flags(workload, "wasm")
    return timed_make(out, [CLANG, "--target=wasm32-wasi", *FLAGS, "-Wl,--strip-debug", *more, *flags, *files, *objects, "-lm", "-o", out],
                      [*files, FRONT / "workload.h"])


def library_flags(workload, target):
    """What the libraries of a workload add: (flags, objects)."""
    flags, objects = [], []
    for name in workload.libraries:
        more = LIBRARIES[name](target)
        flags += more[0]
        objects += more[1]
    return flags, objects


# ---- libraries: the sources that guests/ builds, for both targets ----------------------------

def guest_module(name):
    sys.path.insert(0, str(common.ROOT / "guests"))
    import kit
    spec = importlib.util.spec_from_file_location(f"build_{name}", common.ROOT / "guests" / name / "build.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return kit, found


def objects_of(name, target, sources, flags):
    """Objects of a library's sources, compiled once for a target."""
    made = []
    for source in sources:
        out = HOST / "libraries" / target / f"{name}-{source.stem}.o"
        words = [CLANG, *(["--target=wasm32-wasi"] if target == "wasm" else []), *flags, "-c", source, "-o", out]
        made.append(common.make(out, words, [source], NO_LIMIT))
    return made


def sqlite(target):
    """Its one-file form."""
    kit, module = guest_module("sqlite")
    try:
        folder = module.amalgamate(kit.Guest("sqlite", GUESTS), kit.clang())
    except (kit.Missing, kit.Failed, StopIteration) as error:
        raise Unavailable(f"SQLite's source: {error}") from None
    posix = ["-I", kit.POSIX, *kit.POSIX_FLAGS] if target == "wasm" else []
    more = [kit.POSIX / "posix.c"] if target == "wasm" else []
    return [f"-I{folder}", *(kit.POSIX_LIBS if target == "wasm" else [])], objects_of("sqlite", target, [folder / "sqlite3.c", *more], [*SQLITE, *posix])


def quickjs(target):
    """The interpreter without its shell; 1 MiB of stack does."""
    kit, module = guest_module("quickjs")
    try:
        folder = kit.crate(GUESTS, "rquickjs-sys", module.VERSIONS["rquickjs-sys"]) / "quickjs"
    except (kit.Missing, kit.Failed) as error:
        raise Unavailable(f"QuickJS's source: {error}") from None
    posix = ["-D_GNU_SOURCE", *(["-I", kit.POSIX, *kit.POSIX_FLAGS] if target == "wasm" else [])]
    flags = [f"-I{folder}", *([*kit.POSIX_LIBS, "-Wl,--stack-first", "-Wl,-z,stack-size=1048576"] if target == "wasm" else [])]
    more = [kit.POSIX / "posix.c"] if target == "wasm" else []
    return flags, objects_of("quickjs", target, [*(folder / f"{name}.c" for name in QUICKJS), *more], ["-O2", "-w", f"-I{folder}", *posix])


LIBRARIES = {"sqlite": sqlite, "quickjs": quickjs}
GUESTS = common.ROOT / "build" / "guests"


def keeper():
    return common.compile_c(HERE / "keeper.c", HOST / "keeper", NO_LIMIT)
