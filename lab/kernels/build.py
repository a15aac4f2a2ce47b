"""build.py - guests/ into native programs and Wasm modules under build/lab/kernels.

A thing is built again only when its command or the contents of what it reads changed.
Nothing here is timed."""

import os
import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "guests"))
import common                          # noqa: E402
import kit                             # noqa: E402
from common import CLANG, ROOT, Deadline, Unavailable, make, quick_seconds, run_tool    # noqa: E402, F401

OUT = common.OUT / "kernels"
KERNELS = ROOT / "guests" / "kernels"
PROGRAMS = ROOT / "guests" / "programs"

# One source, one compiler, one level; the targets differ in these flags only.
TARGETS = {
    "native": [],
    "native-march": ["-march=native"],
    "wasm": ["-msimd128"],
}
# Without contraction a fused multiply-add can't change a result between targets.
COMMON = ["-std=gnu17", "-ffp-contract=off", "-fno-math-errno", "-w"]


@dataclass
class Case:
    name: str
    kind: str                          # "kernel" or "program"
    full: int                          # n of a full run
    quick: int                         # n with --quick
    driver: Path
    package: str = ""                  # a program's Debian source package
    sources: list = field(default_factory=list)      # globs inside the unpacked package
    flags: list = field(default_factory=list)
    special: dict = field(default_factory=dict)      # source name -> more flags


def read_case(path, kind, **more):
    found = re.search(r"^ \* n: (\d+) full, (\d+) quick", path.read_text(), re.M)
    if not found:
        raise Unavailable(f"{path}: its opening comment has no line 'n: FULL full, QUICK quick'")
    return Case(path.stem, kind, int(found[1]), int(found[2]), path, **more)


def kernel_cases():
    shared = {"main.c", "runtime.c"}
    return [read_case(path, "kernel") for path in sorted(KERNELS.glob("*.c"))
            if path.name not in shared]


SQLITE_FLAGS = ["-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL",
                "-DSQLITE_OS_OTHER=1", "-DSQLITE_TEMP_STORE=3", "-I{source}/amalgamation"]


def program_cases():
    return [
        read_case(PROGRAMS / "speedtest1.c", "program", package="sqlite3",
                  sources=["amalgamation/sqlite3.c", "test/speedtest1.c"], flags=SQLITE_FLAGS,
                  special={"test/speedtest1.c": ["-Dmain=speedtest1_main", "-include",
                                                 str(PROGRAMS / "capture.h")]}),
        read_case(PROGRAMS / "zstd.c", "program", package="libzstd",
                  sources=["lib/common/*.c", "lib/compress/*.c"], flags=["-I{source}/lib"]),
        read_case(PROGRAMS / "bzip2.c", "program", package="bzip2",
                  sources=[name + ".c" for name in ("blocksort", "huffman", "crctable", "randtable",
                                                    "compress", "decompress", "bzlib")],
                  flags=["-DBZ_NO_STDIO", "-I{source}"]),
    ]


def require_clang():
    if shutil.which(CLANG) is None:
        raise Unavailable(f"{CLANG} is not on PATH (the variable CLANG names another)")


# ---- kernels ----------------------------------------------------------------------

def build_kernel(case, target, level, deadline):
    require_clang()
    folder = OUT / f"O{level}" / target
    flags = [f"-O{level}", *COMMON, "-ffreestanding", *TARGETS[target]]
    if target == "wasm":
        flags = ["--target=wasm32", *flags]
    header = KERNELS / "kernel.h"

    def compile_one(path):
        out = folder / "objects" / "kernel" / (path.stem + ".o")
        return make(out, [CLANG, *flags, "-c", path, "-o", out], [path, header], deadline)

    objects = [compile_one(case.driver), compile_one(KERNELS / "runtime.c")]
    if target == "wasm":
        out = folder / (case.name + ".wasm")
        link = ["--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-Wl,--export=run",
                "-Wl,--stack-first", "-Wl,--strip-debug"]
    else:
        objects.append(compile_main(KERNELS / "main.c", folder / "objects" / "kernel" / "main.o", deadline))
        out, link = folder / case.name, []
    return make(out, [CLANG, *link, *objects, "-o", out], objects, deadline)


def compile_main(path, out, deadline):
    return make(out, [CLANG, "-O2", "-c", path, "-o", out], [path], deadline)


# ---- programs ---------------------------------------------------------------------

_fetching = threading.Lock()


def find_source(package, deadline, built_only):
    with _fetching:
        if built_only and not (OUT / "sources" / (package + ".done")).exists():
            raise Unavailable("not built yet (run without --quick, or with --build)")
        deadline.check()
        try:
            source = kit.debian_source(OUT, package)
        except kit.Missing as reason:
            raise Unavailable(str(reason)) from None
        if package == "sqlite3":
            amalgamate(source, deadline)
        return source


def amalgamate(source, deadline):
    """SQLite's one-file form, which its own makefile makes with tclsh."""
    folder = source / "amalgamation"
    if (folder / "done").exists():
        return
    if shutil.which("tclsh") is None:
        raise Unavailable("SQLite's makefile needs tclsh")
    folder.mkdir(exist_ok=True)
    run_tool(["make", "-s", "-f", "../Makefile.linux-gcc", "TOP=..", f"BCC={CLANG} -O1",
              "sqlite3.c"], deadline, cwd=folder)
    (folder / "done").touch()


def program_sources(case, source):
    return [path for pattern in case.sources for path in sorted(source.glob(pattern))]


def program_flags(case, source, path):
    more = next((flags for name, flags in case.special.items() if path == source / name), [])
    return [flag.replace("{source}", str(source)) for flag in case.flags] + more


def build_program(case, target, level, form, deadline, built_only):
    """form: "inside" is a module without imports that exports run();
    "command" is a WASI preview 1 command (or the host's program, either way)."""
    require_clang()
    source = find_source(case.package, deadline, built_only)
    folder = OUT / f"O{level}" / target
    flags = [f"-O{level}", *COMMON, *TARGETS[target], f"-I{PROGRAMS}"]
    wasm = target == "wasm"
    if wasm:
        flags = ["--target=wasm32-wasi", *flags]
    headers = [PROGRAMS / "program.h", PROGRAMS / "capture.h"]

    def compile_one(path):
        out = folder / "objects" / case.name / (("driver-" if path == case.driver else "") + path.stem + ".o")
        command = [CLANG, *flags, *program_flags(case, source, path), "-c", path, "-o", out]
        return make(out, command, [path, *headers], deadline, built_only)

    own = [case.driver, PROGRAMS / "program.c"]
    if wasm and form == "inside":
        own.append(PROGRAMS / "wasi_inside.c")
        link = ["--target=wasm32-wasi", "-nostartfiles", "-Wl,--no-entry", "-Wl,--export=run"]
    else:
        own.append(PROGRAMS / "main.c")
        link = ["--target=wasm32-wasi"] if wasm else ["-lm"]
    if wasm:                           # linked without -O, or clang may start a wasm-opt
        link += ["-Wl,--stack-first", "-Wl,-z,stack-size=1048576", "-Wl,--strip-debug"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, own + program_sources(case, source)))
    out = folder / (f"{case.name}-{form}.wasm" if wasm else case.name)
    return make(out, [CLANG, *objects, *link, "-o", out], objects, deadline, built_only)


def build(case, target, level, form, deadline, built_only=False):
    """The path of a case's native program or Wasm module; Unavailable says why there is none.
    built_only: refuse what takes long (programs) unless it is built already."""
    if case.kind == "kernel":
        return build_kernel(case, target, level, deadline)
    return build_program(case, target, level, form, deadline, built_only)
