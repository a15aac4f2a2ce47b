"""run.py - nanoseconds per call, host to guest and guest to host.

host-to-guest  the export add(i32, i32) -> i32 through the engine's fastest public entry;
               -untyped: with tagged values, types checked at each call
guest-to-host  a guest's loop that calls an imported function, less the same loop without
               the call; by the fastest form of host function, and -untyped

Contestants run in processes of their own, in turns (A B C, A B C); each measures rounds of
10,000 calls, the cases in turns, and the median of all rounds is reported. native calls C
functions through pointers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/calls"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "calls"
CASES = ["host-to-guest", "host-to-guest-untyped", "guest-to-host", "guest-to-host-untyped"]
ROUNDS = "200"                         # in one process
GOALS = {"host-to-guest": 8, "guest-to-host": 3}


def prepare(figures, deadline):
    """{engine: command}, in the order of turns."""
    wasm = common.compile_guest(HERE / "guest.c", OUT / "guest.wasm", deadline)
    commands = {"native": [common.compile_c(HERE / "native.c", OUT / "native", deadline), ROUNDS]}
    try:
        program = common.compile_with_libmote(HERE / "mote.c", OUT / "mote", deadline)
        commands["mote"] = [program, common.compile_artifact(wasm, OUT / "guest.mote", deadline), ROUNDS]
    except Unavailable as reason:
        figures.absent("mote", reason)
    try:
        library = common.find_libwasmtime(deadline)
        program = common.compile_c(HERE / "wasmtime.c", OUT / "wasmtime", deadline, libs=["-ldl"])
        commands["wasmtime"] = [program, library, wasm, ROUNDS]
        figures.say("wasmtime", f"library {common.libwasmtime_version(library)}".strip())
    except Unavailable as reason:
        figures.absent("wasmtime", reason)
    return commands


def main():
    args = common.parser("lab/calls/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ["native", "mote", "wasmtime"])
    commands, found = prepare(figures, deadline), {}
    for _ in range(args.rounds or (3 if args.quick else 15)):
        for engine, command in list(commands.items()):
            try:
                for case, values in common.run_lines(command, deadline).items():
                    found.setdefault((engine, case), []).extend(value for value, in values)
            except Unavailable as reason:
                if (engine, CASES[0]) not in found:
                    figures.absent(engine, reason)
                del commands[engine]
    for case in CASES:
        for engine in figures.engines:
            if (engine, case) in found and not (engine == "native" and case.endswith("untyped")):
                figures.put_all(engine, case, "ns", found[engine, case])
    for case, most in GOALS.items():
        figures.goal("mote", case, most, "ns")
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/calls/run", main)
