"""common.py - what the lab's commands share: how long they may take, where things are
built, mote and Wasmtime's library, and how figures are shown.

Everything that is built or fetched lies under build/lab, or the folder LAB_BUILD names.
MOTE names a mote to measure instead of build/mote; libmote is looked for beside it."""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
OUT = Path(os.environ.get("LAB_BUILD", ROOT / "build" / "lab")).resolve()
CLANG = os.environ.get("CLANG", "clang-19")
CC = os.environ.get("CC", "cc")


class Unavailable(Exception):
    """Why something can't be built or run; the words are shown to the user."""


# ---- time ---------------------------------------------------------------------------

class Deadline:
    """The time that a run may take; seconds is None when it may take any."""

    def __init__(self, seconds):
        self.end = None if seconds is None else time.monotonic() + seconds

    def left(self):
        return None if self.end is None else max(0.0, self.end - time.monotonic())

    def check(self):
        if self.left() == 0.0:
            raise Unavailable("out of time")


def quick_seconds():
    """What --quick may take: it leaves room to finish what is under way. lab/bench gives
    each benchmark a share of it in LAB_SECONDS."""
    return float(os.environ.get("LAB_SECONDS", 42))


# ---- building -----------------------------------------------------------------------

def run_tool(command, deadline, cwd=None, limit_s=None):
    """Runs a command; its output is shown only in the reason of a failure."""
    deadline.check()
    limits = [limit for limit in (deadline.left(), limit_s) if limit is not None]
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=min(limits, default=None), errors="replace")
    except subprocess.TimeoutExpired:
        raise Unavailable("out of time") from None
    except OSError as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no output"]
        word = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise Unavailable(f"{Path(command[0]).name}: status {done.returncode}: {word.strip()[:200]}")
    return done.stdout


def digest(command, inputs, tools):
    """Tools count by size and time, inputs by content."""
    state = hashlib.sha256("\0".join(str(word) for word in command).encode())
    for tool in [shutil.which(str(command[0])) or command[0], *tools]:
        if os.path.exists(tool):
            found = os.stat(tool)
            state.update(f"{found.st_size}:{found.st_mtime_ns}\0".encode())
    for path in inputs:
        state.update(Path(path).read_bytes())
    return state.hexdigest()


_locks, _locks_guard = {}, threading.Lock()


def make(out, command, inputs, deadline, built_only=False, tools=()):
    """Makes the file out by a command unless the last making had the same inputs and tools
    (the command's own program and those that it starts)."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with _locks_guard:
        lock = _locks.setdefault(out, threading.Lock())
    with lock:
        stamp, key = out.with_name(out.name + ".key"), digest(command, inputs, tools)
        if out.exists() and stamp.exists() and stamp.read_text() == key:
            return out
        if built_only:
            raise Unavailable("not built yet (run without --quick, or with --build)")
        out.unlink(missing_ok=True)
        run_tool(command, deadline)
        if not out.exists():
            raise Unavailable(f"{Path(command[0]).name} made no file")
        stamp.write_text(key)
    return out


def compile_c(source, out, deadline, flags=(), libs=()):
    """A C program of the lab. What it includes lies under lab/ or include/."""
    headers = sorted([*HERE.glob("*.h"), *source.parent.glob("*.h"), *(ROOT / "include" / "mote").glob("*.h")])
    command = [CC, "-O2", "-std=gnu17", "-Wall", "-Wextra", f"-I{ROOT / 'include'}", *flags, source, "-o", out, *libs]
    return make(out, command, [source, *headers], deadline)


def compile_guest(source, out, deadline, flags=()):
    """A module from one C file, without libc."""
    if shutil.which(CLANG) is None:
        raise Unavailable(f"{CLANG} is not on PATH (the variable CLANG names another)")
    command = [CLANG, "--target=wasm32", "-O2", "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-debug", *flags,
               source, "-o", out]
    return make(out, command, [source], deadline)


# ---- mote ---------------------------------------------------------------------------

def find_mote():
    """The command; mote-compile and libmote.so lie beside it."""
    found = os.environ.get("MOTE") or next((str(path) for path in [ROOT / "build" / "mote"] if path.exists()),
                                           shutil.which("mote"))
    if not found or not os.access(found, os.X_OK):
        raise Unavailable("mote not found (make builds it)")
    return Path(found).resolve()


def compile_with_libmote(source, out, deadline):
    """A program that embeds mote as a user's would: with the shared library."""
    folder = find_mote().parent
    if not (folder / "libmote.so").exists():
        raise Unavailable(f"no libmote.so beside {folder.name}/mote")
    return compile_c(source, out, deadline, libs=[f"-L{folder}", "-lmote", f"-Wl,-rpath,{folder}"])


def compile_artifact(wasm, out, deadline):
    mote = find_mote()
    return make(out, [mote, "compile", wasm, "-o", out], [wasm], deadline, tools=[mote.with_name("mote-compile")])


# ---- Wasmtime's library -------------------------------------------------------------

WASMTIME_WHEEL = "wasmtime>=48,<49"    # lab/wasmtime.h has the layouts of this version


def find_libwasmtime(deadline):
    """LIBWASMTIME's value, or the library out of the Python wheel, which is fetched once
    and kept under OUT. It is loaded by dlopen(); no Python is involved in what is timed."""
    if os.environ.get("LIBWASMTIME"):
        return os.environ["LIBWASMTIME"]
    folder = OUT / "wasmtime"
    found = sorted(folder.glob("wasmtime/linux-*/_libwasmtime.so"))
    if not found:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
        run_tool([*pip, "install", "--no-deps", "--only-binary", ":all:", "--target", folder, WASMTIME_WHEEL],
                 deadline, limit_s=120)
        found = sorted(folder.glob("wasmtime/linux-*/_libwasmtime.so"))
    if not found:
        raise Unavailable("the wheel wasmtime has no library for this machine")
    return str(found[0])


def libwasmtime_version(library):
    """What the wheel's folder of facts says; "" for a library from elsewhere."""
    facts = sorted(Path(library).parents[2].glob("wasmtime-*.dist-info")) if len(Path(library).parents) > 2 else []
    return facts[0].name.split("-")[1].removesuffix(".dist") if facts else ""


# ---- measuring ----------------------------------------------------------------------

def run_lines(command, deadline):
    """Runs a C program of the lab: {case: [values of each of its lines]}."""
    found = {}
    for line in run_tool(command, deadline).splitlines():
        case, *values = line.split()
        found.setdefault(case, []).append([float(value) for value in values])
    return found


def median(values):
    return statistics.median(values)


def quartiles(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]


# ---- showing ------------------------------------------------------------------------

class Figures:
    """One command's figures: a JSON object a line as they come, or a table at the end.
    Rows are cases, columns are engines."""

    def __init__(self, bench, args, engines):
        self.bench, self.json, self.engines = bench, args.json, engines
        self.rows, self.units, self.absences, self.goals = {}, {}, {}, []

    def line(self, engine, case, unit, value, **more):
        if self.json:
            print(json.dumps({"bench": self.bench, "engine": engine, "case": case, "unit": unit,
                              "value": value, **more}), flush=True)

    def put(self, engine, case, unit, value, digits=2, **more):
        self.line(engine, case, unit, round(value, 4), **more)
        self.rows.setdefault(case, {})[engine] = (value, digits)
        self.units[case] = unit

    def put_all(self, engine, case, unit, values, digits=2):
        """A figure from many measurements: the median, and the quartiles around it."""
        low, high = quartiles(values)
        self.put(engine, case, unit, median(values), digits, low=round(low, 4), high=round(high, 4), n=len(values))

    def value(self, engine, case):
        return self.rows.get(case, {}).get(engine, (None, 0))[0]

    def say(self, engine, words):
        """A fact beside the figures: a version, a list of libraries."""
        self.line(engine, "all", "said", words)
        if not self.json:
            print(f"{engine}: {words}", flush=True)

    def absent(self, engine, reason):
        self.absences[engine] = str(reason)
        self.line(engine, "all", "absent", None, reason=str(reason))

    def goal(self, engine, case, most, unit, what=""):
        """Notes whether a figure is at most what it should be."""
        value = self.value(engine, case)
        if value is None or most is None:
            return
        digits = self.rows[case][engine][1]
        reached = value <= most
        self.goals.append((f"{engine}, {case}: {value:,.{digits}f} {unit}, wanted at most {most:,.{digits}f}{what}", reached))
        self.line(engine, case, "goal_" + unit, round(most, 4), reached=reached)

    def goal_least(self, engine, case, least, unit, what=""):
        """Notes whether a figure is at least what it should be."""
        value = self.value(engine, case)
        if value is None or least is None:
            return
        digits = self.rows[case][engine][1]
        reached = value >= least
        self.goals.append((f"{engine}, {case}: {value:,.{digits}f} {unit}, wanted at least {least:,.{digits}f}{what}", reached))
        self.line(engine, case, "goal_" + unit, round(least, 4), reached=reached)

    def table(self):
        if self.json:
            return
        engines = [name for name in self.engines if any(name in row for row in self.rows.values())]
        width = max([len(case) for case in self.rows] + [24]) + 2
        print()
        print(" " * width + "".join(f"{name:>20}" for name in engines))
        for case, row in self.rows.items():
            cells = [f"{row[name][0]:,.{row[name][1]}f} {self.units[case]}" if name in row else "-" for name in engines]
            print(f"{case:{width}}" + "".join(f"{cell:>20}" for cell in cells))
        print()
        for words, reached in self.goals:
            print(f"{'reached' if reached else 'MISSED ':8} {words}")
        for name, reason in self.absences.items():
            print(f"absent: {name} ({reason})", flush=True)

    def all_reached(self):
        return all(reached for _, reached in self.goals)


def parser(name, doc):
    p = argparse.ArgumentParser(prog=name, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="fewer rounds, at most 45 s")
    p.add_argument("--json", action="store_true", help="one JSON object a line")
    p.add_argument("--rounds", type=int, metavar="N", help="processes per contestant")
    p.add_argument("--check", action="store_true", help="status 1 if a goal is missed")
    return p


def main_of(name, main):
    """Runs main(); what can't be measured at all ends with the reason."""
    try:
        sys.exit(main())
    except Unavailable as reason:
        sys.exit(f"{name}: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
