"""run.py - real programs of guests/: what compiling and starting them takes.

start    process start to exit of a command that does next to nothing: mote run with a
         warm cache, and Wasmtime with the same module compiled ahead
peak     the largest resident set of that
compile  mote compile and wasmtime compile, once each: seconds, and the peak of memory
         (not with --quick, but for what is small)

Commands take turns (A B, A B); medians are reported. Only guests that are built take part
(make guests)."""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import ROOT, Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/guests"
OUT = common.OUT / "guests"
ENGINES = ["mote", "wasmtime"]
BUILT = ROOT / "build" / "guests"
COMMANDS = {
    "c": ["exit", "0"], "rust": ["exit", "0"], "zig": ["exit", "0"], "go": ["exit", "0"],
    "lua": ["-e", "print(1)"], "quickjs": ["-e", "print(1)"], "sqlite": [":memory:", "select 1"],
    "cpython": ["-c", "print(1)"],
}
SMALL = ["c", "rust"]                  # what --quick compiles


def find_wasmtime():
    for path in (shutil.which("wasmtime"), Path.home() / ".cargo" / "bin" / "wasmtime"):
        if path and os.access(path, os.X_OK):
            return str(path)
    raise Unavailable("no wasmtime on PATH or in ~/.cargo/bin")


def spawn(commands, rounds, deadline):
    """{name: [[microseconds, peak bytes] of each run]}"""
    program = common.compile_c(common.HERE / "size" / "spawn.c", OUT / "spawn", deadline, ["-static"])
    words = []
    for name, command in commands.items():
        words += [*(["--"] if words else []), name, *command]
    return common.run_lines([program, str(rounds), *words], deadline)


def compile_commands(mote, wasmtime, wasm):
    commands = {"mote": [mote, "compile", wasm, "-o", OUT / (wasm.stem + ".mote")]}
    if wasmtime:
        commands["wasmtime"] = [wasmtime, "compile", "-Wexceptions=y", wasm, "-o", OUT / (wasm.stem + ".cwasm")]
    return commands


def measure_compile(figures, mote, wasmtime, wasm, deadline):
    """Also leaves the artifacts that starting needs."""
    for engine, lines in spawn(compile_commands(mote, wasmtime, wasm), 1, deadline).items():
        figures.put(engine, f"{wasm.stem} compile", "s", lines[0][0] / 1e6)
        figures.put(engine, f"{wasm.stem} compile-peak", "MiB", lines[0][1] / (1 << 20), 0)


def measure_start(figures, mote, wasmtime, wasm, rounds, deadline):
    commands = {"mote": [mote, "run", wasm, *COMMANDS[wasm.stem]]}
    compiled = OUT / (wasm.stem + ".cwasm")
    if wasmtime and compiled.exists():
        commands["wasmtime"] = [wasmtime, "run", "-Wexceptions=y", "--allow-precompiled", compiled,
                                *COMMANDS[wasm.stem]]
    common.run_tool(commands["mote"], deadline)        # fills the cache
    for engine, lines in spawn(commands, rounds, deadline).items():
        figures.put_all(engine, f"{wasm.stem} start", "ms", [line[0] / 1e3 for line in lines])
        figures.put_all(engine, f"{wasm.stem} peak", "MiB", [line[1] / (1 << 20) for line in lines], 1)
    figures.goal("mote", f"{wasm.stem} start", figures.value("wasmtime", f"{wasm.stem} start"), "ms",
                 " (Wasmtime's, in the same run)")


def main():
    parser = common.parser("lab/guests/run", __doc__)
    parser.add_argument("--only", metavar="GUEST,...", help="these guests only")
    args = parser.parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures, mote, wasmtime = Figures(BENCH, args, ENGINES), common.find_mote(), None
    OUT.mkdir(parents=True, exist_ok=True)
    os.environ["MOTE_CACHE_DIR"] = str(OUT / "cache")
    try:
        wasmtime = find_wasmtime()
        figures.say("wasmtime", common.run_tool([wasmtime, "--version"], deadline).strip())
    except Unavailable as reason:
        figures.absent("wasmtime", reason)
    wanted = args.only.split(",") if args.only else SMALL if args.quick else list(COMMANDS)
    guests = [BUILT / (name + ".wasm") for name in wanted if (BUILT / (name + ".wasm")).exists()]
    if not guests:
        raise Unavailable("no guest is built (make guests)")
    for wasm in guests:
        try:
            measure_compile(figures, mote, wasmtime, wasm, deadline)
            measure_start(figures, mote, wasmtime, wasm, args.rounds or (20 if args.quick else 100), deadline)
        except Unavailable as reason:
            figures.absent(wasm.stem, reason)
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/guests/run", main)
