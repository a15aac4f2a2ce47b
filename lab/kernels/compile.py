"""compile.py - time and memory of compiling the real programs' Wasm modules.

Each engine's compiler gets the module; beside them stands clang -O2 of the C source from
which the module was made (one thread, one file after the other). Wall time is the median
of the rounds; peak memory is the largest resident set of any one process."""

import argparse
import json
import statistics
import sys
from pathlib import Path

import build
import engines as contestants
from build import OUT, Deadline, Unavailable

BENCH = "lab/kernels/compile"
QUICK_SECONDS = 42
CLANG_ROW = "clang-O2"


def parse_arguments():
    names = [engine.name for engine in contestants.ENGINES if engine.compile]
    p = argparse.ArgumentParser(prog="lab/kernels/compile", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true",
                   help="one round, at most 45 s, the smallest program first")
    p.add_argument("--json", action="store_true", help="one JSON object a line")
    p.add_argument("--only", metavar="NAME[,NAME]", default="", help="these programs only")
    p.add_argument("--engines", metavar="NAME[,NAME]", default=",".join([*names, CLANG_ROW]),
                   help="these compilers (default: %(default)s)")
    p.add_argument("--rounds", type=int, metavar="N", help="rounds (default: 3; --quick: 1)")
    p.add_argument("--opt", metavar="LEVEL", help="mote's own level (default: mote's default)")
    args = p.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    unknown = set(args.engines.split(",")) - {*names, CLANG_ROW}
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


def compile_once(command, deadline):
    """(wall seconds, peak bytes) of one command."""
    deadline.check()
    limit_s = deadline.left()
    _, _, usage, wall_s = contestants.measure([str(word) for word in command], limit_s)
    return wall_s, usage.ru_maxrss * 1024


def clang_commands(case, deadline, folder):
    source = build.find_source(case.package, deadline, built_only=False)
    return [[build.CLANG, "-O2", *build.COMMON, f"-I{build.PROGRAMS}",
             *build.program_flags(case, source, path), "-c", path, "-o", folder / (path.stem + ".o")]
            for path in build.program_sources(case, source)]


def measure_case(case, engines, args, deadline, put):
    """Calls put(engine, unit, value) for each figure, put(engine, "failed", reason) for each none."""
    try:
        wasm = build.build(case, "wasm", "3", "inside", deadline)
    except Unavailable as reason:
        for name in [engine.name for engine in engines]:
            put(name, "failed", str(reason))
        return
    folder = OUT / "compile" / case.name
    folder.mkdir(parents=True, exist_ok=True)
    jobs = {}
    for engine in engines:
        out = folder / (engine.name + engine.suffix)
        out.unlink(missing_ok=True)
        jobs[engine.name] = ([contestants.compile_command(engine, wasm, out, args.opt)], [out])
    if CLANG_ROW in args.engines.split(","):
        try:
            commands = clang_commands(case, deadline, folder)
            jobs[CLANG_ROW] = (commands, [command[-1] for command in commands])
        except Unavailable as reason:
            put(CLANG_ROW, "failed", str(reason))
    put("wasm", "bytes", Path(wasm).stat().st_size)
    walls, peaks, failed = {}, {}, set()
    for _ in range(args.rounds):
        for name, (commands, outs) in jobs.items():
            if name in failed:
                continue
            try:
                taken = [compile_once(command, deadline) for command in commands]
                if not all(out.exists() for out in outs):
                    raise Unavailable("made no file")
            except Unavailable as reason:
                failed.add(name)
                put(name, "failed", str(reason))
                continue
            walls.setdefault(name, []).append(sum(wall_s for wall_s, _ in taken))
            peaks.setdefault(name, []).append(max(peak for _, peak in taken))
    for name in walls:
        if name not in failed:
            put(name, "wall_s", round(statistics.median(walls[name]), 4))
            put(name, "peak_bytes", max(peaks[name]))
            put(name, "bytes", sum(out.stat().st_size for out in jobs[name][1]))


def show_case(case, found, names):
    wasm = found.get("wasm", {}).get("bytes")
    print(f"\n{case.name}" + (f", {wasm / 1e6:.2f} MB of Wasm" if wasm else ""))
    print(f"{'':14}{'wall':>12}{'peak memory':>14}{'result':>12}")
    for name in names:
        figures = found.get(name, {})
        if "wall_s" in figures:
            print(f"{name:14}{figures['wall_s']:>10.2f} s{figures['peak_bytes'] / 1e6:>11.0f} MB"
                  f"{figures['bytes'] / 1e6:>9.2f} MB", flush=True)
        elif "failed" in figures:
            print(f"{name:14}{'-':>12}    {figures['failed']}", flush=True)


def main():
    args = parse_arguments()
    deadline = Deadline(QUICK_SECONDS if args.quick else None)
    engines, absent = [], {}
    for engine in contestants.ENGINES:
        if engine.compile and engine.name in args.engines.split(","):
            try:
                contestants.find_tools(engine)
                engines.append(engine)
                if not args.json:
                    print(f"{engine.name}: {contestants.version(engine)}")
            except Unavailable as reason:
                absent[engine.name] = str(reason)

    def line(engine, case, unit, value, **more):
        print(json.dumps({"bench": BENCH, "engine": engine, "case": case, "unit": unit,
                          "value": value, **more}), flush=True)

    for case in choose_cases(args.only):
        found = {}
        measure_case(case, engines, args, deadline,
                     lambda name, unit, value: found.setdefault(name, {}).update({unit: value}))
        if args.json:
            for name, figures in found.items():
                for unit, value in figures.items():
                    if unit == "failed":
                        line(name, case.name, unit, None, reason=value)
                    else:
                        line(name, case.name, unit, value)
        else:
            show_case(case, found, [engine.name for engine in engines] + [CLANG_ROW])
    for name, reason in absent.items():
        if args.json:
            line(name, "all", "absent", None, reason=reason)
        else:
            print(f"absent: {name} ({reason})")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unavailable as reason:
        sys.exit(f"lab/kernels/compile: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
