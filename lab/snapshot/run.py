"""run.py - microseconds until a fresh instance's first answer, with and without snapshot.

tables   guests/c/tables.c builds tables of CRC-64 and a sieve of 1 MiB before it can answer
quickjs  guests/quickjs/eval.c starts QuickJS, then evaluates `1+1`

An instance is taken from a pool, initialised where that is still to be done, asked once and
thrown away: mote's pool, with limits on memory and time in force, and Wasmtime's pooling
allocator with imports resolved before. The modules import nothing. `snapshot` is the same
module after `mote snapshot`, which both run; `take` is how long that command takes. Before
it is measured, tables is run as a command, and its snapshot by mote, Wasmtime and Node,
whichever are there: all must print the same. Contestants take turns; medians are reported."""

import os
import shutil
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "guests")]
import common                          # noqa: E402
import kit                             # noqa: E402
from common import ROOT, Deadline, Figures, Unavailable, make        # noqa: E402

BENCH = "lab/snapshot"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "snapshot"
ENGINES = ["mote", "wasmtime"]
GUESTS = ROOT / "guests"
# guest: (cycles without snapshot, cycles with, answer; None: whatever the first one says)
CASES = {"tables": (2, 2000, None), "quickjs": (20, 400, 2)}
TIMES_EARLIER = 100
NODE = """
const { WASI } = require('wasi'), fs = require('fs');
const wasi = new WASI({ version: 'preview1', args: ['tables'] });
WebAssembly.instantiate(fs.readFileSync(process.argv[1]), wasi.getImportObject()).then(m => wasi.start(m.instance));
"""


# ---- guests ---------------------------------------------------------------------------

def wasi_clang(sources, out, flags, deadline, link=()):
    """Objects and a module, for wasm32-wasi."""
    try:
        compiler = [kit.clang(), "--target=wasm32-wasi"]
    except kit.Missing as reason:
        raise Unavailable(str(reason)) from None
    objects = []
    for source in sources:
        command = [*compiler, "-O2", "-w", *flags, "-c", source, "-o", out.with_suffix("") / (source.stem + ".o")]
        objects.append(make(command[-1], command, [source], deadline))
    return make(out, [*compiler, *objects, "-Wl,--strip-debug", *link, "-o", out], objects, deadline)


def build_tables(deadline):
    return common.compile_guest(GUESTS / "c" / "tables.c", OUT / "tables.wasm", deadline,
                                ["-fno-builtin", "-Wl,--stack-first", "-Wl,-z,stack-size=65536"])


def build_quickjs(deadline):
    """With a WASI inside that grants nothing."""
    try:
        source = kit.crate(ROOT / "build" / "guests", "rquickjs-sys", "0.14.0") / "quickjs"
    except (kit.Missing, kit.Failed) as reason:
        raise Unavailable(str(reason)) from None
    names = ["quickjs", "libregexp", "libunicode", "dtoa"]
    sources = [*[source / (name + ".c") for name in names], GUESTS / "quickjs" / "eval.c",
               GUESTS / "programs" / "wasi_inside.c"]
    return wasi_clang(sources, OUT / "quickjs.wasm", ["-D_GNU_SOURCE", f"-I{source}", *kit.POSIX_FLAGS], deadline,
                      ["-mexec-model=reactor", *kit.POSIX_LIBS, "-Wl,--stack-first", "-Wl,-z,stack-size=1048576"])


def snapshot(wasm, out, deadline):
    mote = common.find_mote()
    return make(out, [mote, "snapshot", wasm, "-o", out], [wasm], deadline, tools=[mote, mote.with_name("mote-compile")])


def time_snapshot(wasm, deadline):
    """Milliseconds of the command, once what it compiles is in the cache."""
    command = [common.find_mote(), "snapshot", wasm, "-o", "/dev/null"]
    common.run_tool(command, deadline)
    start = time.monotonic()
    common.run_tool(command, deadline)
    return (time.monotonic() - start) * 1e3


def build(figures, deadline):
    """{case: module}, the snapshots too."""
    found = {}
    for name, build_one in (("tables", build_tables), ("quickjs", build_quickjs)):
        try:
            found[name] = build_one(deadline)
            found[f"{name} snapshot"] = snapshot(found[name], OUT / f"{name}-snapshot.wasm", deadline)
            figures.put("mote", f"{name} take", "ms", time_snapshot(found[name], deadline), 1)
        except Unavailable as reason:
            figures.absent(name, reason)
    return found


# ---- do all print the same? --------------------------------------------------------------

def check_output(figures, deadline):
    wasm = wasi_clang([GUESTS / "c" / "tables.c"], OUT / "program.wasm", ["-DPROGRAM"], deadline)
    taken = snapshot(wasm, OUT / "program-snapshot.wasm", deadline)
    mote = common.find_mote()
    want = common.run_tool([mote, "run", wasm], deadline)
    wasmtime = shutil.which("wasmtime") or str(Path.home() / ".cargo" / "bin" / "wasmtime")
    commands = {"mote": [mote, "run", taken], "wasmtime": [wasmtime, "run", taken],
                "node": ["node", "--no-warnings", "-e", NODE, taken]}
    same = []
    for name, command in commands.items():
        if not (shutil.which(str(command[0])) or os.access(command[0], os.X_OK)):
            continue
        if common.run_tool(command, deadline) != want:
            raise Unavailable(f"{name} prints something else of the snapshot of tables")
        same.append(name)
    figures.say("tables", f"its snapshot prints the same in {', '.join(same)}")


# ---- measuring ----------------------------------------------------------------------------

def commands_of(figures, modules, deadline):
    """{engine: {case: the command's first words}}"""
    program = common.compile_with_libmote(HERE / "mote.c", OUT / "mote", deadline)
    commands = {"mote": {case: [program, common.compile_artifact(wasm, wasm.with_suffix(".mote"), deadline)]
                         for case, wasm in modules.items()}}
    try:
        library = common.find_libwasmtime(deadline)
        program = common.compile_c(HERE / "wasmtime.c", OUT / "wasmtime", deadline, libs=["-ldl"])
        commands["wasmtime"] = {case: [program, library, wasm] for case, wasm in modules.items()}
        figures.say("wasmtime", f"library {common.libwasmtime_version(library)}".strip())
    except Unavailable as reason:
        figures.absent("wasmtime", reason)
    return commands


def answer_of(wasm, deadline):
    """What the command says that it is."""
    return int(common.run_tool([common.find_mote(), "run", "--invoke", "answer", wasm], deadline)) % (1 << 32)


def measure(figures, commands, modules, turns, deadline):
    for case in modules:
        name, _, taken = case.partition(" ")
        slow, fast, want = CASES[name]
        if want is None:
            want = answer_of(modules[f"{name} snapshot"], deadline)
        values = {}
        for _ in range(turns):
            for engine in list(commands):
                try:
                    lines = common.run_lines([*commands[engine][case], fast if taken else slow, want], deadline)["cycle"]
                    values.setdefault(engine, []).extend(line[0] for line in lines)
                except Unavailable as reason:
                    figures.absent(engine, f"{case}: {reason}")
                    del commands[engine]
        for engine, found in values.items():
            figures.put_all(engine, case, "us", found)


def main():
    args = common.parser("lab/snapshot/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    modules = build(figures, deadline)
    try:
        check_output(figures, deadline)
    except Unavailable as reason:
        figures.absent("output", reason)
    measure(figures, commands_of(figures, modules, deadline), modules, args.rounds or (1 if args.quick else 5), deadline)
    slow = figures.value("mote", "tables")
    figures.goal("mote", "tables snapshot", slow and slow / TIMES_EARLIER, "us", f" (without snapshot, divided by {TIMES_EARLIER})")
    other = figures.value("wasmtime", "quickjs snapshot")
    figures.goal("mote", "quickjs snapshot", other, "us", " (Wasmtime's, in the same run)")
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/snapshot/run", main)
