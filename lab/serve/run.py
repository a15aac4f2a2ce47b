"""run.py - how many requests are served, and how fast.

hello    a C program that prints a value of the request, a fresh instance for each request
         (mote serve), beside an epoll server in C that answers constant bytes (bare), both
         with two workers; wrk with one thread and 32 connections, on the same processors
one      the same, one connection
cpu      processor time of all server processes per request of hello, microseconds
ratio    requests per second of mote serve, as a part of bare's

Contestants take turns (A B, A B); the median of all rounds is reported. `wasmtime serve` runs
components of wasi:http, another kind of program, and is said to be absent."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/serve"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "serve"
ENGINES = ["bare", "mote", "wasmtime"]
WORKERS = "2"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, process, deadline):
    for _ in range(500):
        deadline.check()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise Unavailable("the server ended") from None
            time.sleep(0.02)
    raise Unavailable("the server does not answer")


def family(pid):
    """A process and all below it that live."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], stdout=subprocess.PIPE, check=False).stdout.split()
    return [pid, *(below for child in children for below in family(int(child)))]


def cpu_us(process):
    """Of a process and all below it that live, microseconds; a tick is 10 ms."""
    total = 0
    for pid in family(process.pid):
        words = Path(f"/proc/{int(pid)}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        total += int(words[11]) + int(words[12])
    return total * 1000000 / TICK


def load(port, connections, seconds, deadline):
    """Requests in all, requests per second, median and 99th percentile in microseconds."""
    text = common.run_tool(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", f"http://127.0.0.1:{port}/"], deadline)
    if "Non-2xx" in text or "Socket errors" in text:
        raise Unavailable("errors under load: " + " ".join(text.split())[-120:])
    units = {"us": 1, "ms": 1e3, "s": 1e6}
    at = {p: float(n) * units[u] for p, n, u in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", text)}
    return int(re.search(r"(\d+) requests in", text).group(1)), float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), \
        at["50"], at["99"]


def prepare(figures, deadline):
    if not shutil.which("wrk"):
        raise Unavailable("wrk is not on PATH (Debian has a package)")
    OUT.mkdir(parents=True, exist_ok=True)
    ports = {"bare": free_port(), "mote": free_port()}
    commands = {"bare": [common.compile_c(HERE / "bare.c", OUT / "bare", deadline), str(ports["bare"]), WORKERS]}
    try:
        guest = OUT / "hello.wasm"
        common.make(guest, [common.CLANG, "--target=wasm32-wasi", "-O2", HERE / "hello.c", "-o", guest], [HERE / "hello.c"], deadline)
        commands["mote"] = [common.find_mote(), "serve", "--addr", f"127.0.0.1:{ports['mote']}", "--workers", WORKERS, guest]
    except Unavailable as reason:
        figures.absent("mote", reason)
    figures.absent("wasmtime", "wasmtime serve runs components of wasi:http, which mote does not yet")
    return commands, ports


def measure(commands, ports, rounds, seconds, deadline):
    found, servers = {}, {}

    def keep(engine, case, value):
        found.setdefault((engine, case), []).append(value)

    try:
        for engine, command in commands.items():
            servers[engine] = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            await_port(ports[engine], servers[engine], deadline)
            load(ports[engine], 32, 1, deadline)
        for turn in range(rounds):
            if turn and deadline.left() is not None and deadline.left() < len(servers) * (seconds + 2):
                break
            for engine, server in servers.items():
                before = cpu_us(server)
                n, rate, p50, p99 = load(ports[engine], 32, seconds, deadline)
                for case, value in (("hello", rate), ("hello, p50", p50), ("hello, p99", p99), ("cpu", (cpu_us(server) - before) / n)):
                    keep(engine, case, value)
            for engine in servers:
                keep(engine, "one, p50", load(ports[engine], 1, 1, deadline)[2])
    finally:
        for server in servers.values():
            server.terminate()
            server.wait()
    return found


def main():
    args = common.parser("lab/serve/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    commands, ports = prepare(figures, deadline)
    found = measure(commands, ports, args.rounds or (3 if args.quick else 7), 1 if args.quick else 5, deadline)
    for case, unit, digits in (("hello", "requests/s", 0), ("hello, p50", "us", 0), ("hello, p99", "us", 0), ("cpu", "us", 2),
                               ("one, p50", "us", 0)):
        for engine in commands:
            figures.put_all(engine, case, unit, found[engine, case], digits)
    if "mote" in commands:
        figures.put("mote", "ratio", "of bare", figures.value("mote", "hello") / figures.value("bare", "hello"), 2)
        figures.goal("mote", "cpu", figures.value("bare", "cpu") + 2.5, "us", " (2.5 beyond bare's)")
        figures.goal("mote", "hello, p99", figures.value("bare", "hello, p99") * 2, "us", " (twice bare's)")
        figures.goal("mote", "one, p50", figures.value("bare", "one, p50") + 6, "us", " (6 beyond bare's)")
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/serve/run", main)
