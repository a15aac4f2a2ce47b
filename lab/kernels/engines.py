"""engines.py - the contestants: how to find, compile for and run each; one row, one engine.

In a command, {NAME} is the path of a tool in `tools`, {wasm} the module, {out} the compiled
form (or the module itself where there is no `compile`), {n} the amount of work and {level}
the option --opt. A run prints the checksum as the last number on standard output."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from build import OUT, ROOT, Unavailable, make

HERE = Path(__file__).resolve().parent


@dataclass
class Engine:
    name: str
    target: str                        # a key of build.TARGETS
    tools: tuple = ()
    compile: tuple = ()
    level: tuple = ()                  # added to compile where --opt is given
    suffix: str = ""
    call: tuple = ()                   # runs the export run(n)
    command: tuple = ()                # runs a WASI command
    self_timed: bool = False           # the run itself says "user_us N" on standard error
    note: str = ""
    paths: dict = field(default_factory=dict)


ENGINES = [
    Engine("native", "native", call=("{out}", "{n}"), command=("{out}", "{n}")),
    Engine("native-march", "native-march", call=("{out}", "{n}"), command=("{out}", "{n}")),
    Engine("mote", "wasm", ("mote",), ("{mote}", "compile", "{wasm}", "-o", "{out}"),
           ("-O{level}",), ".mote",
           call=("{mote}", "run", "--invoke", "run", "{out}", "{n}"),
           command=("{mote}", "run", "{out}", "{n}")),
    Engine("wasmtime", "wasm", ("wasmtime",), ("{wasmtime}", "compile", "{wasm}", "-o", "{out}"),
           (), ".cwasm",
           call=("{wasmtime}", "run", "--allow-precompiled", "--invoke", "run", "{out}", "{n}"),
           command=("{wasmtime}", "run", "--allow-precompiled", "{out}", "{n}")),
    Engine("wamr", "wasm", ("wamrc", "iwasm"), ("{wamrc}", "-o", "{out}", "{wasm}"),
           (), ".aot",
           call=("{iwasm}", "-f", "run", "{out}", "{n}"),
           command=("{iwasm}", "{out}", "{n}")),
    Engine("wasmedge", "wasm", ("wasmedge",), ("{wasmedge}", "compile", "{wasm}", "{out}"),
           (), ".so",
           call=("{wasmedge}", "run", "--run-mode", "aot", "--reactor", "{out}", "run", "{n}"),
           command=("{wasmedge}", "run", "--run-mode", "aot", "{out}", "{n}")),
    Engine("node", "wasm", ("node",),
           call=("{node}", "--no-liftoff", "--no-wasm-tier-up", "--no-wasm-lazy-compilation",
                 "--no-warnings", str(HERE / "node.mjs"), "{out}", "{n}"),
           command=("{node}", "--no-liftoff", "--no-wasm-tier-up", "--no-wasm-lazy-compilation",
                    "--no-warnings", str(HERE / "node.mjs"), "{out}", "{n}"),
           self_timed=True, note="V8 keeps no compiled form: the call alone is timed"),
]

# Where tools lie that are not on PATH; MOTE names another mote.
ELSEWHERE = {
    "mote": [ROOT / "build" / "mote"],
    "wasmtime": [Path.home() / ".cargo" / "bin" / "wasmtime"],
}


def find_tools(engine):
    """Fills engine.paths, or says what is missing."""
    for tool in engine.tools:
        near = [os.environ.get(tool.upper()), *ELSEWHERE.get(tool, [])]
        found = next((str(path) for path in near if path and os.access(path, os.X_OK)), None)
        engine.paths[tool] = found or shutil.which(tool)
        if engine.paths[tool] is None:
            raise Unavailable(f"{tool} not found")


def version(engine):
    """The first line that each tool prints for --version; "" where there is none."""
    words = []
    for tool in engine.tools:
        try:
            done = subprocess.run([engine.paths[tool], "--version"], capture_output=True, text=True,
                                  timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            continue
        words += (done.stdout or done.stderr).strip().splitlines()[:1]
    return ", ".join(words)


def fill(words, engine, **values):
    return [word.format(**engine.paths, **values) for word in words]


def compile_command(engine, wasm, out, level):
    words = engine.compile + (engine.level if level is not None else ())
    return fill(words, engine, wasm=wasm, out=out, level=level)


def compiled_form(engine, wasm, level, deadline, built_only=False):
    """The file that the engine runs for a module; the module itself where it compiles none."""
    if not engine.compile:
        return wasm
    out = OUT / engine.name / (Path(wasm).stem + (f"-O{level}" if level else "") + engine.suffix)
    beside = []                        # mote's compiler is a program of its own
    if engine.name == "mote":
        beside = [Path(engine.paths["mote"]).with_name("mote-compile")]
    return make(out, compile_command(engine, wasm, out, level), [wasm], deadline, built_only, beside)


@dataclass
class Outcome:
    user_s: float
    wall_s: float
    peak_bytes: int
    checksum: int                      # None: no number was printed


def measure(command, limit_s):
    """Runs a command; returns its output and resources: of the process and its children."""

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error.strerror}") from None
        killer = threading.Timer(limit_s, child.kill) if limit_s is not None else None
        if killer:
            killer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            if killer:
                killer.cancel()
        wall_s = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        out_text, err_text = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if limit_s is not None and wall_s >= limit_s:
        raise Unavailable(f"ended after {limit_s:.0f} s")
    if child.returncode < 0:
        raise Unavailable(f"killed by {signal.Signals(-child.returncode).name}")
    if child.returncode != 0:
        lines = [line for line in (err_text + out_text).splitlines() if line.strip()] or ["no output"]
        raise Unavailable(f"status {child.returncode}: {lines[-1].strip()[:200]}")
    return out_text, err_text, usage, wall_s


def run(engine, path, n, form, limit_s):
    """One run of a compiled case. Raises Unavailable if it fails."""
    words = engine.call if form == "inside" else engine.command
    out, err, usage, wall_s = measure(fill(words, engine, out=path, n=n), limit_s)
    numbers = re.findall(r"(?<![\w.])(0x[0-9a-fA-F]+|-?\d+)(?![\w.])", out)
    checksum = int(numbers[-1], 0) % 2**64 if numbers else None
    user_s = usage.ru_utime
    if engine.self_timed:
        said = re.search(r"user_us (\d+)", err)
        if not said:
            raise Unavailable("did not say user_us")
        user_s = int(said[1]) / 1e6
    return Outcome(user_s, wall_s, usage.ru_maxrss * 1024, checksum)
