#!/usr/bin/env python3
"""Guests of many languages under mote, beside what is expected of them and beside Wasmtime.

usage: run.py [--update] [--level N] [--alone] [--guests DIR] MOTE GUEST...

A case is a few runs of one guest over one fresh folder. What all of them printed, how
they ended and what is in the folder afterwards must be the same as in the file
expected/CASE.txt and, where Wasmtime is found (on PATH, in ~/.cargo/bin, or named by
WASMTIME), as under Wasmtime; --alone leaves that out. --update writes the files of expected/ from Wasmtime.
A guest that is not built (guests/build builds them) is skipped, with the reason.
"""
import argparse
import difflib
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cases
import sqlite_kill

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TIME_LIMIT_S = 500
counts = {"passed": 0, "failed": 0, "skipped": 0}


def count(state, words, details=""):
    counts[state] += 1
    if state != "passed":
        print(f"{state}: {words}", flush=True)
        if details:
            print("    " + details.replace("\n", "\n    "))


# ---- engines ------------------------------------------------------------------------

def find_wasmtime():
    for path in (os.environ.get("WASMTIME"), shutil.which("wasmtime"), Path.home() / ".cargo" / "bin" / "wasmtime"):
        if path and os.access(path, os.X_OK):
            return str(path)
    return None


class Engine:
    """A command that takes what `wasmtime run` takes."""

    def __init__(self, command, env):
        self.command, self.env = command, dict(os.environ, **env)

    def words(self, wasm, step, folder):
        words = [*self.command]
        for name, value in sorted(step.env.items()):
            words += ["--env", f"{name}={value}"]
        if step.grant:
            words += ["--dir", f"{folder}::/data"]
        if step.scripts:
            words += ["--dir", f"{HERE / 'scripts'}::/scripts"]
        return [*words, str(wasm), *step.args]

    def run(self, wasm, step, folder):
        """(exit code, what it printed, what it complained of)"""
        done = subprocess.run(self.words(wasm, step, folder), input=step.stdin, capture_output=True, env=self.env,
                              timeout=TIME_LIMIT_S, check=False)
        return done.returncode, done.stdout, done.stderr


def mote_engine(mote, level):
    """Its cache is its own: nothing of another build, nothing of the user."""
    tools = [mote, mote.with_name("mote-compile")]
    key = hashlib.sha256(repr([(tool.stat().st_size, tool.stat().st_mtime_ns) for tool in tools]).encode()).hexdigest()
    top = mote.parent / "guests-cache"
    for old in top.glob("*"):
        if old.name != key[:16]:
            shutil.rmtree(old, ignore_errors=True)
    top.mkdir(exist_ok=True)
    words = [str(mote), "run"] + ([f"-Oopt-level={level}"] if level is not None else [])
    return Engine(words, {"MOTE_CACHE_DIR": str(top / key[:16]), "MOTE_COMPILE": str(tools[1])})


# ---- what came of a case ----------------------------------------------------------------

def text(data):
    return data.decode("utf-8", "backslashreplace")


def short(data):
    """What a step printed: all of it, or how much of what."""
    if len(data) <= 4000:
        return text(data)
    return f"({len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]})\n"


def describe(path, varies):
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    if path.is_dir():
        return "folder"
    if varies:
        return "file"
    data = path.read_bytes()
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def tree(folder, case, exact):
    """A line for everything beneath. exact: also the bytes that a guest's version decides."""
    lines = []
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder)
        varies = not exact and any(name.match(pattern) for pattern in case.varies)
        lines.append(f"{name}: {describe(path, varies)}\n")
    return "".join(lines)


def fill(folder, files):
    for name, data in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1600000000, 1600000000))


def play(engine, case, wasm):
    """(what expected/ has, what two engines must agree on) after every step of a case."""
    lines = []
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, "data")
        folder.mkdir()
        Path(top, "outside.txt").write_text("nobody reads this\n", encoding="ascii")
        fill(folder, case.files)
        for step in case.steps:
            code, out, err = engine.run(wasm, step, folder)
            lines.append(f"$ {' '.join(step.args)}\n{short(out)}")
            if step.stderr and err:
                lines.append(f"--- stderr\n{short(err)}")
            lines.append(f"--- exit code {code}\n")
        after = [tree(folder, case, exact) for exact in (False, True)]
    said = "".join(lines).replace(wasm.name, "GUEST.wasm")
    return said + "--- files\n" + after[0], said + "--- files\n" + after[1]


def difference(wanted, had, wanted_name, had_name):
    return "".join(difflib.unified_diff(wanted.splitlines(True), had.splitlines(True), wanted_name, had_name, n=1))


# ---- cases ------------------------------------------------------------------------------------

def expected_path(case, guest):
    """expected/CASE.GUEST.txt where a guest differs from the others, else expected/CASE.txt."""
    own = HERE / "expected" / f"{case.name}.{guest}.txt"
    return own if own.exists() else HERE / "expected" / f"{case.name}.txt"


def check(case, guest, wasm, mote, wasmtime, alone):
    name = f"{guest}: {case.name}"
    try:
        stable, exact = play(mote, case, wasm)
    except subprocess.TimeoutExpired:
        count("failed", f"{name}: it did not end in {TIME_LIMIT_S} s")
        return
    path = expected_path(case, guest)
    wanted = path.read_text(encoding="utf-8") if path.exists() else ""
    if stable == wanted:
        count("passed", name)
    else:
        count("failed", f"{name}: not as expected", difference(wanted, stable, path.name, "mote"))
    if wasmtime is None:
        if not alone:
            count("skipped", f"{name}: no Wasmtime to compare with")
        return
    other = play(wasmtime, case, wasm)[1]
    if exact == other:
        count("passed", name)
    else:
        count("failed", f"{name}: not as under Wasmtime", difference(other, exact, "wasmtime", "mote"))


def update(case, guest, wasm, wasmtime):
    stable = play(wasmtime, case, wasm)[0]
    shared, own = HERE / "expected" / f"{case.name}.txt", HERE / "expected" / f"{case.name}.{guest}.txt"
    own.unlink(missing_ok=True)
    if not shared.exists():
        shared.write_text(stable, encoding="utf-8")
    elif shared.read_text(encoding="utf-8") != stable:
        own.write_text(stable, encoding="utf-8")
        print("written:", own.name)


def report_compile(guest, wasm, mote):
    """Compile time and memory of a first run; with a filled cache there is nothing to tell."""
    start = time.monotonic()
    mote.run(wasm, cases.Step(["--version"]), HERE)
    elapsed = time.monotonic() - start
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.monotonic()
    mote.run(wasm, cases.Step(["--version"]), HERE)
    print(f"{guest}: the first run took {elapsed:.1f} s and at most {peak_kib / 1024:.0f} MiB, "
          f"the next {time.monotonic() - start:.3f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--level")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--guests", type=Path, default=ROOT / "build" / "guests")
    parser.add_argument("mote", type=Path)
    parser.add_argument("guest", nargs="+")
    args = parser.parse_args()
    found = None if args.alone else find_wasmtime()
    wasmtime = found and Engine([found, "run", "-Wexceptions=y"], {})
    mote = None if args.update else mote_engine(args.mote.resolve(), args.level)
    status = args.guests / "status.json"
    states = json.loads(status.read_text(encoding="utf-8")) if status.exists() else {}
    for guest in args.guest:
        wasm = args.guests / (guest + ".wasm")
        if not wasm.exists():
            state = states.get(guest, {}).get("state")
            words = states[guest]["words"] if state in ("skipped", "failed") else "not built (make guests)"
            count("failed" if state == "failed" else "skipped", f"{guest}: {words}")
            continue
        if guest == "cpython" and mote:
            report_compile(guest, wasm, mote)
        for case in cases.of(guest):
            if args.update:
                update(case, guest, wasm, wasmtime)
            else:
                check(case, guest, wasm, mote, wasmtime, args.alone)
        if guest == "sqlite" and mote:
            sqlite_kill.check(mote, wasm, count)
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    return int(counts["failed"] > 0)


sys.exit(main())
