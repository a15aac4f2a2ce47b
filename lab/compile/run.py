"""run.py - time and memory of compiling the real programs' modules, and how fast they are
decoded and validated.

Each engine's compiler gets the module, mote at its default level and at the others; beside
them stands clang -O2 of the C source from which the module was made (one thread, one file
after the other). Compilers take turns; wall and user time are medians of the rounds. Peak
memory is the largest resident set of any one process.

validate: one module again and again in one thread, in MB of the whole file per second of
processor time, beside Wasmtime's library on one thread."""

import argparse
import json
import re
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

LAB = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(LAB), str(LAB / "kernels")]
import build                           # noqa: E402
import common                          # noqa: E402
import engines as contestants          # noqa: E402
from common import Deadline, Unavailable        # noqa: E402

BENCH = "lab/compile"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "compile"
LEVELS = ["0", "1", "2", "3"]
CLANG_ROW = "clang-O2"
# program, engine, unit: the most (of MB_per_s: the least) that it should be
GOALS = {("speedtest1", "mote", "wall_s"): 9, ("speedtest1", "mote", "peak_bytes"): 1.2e9,
         ("speedtest1", "mote-O1", "wall_s"): 6.5, ("speedtest1", "mote", "MB_per_s"): 150}


def parse_arguments():
    names = [engine.name for engine in contestants.ENGINES if engine.compile]
    p = argparse.ArgumentParser(prog="lab/compile/run", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true",
                   help="one round at mote's default level, at most 45 s, the smallest program first")
    p.add_argument("--json", action="store_true", help="one JSON object a line")
    p.add_argument("--only", metavar="NAME[,NAME]", default="", help="these programs only")
    p.add_argument("--engines", metavar="NAME[,NAME]", default=",".join([*names, CLANG_ROW]),
                   help="these compilers (default: %(default)s)")
    p.add_argument("--levels", metavar="N[,N]", help="mote's levels beside its default one "
                   "(default: the others of 0,1,2,3; --quick: none)")
    p.add_argument("--rounds", type=int, metavar="N", help="rounds (default: 3; --quick: 1)")
    p.add_argument("--check", action="store_true", help="status 1 if a goal is missed")
    args = p.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    args.engines = args.engines.split(",")
    unknown = set(args.engines) - {*names, CLANG_ROW}
    if unknown:
        p.error(f"no such compiler: {', '.join(sorted(unknown))}")
    return args


def choose_cases(only):
    cases, wanted = build.program_cases(), [word for word in only.split(",") if word]
    for word in wanted:
        if word not in [case.name for case in cases]:
            sys.exit(f"no such program: {word} (there are: {', '.join(case.name for case in cases)})")
    small_first = {"bzip2": 0, "zstd": 1}
    return sorted((case for case in cases if not wanted or case.name in wanted),
                  key=lambda case: small_first.get(case.name, 2))


# ---- compilers ----------------------------------------------------------------------

@dataclass
class Row:
    """One compiler's work on one program."""
    name: str
    commands: list
    outs: list
    walls: list = field(default_factory=list)
    users: list = field(default_factory=list)
    peak: int = 0

    def run(self, deadline):
        wall = user = 0
        for command in self.commands:
            deadline.check()
            _, _, usage, taken = contestants.measure([str(word) for word in command], deadline.left())
            wall, user = wall + taken, user + usage.ru_utime
            self.peak = max(self.peak, usage.ru_maxrss * 1024)
        if not all(out.exists() for out in self.outs):
            raise Unavailable("made no file")
        self.walls.append(wall)
        self.users.append(user)


def engine_row(engine, wasm, folder, level=None):
    name = engine.name + (f"-O{level}" if level else "")
    out = folder / (name + engine.suffix)
    out.unlink(missing_ok=True)
    return Row(name, [contestants.compile_command(engine, wasm, out, level)], [out])


def default_level(mote, deadline):
    """The level that an artifact tells when none was asked for, as "2"; None: it doesn't."""
    wasm = common.compile_guest(LAB / "size" / "guest.c", OUT / "level.wasm", deadline)
    found = re.search(r"-O(\d)", common.run_tool([mote, "inspect", common.compile_artifact(wasm, OUT / "level.mote", deadline)],
                                                 deadline))
    return found and found[1]


def clang_row(case, deadline, folder):
    source = build.find_source(case.package, deadline, built_only=False)
    commands = [[build.CLANG, "-O2", *build.COMMON, f"-I{build.PROGRAMS}",
                 *build.program_flags(case, source, path), "-c", path, "-o", folder / (path.stem + ".o")]
                for path in build.program_sources(case, source)]
    return Row(CLANG_ROW, commands, [command[-1] for command in commands])


def make_rows(case, wasm, engines, args, deadline, put):
    folder = OUT / case.name
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for engine in engines:
        rows.append(engine_row(engine, wasm, folder))
        if engine.name == "mote":
            rows += [engine_row(engine, wasm, folder, level) for level in args.levels]
    if CLANG_ROW in args.engines:
        try:
            rows.append(clang_row(case, deadline, folder))
        except Unavailable as reason:
            put(CLANG_ROW, "failed", str(reason))
    return rows


def compile_all(rows, rounds, deadline, put):
    failed = set()
    for _ in range(rounds):
        for row in rows:
            if row.name in failed:
                continue
            try:
                row.run(deadline)
            except Unavailable as reason:
                failed.add(row.name)
                put(row.name, "failed", str(reason))
    for row in rows:
        if row.name not in failed:
            put(row.name, "wall_s", round(statistics.median(row.walls), 4))
            put(row.name, "user_s", round(statistics.median(row.users), 4))
            put(row.name, "peak_bytes", row.peak)
            put(row.name, "bytes", sum(out.stat().st_size for out in row.outs))


# ---- validating ---------------------------------------------------------------------

def validators(deadline, absent):
    """{engine: command without module and seconds}"""
    found = {}
    try:
        found["mote"] = [common.compile_with_libmote(HERE / "mote.c", OUT / "validate-mote", deadline)]
    except Unavailable as reason:
        absent["libmote"] = str(reason)
    try:
        library = common.find_libwasmtime(deadline)
        found["wasmtime"] = [common.compile_c(HERE / "wasmtime.c", OUT / "validate-wasmtime", deadline, libs=["-ldl"]), library]
    except Unavailable as reason:
        absent["libwasmtime"] = str(reason)
    return found


def validate_all(wasm, commands, args, deadline, put):
    found = {}
    for _ in range(1 if args.quick else 5):
        for engine, command in commands.items():
            try:
                lines = common.run_lines([*command, wasm, "0.3"], deadline)["validate"]
                found.setdefault(engine, []).extend(value for value, in lines)
            except Unavailable as reason:
                put(engine, "failed", str(reason))
    for engine, values in found.items():
        put(engine, "MB_per_s", round(statistics.median(values), 1))


# ---- the whole ----------------------------------------------------------------------

def measure_case(case, engines, commands, args, deadline, put):
    """Calls put(engine, unit, value) for each figure, put(engine, "failed", reason) for each none."""
    try:
        wasm = build.build(case, "wasm", "3", "inside", deadline, built_only=args.quick)
    except Unavailable as reason:
        put("wasm", "failed", str(reason))
        return
    put("wasm", "bytes", Path(wasm).stat().st_size)
    validate_all(wasm, commands, args, deadline, put)
    compile_all(make_rows(case, wasm, engines, args, deadline, put), args.rounds, deadline, put)


ROWS = ["mote", *(f"mote-O{level}" for level in LEVELS),
        *(engine.name for engine in contestants.ENGINES if engine.name != "mote"), CLANG_ROW]


def show_case(case, found, level):
    wasm = found.pop("wasm", {})
    print(f"\n{case.name}" + (f", {wasm['bytes'] / 1e6:.2f} MB of Wasm" if "bytes" in wasm else f": {wasm.get('failed')}"))
    if found:
        print(f"{'':14}{'wall':>12}{'user':>12}{'peak memory':>14}{'result':>12}{'validate':>14}")
    order = [name for name in ROWS if name in found]
    for name in order:
        figures = found[name]
        speed = f"{figures['MB_per_s']:>9.0f} MB/s" if "MB_per_s" in figures else ""
        words = f"mote (-O{level})" if name == "mote" and level else name
        if "wall_s" in figures:
            print(f"{words:14}{figures['wall_s']:>10.2f} s{figures['user_s']:>10.2f} s{figures['peak_bytes'] / 1e6:>11.0f} MB"
                  f"{figures['bytes'] / 1e6:>9.2f} MB{speed}", flush=True)
        else:
            print(f"{words:14}{'-':>12}{'':38}{speed}  {figures.get('failed', '')}", flush=True)


def check_goals(found, tell):
    """Calls tell(program, engine, unit, value, goal, reached); are all reached?"""
    good = True
    for (program, engine, unit), goal in GOALS.items():
        value = found.get(program, {}).get(engine, {}).get(unit)
        if value is not None:
            reached = value >= goal if unit == "MB_per_s" else value <= goal
            tell(program, engine, unit, value, goal, reached)
            good = good and reached
    return good


def find_engines(args, absent):
    engines = []
    for engine in contestants.ENGINES:
        if engine.compile and engine.name in args.engines:
            try:
                contestants.find_tools(engine)
                engines.append(engine)
                if not args.json:
                    print(f"{engine.name}: {contestants.version(engine)}")
            except Unavailable as reason:
                absent[engine.name] = str(reason)
    return engines


def main():
    args = parse_arguments()
    deadline, absent = Deadline(common.quick_seconds() if args.quick else None), {}
    engines = find_engines(args, absent)
    mote = next((engine for engine in engines if engine.name == "mote"), None)
    level = default_level(mote.paths["mote"], deadline) if mote else None
    args.levels = args.levels.split(",") if args.levels else [] if args.quick else [n for n in LEVELS if n != level]
    commands, everything = validators(deadline, absent), {}

    def line(engine, case, unit, value, **more):
        print(json.dumps({"bench": BENCH, "engine": engine, "case": case, "unit": unit,
                          "value": value, **more}), flush=True)

    def show_goal(program, engine, unit, value, goal, reached):
        if args.json:
            line(engine, program, "goal_" + unit, goal, reached=reached)
        else:
            print(f"{'reached' if reached else 'MISSED ':8} {engine}, {program}: {value:,.4g} {unit}, wanted "
                  f"{'at least' if unit == 'MB_per_s' else 'at most'} {goal:,.4g}")

    for case in choose_cases(args.only):
        found = everything[case.name] = {}
        measure_case(case, engines, commands, args, deadline,
                     lambda name, unit, value, found=found: found.setdefault(name, {}).update({unit: value}))
        if args.json:
            for name, figures in found.items():
                for unit, value in figures.items():
                    if unit == "failed":
                        line(name, case.name, unit, None, reason=value)
                    else:
                        line(name, case.name, unit, value)
        else:
            show_case(case, dict(found), level)
    if not args.json:
        print()
    good = check_goals(everything, show_goal)
    for name, reason in absent.items():
        if args.json:
            line(name, "all", "absent", None, reason=reason)
        else:
            print(f"absent: {name} ({reason})")
    return int(args.check and not good)


common.main_of("lab/compile/run", main)
