"""run.py - speed of compiled code: user time of each engine against native.

Native is clang's -O3 for plain x86-64 from the same source. Compiling is never timed.
Rounds go through the engines in turn (A B C, A B C) and medians are reported. An output
that differs from native's is shown as WRONG and counts nowhere."""

import argparse
import dataclasses
import json
import math
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

import build
import engines as contestants
from build import Deadline, Unavailable, quick_seconds

BENCH = "lab/kernels"
LIMIT_SECONDS, QUICK_LIMIT_SECONDS = 300, 8      # one run: a hang is a failure, not the lab's end


def parse_arguments():
    names = [engine.name for engine in contestants.ENGINES]
    p = argparse.ArgumentParser(prog="lab/kernels/run", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true",
                   help="small work, one round, at most 45 s; programs only if they are built already")
    p.add_argument("--json", action="store_true", help="one JSON object a line")
    p.add_argument("--only", metavar="NAME[,NAME]", default="",
                   help="these cases only; 'kernels' and 'programs' name all of a kind")
    p.add_argument("--engines", metavar="NAME[,NAME]", default=",".join(names),
                   help="these contestants, native being always one (default: %(default)s)")
    p.add_argument("--rounds", type=int, metavar="N", help="rounds (default: 3; --quick: 1)")
    p.add_argument("--opt", metavar="LEVEL", help="mote's own level (default: mote's default)")
    p.add_argument("--clang", metavar="LEVEL", default="3",
                   help="clang's level, of native and Wasm alike (default: %(default)s)")
    p.add_argument("--form", choices=("inside", "command"), default="inside",
                   help="programs as modules that import nothing, or as WASI commands "
                        "(default: %(default)s)")
    p.add_argument("--list", action="store_true", help="name the cases and contestants")
    p.add_argument("--build", action="store_true", help="build everything, run nothing")
    args = p.parse_args()
    if args.rounds is not None and args.rounds < 1:
        p.error("--rounds is at least 1")
    unknown = set(args.engines.split(",")) - set(names)
    if unknown:
        p.error(f"no such engine: {', '.join(sorted(unknown))} (there are: {', '.join(names)})")
    return args


def choose_cases(only):
    cases = build.kernel_cases() + build.program_cases()
    wanted = [word for word in only.split(",") if word]
    for word in wanted:
        if not any(word in (case.name, case.kind + "s") for case in cases):
            sys.exit(f"no such case: {word} (there are: {', '.join(case.name for case in cases)})")
    return [case for case in cases if not wanted or case.name in wanted or case.kind + "s" in wanted]


def choose_engines(names):
    """Contestants found, and {name: reason} of those that are not."""
    wanted, found, absent = set(names.split(",")) | {"native"}, [], {}
    for engine in contestants.ENGINES:
        if engine.name not in wanted:
            continue
        try:
            contestants.find_tools(engine)
            found.append(engine)
        except Unavailable as reason:
            absent[engine.name] = str(reason)
    return found, absent


def prepare(case, engine, args, deadline):
    """Builds and compiles one case for one engine: the file to run, or why there is none."""
    try:
        slow = args.quick and case.kind == "program"
        path = build.build(case, engine.target, args.clang, args.form, deadline, built_only=slow)
        return contestants.compiled_form(engine, path, args.opt, deadline, built_only=slow)
    except Unavailable as reason:
        return reason


class Row:
    """One case's outcome: seconds, or a reason, for each engine."""

    def __init__(self, case):
        self.case, self.seconds, self.reasons = case, {}, {}

    def ratio(self, name):
        if name in self.seconds and "native" in self.seconds:
            return self.seconds[name] / max(self.seconds["native"], 1e-6)
        return None


def run_case(case, engines, args, deadline, figure="user_s"):
    """figure: which field of an outcome the row holds."""
    row, n = Row(case), case.quick if args.quick else case.full
    form = args.form if case.kind == "program" else "inside"
    workers = 1 if case.kind == "program" else os.cpu_count()      # programs use threads inside
    with ThreadPoolExecutor(workers) as pool:
        paths = dict(zip((engine.name for engine in engines),
                         pool.map(lambda engine: prepare(case, engine, args, deadline), engines)))
    if args.build:
        row.reasons = {name: str(path) for name, path in paths.items() if isinstance(path, Unavailable)}
        return row
    times, checksum = {engine.name: [] for engine in engines}, None
    for _ in range(args.rounds or (1 if args.quick else 3)):
        for engine in engines:
            name = engine.name
            if isinstance(paths[name], Unavailable):
                row.reasons[name] = str(paths[name])
            if name in row.reasons:
                continue
            try:
                deadline.check()
                limit_s = min(QUICK_LIMIT_SECONDS, deadline.left()) if args.quick else LIMIT_SECONDS
                outcome = contestants.run(engine, paths[name], n, form, limit_s)
            except Unavailable as reason:
                row.reasons[name] = str(reason)
                continue
            if outcome.checksum is None:
                row.reasons[name] = "printed no number"
                continue
            if name == "native" and checksum is None:
                checksum = outcome.checksum
            if checksum is None:
                row.reasons[name] = "no output of native to compare with"
            elif outcome.checksum != checksum:
                row.reasons[name] = f"WRONG: {outcome.checksum}, native {checksum}"
            else:
                times[name].append(getattr(outcome, figure))
    for name, taken in times.items():
        if taken and name not in row.reasons:
            row.seconds[name] = statistics.median(taken)
    return row


def start_up(engines, args, deadline):
    """Wall time of a whole process without work (in node, with compiling)."""
    case = next(case for case in build.kernel_cases() if case.name == "recurse")
    return run_case(dataclasses.replace(case, full=0, quick=0), engines, args, deadline, "wall_s")


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def summarise(rows, name):
    """(mean, best, worst) of a group's ratios, with the names of best and worst; None if empty."""
    ratios = [(row.ratio(name), row.case.name) for row in rows if row.ratio(name) is not None]
    if not ratios:
        return None
    return geometric_mean([max(ratio, 1e-6) for ratio, _ in ratios]), min(ratios), max(ratios), len(ratios)


def group_reasons(rows):
    """{(engine, reason): names of the cases it holds for}, running out of time apart."""
    found = {}
    for row in rows:
        for name, reason in row.reasons.items():
            if reason != "out of time":
                found.setdefault((name, reason), []).append(row.case.name)
    return found


class Table:
    """Prints rows as they come, summaries at the end."""

    def __init__(self, engines, args):
        self.names = [engine.name for engine in engines]
        self.notes = [f"{engine.name}: {engine.note}" for engine in engines if engine.note]
        self.group = None
        for engine in engines:
            words = contestants.version(engine)
            if words:
                print(f"{engine.name}: {words}")
        print("user time, native in seconds, the others as multiples of it"
              + ("; --quick: start-up weighs in these short runs" if args.quick else ""))

    def line(self, head, cells):
        print(f"{head:<12}" + "".join(f"{cell:>17}" for cell in cells), flush=True)

    def row(self, row):
        if row.case.kind != self.group:
            self.group = row.case.kind
            print()
            self.line(self.group, self.names)
        cells = []
        for name in self.names:
            if name in row.seconds:
                cells.append(f"{row.seconds[name]:.3f} s" if name == "native" else
                             f"{row.ratio(name):.3f}" if row.ratio(name) is not None else "-")
            else:
                reason = row.reasons.get(name, "-")
                cells.append("WRONG" if reason.startswith("WRONG") else
                             "no time" if reason == "out of time" else
                             "not built" if reason.startswith("not built") else "failed")
        self.line(row.case.name, cells)

    def end(self, rows, starts, absent):
        for kind in ("kernel", "program"):
            group = [row for row in rows if row.case.kind == kind]
            found = {name: summarise(group, name) for name in self.names if name != "native"}
            if not any(found.values()):
                continue
            print()
            self.line(kind + "s", [""] + self.names[1:])
            for head, show in (("geo. mean", lambda s: f"{s[0]:.3f}"),
                               ("best", lambda s: f"{s[1][1]} {s[1][0]:.2f}"),
                               ("worst", lambda s: f"{s[2][1]} {s[2][0]:.2f}"),
                               ("cases", lambda s: f"{s[3]} of {len(group)}")):
                self.line(head, [""] + [show(found[name]) if found[name] else "-"
                                        for name in self.names[1:]])
        print()
        self.line("start, wall", [f"{starts.seconds[name] * 1e3:.1f} ms" if name in starts.seconds else "-"
                               for name in self.names])
        for note in self.notes:
            print(note)
        for (name, reason), cases in group_reasons(rows).items():
            print(f"{name}: {reason} ({', '.join(cases)})")
        late = sum(reason == "out of time" for row in rows for reason in row.reasons.values())
        if late:
            print(f"{late} runs were left out: out of time")
        for name, reason in absent.items():
            print(f"absent: {name} ({reason})")


class Lines:
    """Prints one JSON object a line: bench, engine, case, unit, value (and reason)."""

    def __init__(self, engines, args):
        for engine in engines:
            self.put(engine.name, "all", "version", contestants.version(engine))

    def put(self, engine, case, unit, value, **more):
        print(json.dumps({"bench": BENCH, "engine": engine, "case": case, "unit": unit,
                          "value": value, **more}), flush=True)

    def row(self, row):
        for name, seconds in row.seconds.items():
            self.put(name, row.case.name, "user_s", round(seconds, 6))
            if name != "native" and row.ratio(name) is not None:
                self.put(name, row.case.name, "native_ratio", round(row.ratio(name), 4))
        for name, reason in row.reasons.items():
            self.put(name, row.case.name, "failed", None, reason=reason)

    def end(self, rows, starts, absent):
        for kind in ("kernel", "program"):
            group = [row for row in rows if row.case.kind == kind]
            for name in sorted({name for row in group for name in row.seconds} - {"native"}):
                found = summarise(group, name)
                if found:
                    mean, best, worst, ncases = found
                    self.put(name, kind + "s", "geometric_mean", round(mean, 4), cases=ncases)
                    self.put(name, kind + "s", "best", round(best[0], 4), of=best[1])
                    self.put(name, kind + "s", "worst", round(worst[0], 4), of=worst[1])
        for name, seconds in starts.seconds.items():
            self.put(name, "start-up", "wall_s", round(seconds, 6))
        for name, reason in absent.items():
            self.put(name, "all", "absent", None, reason=reason)


def build_all(cases, engines, absent, args):
    for case in cases:
        reasons = run_case(case, engines, args, Deadline(None)).reasons
        print(f"{case.name}: built", flush=True)
        for name, reason in reasons.items():
            print(f"    not for {name}: {reason}")
    for name, reason in absent.items():
        print(f"absent: {name} ({reason})")
    return 0


def main():
    args = parse_arguments()
    deadline = Deadline(quick_seconds() if args.quick else None)
    cases = choose_cases(args.only)
    engines, absent = choose_engines(args.engines)
    if args.list:
        for case in cases:
            print(f"{case.kind:8} {case.name:12} n {case.full} full, {case.quick} quick")
        for engine in engines:
            print(f"engine   {engine.name}")
        for name, reason in absent.items():
            print(f"absent   {name} ({reason})")
        return 0
    if args.build:
        return build_all(cases, engines, absent, args)
    printer = (Lines if args.json else Table)(engines, args)
    rows = []
    starts = start_up(engines, args, deadline)
    for case in cases:
        rows.append(run_case(case, engines, args, deadline))
        printer.row(rows[-1])
    printer.end(rows, starts, absent)
    return 1 if any(reason.startswith("WRONG") for row in rows for reason in row.reasons.values()) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unavailable as reason:
        sys.exit(f"lab/kernels: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
