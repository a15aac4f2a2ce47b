"""run.py - size of what is shipped, and start of the command, in bytes and microseconds.

libmote.so, mote, mote-compile  bytes on disk, stripped; what libmote.so needs is named
--version                       from process start to exit, beside a static C program that
                                prints a line (native)
run                             the same for a module that does nothing, compiled before
hello                           the same for that C program compiled to WASI, run as a module that
                                the engine's own cache knows already
peak memory                     the largest resident set of these processes

Programs are started in turns by a small C program, whose own work is not in the time; the
median is reported."""

import re
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kernels"))
import common                          # noqa: E402
import engines as contestants          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/size"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "size"
ENGINES = ["native", "mote", "wasmtime", "wamr", "wasmedge"]
GOAL_HELLO, GOAL_HELLO_WASMTIME, GOAL_HELLO_BYTES = 1.5, 0.3, 4_000_000
GOAL_LIBRARY, GOAL_START, ALLOWED = 600_000, 1.3, {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}  # libc's own loader


def stripped_size(path, deadline):
    out = OUT / (path.name + ".stripped")
    out.parent.mkdir(parents=True, exist_ok=True)
    common.run_tool(["strip", "-o", out, path], deadline)
    return out.stat().st_size


def measure_files(figures, deadline):
    folder = common.find_mote().parent
    for name in ("libmote.so", "mote", "mote-compile"):
        path = (folder / name).resolve()
        try:
            if not path.exists():
                raise Unavailable(f"no {name} beside mote")
            figures.put("mote", name, "bytes", stripped_size(path, deadline), digits=0)
        except Unavailable as reason:
            figures.absent(name, reason)
    figures.goal("mote", "libmote.so", GOAL_LIBRARY, "bytes")
    try:
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", common.run_tool(["readelf", "-d", folder / "libmote.so"], deadline))
        figures.say("libmote.so", "needs " + (", ".join(needed) or "nothing"))
        figures.put("mote", "needed beside libc, libm", "files", len(set(needed) - ALLOWED), digits=0)
        figures.goal("mote", "needed beside libc, libm", 0, "files")
    except Unavailable as reason:
        figures.absent("readelf", reason)


def version_command(engine):
    tool = engine.tools[-1]            # the one that runs modules
    return [engine.paths[tool], "--version"]


def run_command(engine, wasm, deadline):
    """How a compiled module's export is called by the engine's command."""
    out = OUT / (engine.name + engine.suffix)
    beside = [Path(engine.paths["mote"]).with_name("mote-compile")] if engine.name == "mote" else []
    common.make(out, contestants.compile_command(engine, wasm, out, None), [wasm], deadline, tools=beside)
    return contestants.fill(engine.call, engine, out=out, n=1)


def hello_commands(deadline):
    """{engine: command} to run a WASI program from the engine's cache."""
    wasm = OUT / "hello.wasm"
    common.make(wasm, [common.CLANG, "--target=wasm32-wasi", "-O2", HERE / "hello.c", "-o", wasm], [HERE / "hello.c"],
                deadline)
    commands = {"mote": [common.find_mote(), wasm]}
    if shutil.which("wasmtime"):
        commands["wasmtime"] = [shutil.which("wasmtime"), "run", "-C", "cache=y", wasm]
    for _ in range(2):                 # mote believes a file's times only when they are some seconds old
        for command in commands.values():
            common.run_tool(command, deadline)
        time.sleep(max(0.0, 3 - (time.time() - wasm.stat().st_mtime)))
    return commands


def prepare(figures, deadline):
    """{(engine, case): command}"""
    wasm = common.compile_guest(HERE / "guest.c", OUT / "guest.wasm", deadline)
    hello = common.compile_c(HERE / "hello.c", OUT / "hello", deadline, ["-static"])
    commands = {("native", "--version"): [hello]}
    for engine in contestants.ENGINES:
        if engine.name not in ENGINES[1:]:
            continue
        try:
            contestants.find_tools(engine)
            commands[engine.name, "--version"] = version_command(engine)
            commands[engine.name, "run"] = run_command(engine, wasm, deadline)
        except Unavailable as reason:
            figures.absent(engine.name, reason)
    try:
        commands["native", "hello"] = [hello]
        commands.update({(engine, "hello"): command for engine, command in hello_commands(deadline).items()})
    except Unavailable as reason:
        figures.absent("hello", reason)
    return commands


def spawn_all(commands, rounds, deadline):
    """{(engine, case): [[microseconds, bytes] of each run]}; a program that fails is left out."""
    spawn = common.compile_c(HERE / "spawn.c", OUT / "spawn", deadline, ["-static"])
    works = {}
    for key, command in commands.items():
        try:
            common.run_lines([spawn, "1", "x", *command], deadline)
            works[key] = command
        except Unavailable:
            pass
    words = []
    for i, command in enumerate(works.values()):
        words += [*(["--"] if i else []), str(i), shutil.which(str(command[0])), *command[1:]]
    lines = common.run_lines([spawn, str(rounds), *words], deadline)
    return {key: lines[str(i)] for i, key in enumerate(works)}


def check_hello(figures):
    times = {engine: figures.value(engine, "hello") for engine in ("native", "mote", "wasmtime")}
    if not times["native"] or not times["mote"]:
        return
    figures.put("mote", "hello, ratio", "x", times["mote"] / times["native"])
    figures.goal("mote", "hello, ratio", GOAL_HELLO, "x", " (of a static C program)")
    if times["wasmtime"]:
        figures.put("mote", "hello, of Wasmtime's", "x", times["mote"] / times["wasmtime"])
        figures.goal("mote", "hello, of Wasmtime's", GOAL_HELLO_WASMTIME, "x")
    figures.goal("mote", "hello, peak memory", GOAL_HELLO_BYTES, "bytes")


def main():
    args = common.parser("lab/size/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    measure_files(figures, deadline)
    found = spawn_all(prepare(figures, deadline), args.rounds or (100 if args.quick else 1000), deadline)
    for case in ("--version", "run", "hello"):
        for engine in ENGINES:
            if (engine, case) in found:
                figures.put_all(engine, case, "us", [line[0] for line in found[engine, case]], digits=0)
        for engine in ENGINES:
            if (engine, case) in found:
                figures.put(engine, f"{case}, peak memory", "bytes", max(line[1] for line in found[engine, case]), digits=0)
    hello = figures.value("native", "--version")
    if hello:
        for engine in ENGINES[1:]:
            if (engine, "--version") in found:
                figures.put(engine, "--version, ratio", "x", figures.value(engine, "--version") / hello)
        figures.goal("mote", "--version, ratio", GOAL_START, "x", " (of a static C program)")
    check_hello(figures)
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/size/run", main)
