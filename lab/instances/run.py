"""run.py - microseconds for a fresh instance: made ready, called once, thrown away.

pages=N   the call writes a word to each of the first N 4 KiB pages of a 256 KiB image
random=N  of N pages at places that are different each time
grow=N    the call grows memory by N pages of 64 KiB and writes to all of them
wide=N    as random=N, of an image of 4 MiB
heap=30   the image has 16 MiB, as an interpreter's heap, and the same 30 pages are written
modules   private memory of an artifact that was opened and lies idle, of 10,000
live      of an instance that has written 4 pages, of 1,000; page tables come beside each

mote acquires from a pool, with limits on memory, stack and wall time in force; Wasmtime
instantiates with its pooling allocator and imports resolved before. Every call's answer
says whether the words that it wrote were as new. `two` are cycles per second of two processes
at once as a multiple of one's. Contestants take turns; medians are reported."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/instances"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "instances"
ENGINES = ["mote", "wasmtime"]
LINK = ["-Wl,--stack-first", "-Wl,-z,stack-size=65536"]
# case: (module, cycles, function, n, seed, want)
CASES = {f"pages={n}": ("small", 20000 // (1 + n), "run", n, 0, n) for n in (0, 1, 4, 16, 64)}
CASES |= {f"random={n}": ("small", 4000 // (1 + n // 4), "run", n, 1, n) for n in (1, 4, 16, 64)}
CASES |= {f"wide={n}": ("medium", 4000 // (1 + n // 4), "run", n, 1, n) for n in (1, 16, 64)}
CASES |= {f"grow={n}": ("small", 1000 // n, "grow", n, 0, 16 * n) for n in (1, 100)}
CASES["heap=30"] = ("large", 1000, "run", 30, 0, 30)
GOALS = {"pages=0": 0.25, "pages=1": 0.5, "pages=4": 0.9, "pages=16": 3.0, "pages=64": 12}
FASTER = {"random=1": 1.5, "random=4": 2, "random=16": 3, "random=64": 4, "grow=1": 2, "grow=100": 2, "heap=30": 4}


def prepare(figures, deadline):
    """{engine: {module: the command's first words}}"""
    wasm = {"small": common.compile_guest(HERE / "guest.c", OUT / "small.wasm", deadline, LINK),
            "medium": common.compile_guest(HERE / "guest.c", OUT / "medium.wasm", deadline, [*LINK, "-DIMAGE_KIB=4096"]),
            "large": common.compile_guest(HERE / "guest.c", OUT / "large.wasm", deadline,
                                          [*LINK, "-DIMAGE_KIB=16384"])}
    program = common.compile_with_libmote(HERE / "mote.c", OUT / "mote", deadline)
    commands = {"mote": {name: [program, common.compile_artifact(path, OUT / f"{name}.mote", deadline)]
                         for name, path in wasm.items()}}
    try:
        library = common.find_libwasmtime(deadline)
        program = common.compile_c(HERE / "wasmtime.c", OUT / "wasmtime", deadline, libs=["-ldl"])
        commands["wasmtime"] = {name: [program, library, path] for name, path in wasm.items()}
        figures.say("wasmtime", f"library {common.libwasmtime_version(library)}".strip())
    except Unavailable as reason:
        figures.absent("wasmtime", reason)
    return commands


def command_of(commands, case):
    module, cycles, function, n, seed, want = CASES[case]
    return [*commands[module], case, cycles, function, n, seed, want]


def measure(commands, figures, turns, deadline):
    found = {}
    for _ in range(turns):
        for case in CASES:
            for engine in list(commands):
                try:
                    lines = common.run_lines(command_of(commands[engine], case), deadline)[case]
                    found.setdefault((engine, case), []).extend(line[0] / 1e3 for line in lines)
                except Unavailable as reason:
                    figures.absent(engine, f"{case}: {reason}")
                    del commands[engine]
    return found


def rate(command, nprocesses):
    """Cycles a microsecond of so many processes together."""
    running = [subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) for _ in range(nprocesses)]
    medians = [common.median([float(line.split()[1]) for line in p.communicate()[0].splitlines()]) for p in running]
    return sum(1e3 / m for m in medians)


MEMORY = {"modules": (10000, [], 1), "live": (1000, ["run", 4], 28)} # case: (how many, more words, KiB at most)


def measure_memory(commands, figures, deadline):
    program = common.compile_with_libmote(HERE / "memory.c", OUT / "memory", deadline)
    for case, (n, more, most) in MEMORY.items():
        private, tables = common.run_lines([program, case, n, commands["mote"]["small"][1], *more], deadline)[case][0]
        figures.put("mote", case, "KiB", private)
        figures.put("mote", case + ", page tables", "KiB", tables)
        figures.goal("mote", case, most, "KiB")


def main():
    args = common.parser("lab/instances/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    commands = prepare(figures, deadline)
    found = measure(commands, figures, args.rounds or (1 if args.quick else 7), deadline)
    for case in CASES:
        for engine in ENGINES:
            if (engine, case) in found:
                figures.put_all(engine, case, "us", found[engine, case])
    command = command_of(commands["mote"], "pages=4")
    figures.put("mote", "two", "times", rate(command, 2) / rate(command, 1))
    for case, goal in GOALS.items():
        figures.goal("mote", case, goal, "us")
    for case, times in FASTER.items():
        other = figures.value("wasmtime", case)
        figures.goal("mote", case, other and other / times, "us", f" (Wasmtime's, divided by {times})")
    measure_memory(commands, figures, deadline)
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/instances/run", main)
