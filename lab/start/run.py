"""run.py - microseconds from an artifact's name to the first call's result.

The module has 256 KiB of memory contents; the call writes one page of them. The clock
starts when the file is named and ends when the result is there; the store is made before,
and thrown away afterwards with everything else.

warm   a different file each time, in a process that has done this before
first  the first file of a process, whose engine exists

open, instantiate and call are the steps of it: file to module, module to instance, finding
the export and calling it. bare is the least that the kernel must be asked for: open, fstat,
map the file read and execute, map the image copied on write, read code, write a page.
Files are copies of one artifact, all in the page cache. Contestants take turns in processes
of their own (A B C D, A B C D); medians are reported."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/start"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "start"
ENGINES = ["bare", "mote", "wasmtime", "wasmtime-pooling"]
STEPS = ["", "/open", "/instantiate", "/call"]
NFILES = 400
GOAL_WARM, GOAL_FIRST = 22, 130


def copies(path):
    """Many files with path's contents, read once so that the page cache has them."""
    folder = path.with_name(path.name + ".copies")
    contents = path.read_bytes()
    names = [folder / f"{i:03}{path.suffix}" for i in range(NFILES)]
    if not all(name.exists() and name.read_bytes() == contents for name in names):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in names:
            name.write_bytes(contents)
            name.chmod(0o644)
    return names


def prepare(figures, deadline):
    """{engine: (command, files)}, in the order of turns."""
    wasm = common.compile_guest(HERE / "guest.c", OUT / "guest.wasm", deadline,
                                ["-Wl,--stack-first", "-Wl,-z,stack-size=65536"])
    program = common.compile_with_libmote(HERE / "mote.c", OUT / "mote", deadline)
    files = copies(common.compile_artifact(wasm, OUT / "guest.mote", deadline))
    commands = {"bare": ([common.compile_c(HERE / "bare.c", OUT / "bare", deadline)], files),
                "mote": ([program], files)}
    try:
        library = common.find_libwasmtime(deadline)
        program = common.compile_c(HERE / "wasmtime.c", OUT / "wasmtime", deadline, libs=["-ldl"])
        compiled = common.make(OUT / "guest.cwasm", [program, library, "compile", wasm, OUT / "guest.cwasm"],
                               [wasm], deadline, tools=[library])
        files = copies(compiled)
        commands["wasmtime"] = ([program, library, "on-demand"], files)
        commands["wasmtime-pooling"] = ([program, library, "pooling"], files)
        figures.say("wasmtime", f"library {common.libwasmtime_version(library)}".strip())
    except Unavailable as reason:
        figures.absent("wasmtime", reason)
    return commands


def measure(commands, figures, turns, firsts, deadline):
    """{(engine, "warm" or "first"): [[start, open, instantiate, call] of each]}"""
    found = {}
    for engine in commands:            # what went wrong in one engine stays with it
        found[engine, "warm"], found[engine, "first"] = [], []
    for turn in range(turns):
        for engine, (command, files) in list(commands.items()):
            try:
                lines = common.run_lines([*command, *files], deadline)["start"]
                found[engine, "warm"] += lines[1:]
                for i in range(firsts):
                    lines = common.run_lines([*command, files[(turn * firsts + i) % NFILES]], deadline)["start"]
                    found[engine, "first"] += lines
            except Unavailable as reason:
                if not found[engine, "first"]:
                    figures.absent(engine, reason)
                del commands[engine]
    return found


def main():
    args = common.parser("lab/start/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    commands = prepare(figures, deadline)
    found = measure(commands, figures, args.rounds or (4 if args.quick else 20), 10, deadline)
    for kind in ("warm", "first"):
        for i, step in enumerate(STEPS):
            for engine in ENGINES:
                if found.get((engine, kind)):
                    figures.put_all(engine, kind + step, "us", [line[i] for line in found[engine, kind]])
    figures.goal("mote", "warm", GOAL_WARM, "us")
    others = [value for value in (figures.value(name, "warm") for name in ENGINES[2:]) if value is not None]
    figures.goal("mote", "warm", min(others, default=None), "us", " (Wasmtime's, in the same run)")
    figures.goal("mote", "first", GOAL_FIRST, "us")
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/start/run", main)
