"""tasks.py - one measurement each. A task gets a contestant and a workload, and puts what it
measured into samples; `seconds` is what it takes, apart from starting.

kind       what
core       the published study's five metrics: cold starts, 5 warm-ups, 50 requests one after the
           other, 200 on 10 connections, memory; and beside them a run of fixed time
sweep      hello on 1 to 256 connections
rich       one of the richer workloads: one connection, then four
open       hello at a fixed rate that does not wait for answers
run        the workload as a command, from start to exit
recovery   kill -9 of the process that serves, until all is as it was
noisy      hello beside a neighbour of the same contestant that computes
density    memory of one more function that waits
firewall   the study's workloads under a path and rules of their own"""

import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from common import Unavailable
from study import load
from study.contestants import tool
from study.network import Network
from study.session import Failed, Session
from study.workloads import all_workloads

SWEEP = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WARM_UPS, SEQUENTIAL, BURST, BURST_CONNECTIONS = 5, 50, 200, 10
OPEN_RATE, OPEN_CONNECTIONS = 400, 64
RECOVERY_S = 5
DENSITY, DENSITY_TOGETHER = 4, 100     # more functions: as servers of their own, in one server


@dataclass
class Task:
    kind: str
    contestant: object
    workload: object
    round: int
    how: dict = field(default_factory=dict)            # numbers that the plan sets: seconds, starts, ...

    @property
    def id(self):
        more = ",".join(f"{key}={value}" for key, value in sorted(self.how.items()) if key in ("path", "firewall"))
        return "/".join([str(self.round), self.kind, self.contestant.name, self.workload.name, *([more] if more else [])])


def measure(task, samples):
    KINDS[task.kind](task, samples)


def start_cold(s, samples, starts):
    """Started, answered, stopped; the last start stays."""
    if s.loading > 0.001:
        samples.put("load", "us", 1e6 * s.loading)
    for n in range(starts):
        if n:
            s.stop()
        spawned, connected, answered = s.start()
        samples.put("cold start", "us", answered)
        samples.put("cold start: until it listens", "us", connected)
        samples.put("cold start: first answer", "us", answered - connected)


def fixed_time(s, samples, connections, seconds, condition):
    """wrk for some seconds; the server's processor time beside it."""
    before, begin = s.group.cpu_us(), time.monotonic()
    found = load.timed(s, connections, seconds)
    took, cpu = time.monotonic() - begin, s.group.cpu_us() - before
    samples.put("throughput", "requests/s", found["requests"] * 1e6 / found["us"], condition)
    for percentile in load.PERCENTILES:
        samples.put(f"latency p{percentile:g}", "us", found[f"{percentile:g}"], condition)
    samples.put("processor time per request", "us", cpu / found["requests"], condition)
    samples.put("processor use", "%", cpu / took / 1e4, condition)


def core(task, samples):
    how = task.how
    with Session(task.contestant, task.workload) as s:
        start_cold(s, samples, how["starts"])
        s.verify()
        load.counted(s, WARM_UPS, 1)
        samples.put("memory, warm", "bytes", s.group.memory())
        samples.put("latency, one after the other", "us", load.counted(s, SEQUENTIAL, 1)[0])
        before = s.group.cpu_us()
        times, seconds = load.counted(s, BURST, BURST_CONNECTIONS)
        samples.put("latency, 200 on 10", "us", times)
        samples.put("throughput, 200 on 10", "requests/s", BURST / seconds)
        samples.put("processor use, 200 on 10", "%", (s.group.cpu_us() - before) / seconds / 1e4)
        fixed_time(s, samples, BURST_CONNECTIONS, how["seconds"], "10 connections")
        samples.put("memory, after load", "bytes", s.group.memory())
        charged = s.group.charged()
        if charged is not None:
            samples.put("memory, charged", "bytes", charged)
        s.kept.check()
        s.verify()


def sweep(task, samples):
    with Session(task.contestant, task.workload) as s:
        s.start()
        s.verify()
        load.counted(s, WARM_UPS, 1)
        for connections in SWEEP:
            fixed_time(s, samples, connections, task.how["seconds"], f"{connections} connections")
        s.verify()


def rich(task, samples):
    with Session(task.contestant, task.workload) as s:
        start_cold(s, samples, 1)
        s.verify()
        load.counted(s, 2, 1)
        samples.put("latency, one after the other", "us", load.counted(s, task.how["requests"], 1)[0])
        if task.how["seconds"]:
            fixed_time(s, samples, 4, task.how["seconds"], "4 connections")
        samples.put("memory, after load", "bytes", s.group.memory())
        s.verify()


def open_loop(task, samples):
    with Session(task.contestant, task.workload) as s:
        s.start()
        s.verify()
        load.counted(s, WARM_UPS, 1)
        times, seconds = load.counted(s, int(OPEN_RATE * task.how["seconds"]), OPEN_CONNECTIONS, OPEN_RATE)
        samples.put("latency, open loop", "us", times)
        samples.put("rate, open loop", "requests/s", len(times) / seconds)


def run_command(task, samples):
    """hyperfine starts and times it; the output is compared once before."""
    hyperfine = tool("hyperfine", "install hyperfine")
    with Session(task.contestant, task.workload) as s, tempfile.TemporaryDirectory() as folder:
        words = [str(word) for word in task.contestant.command(s)]
        got, wanted = s.run(words).encode(), task.workload.cases[0].expected
        if got != wanted:
            raise Failed("wrong answer", f"it prints {got[:60]!r}, wanted {wanted[:60]!r}")
        out = Path(folder) / "times"
        s.run([hyperfine, "-N", "--style", "none", "--warmup", 2, "--runs", task.how["runs"], "--export-json", out, " ".join(map(quote, words))])
        samples.put("command, start to exit", "us", [1e6 * value for value in json.loads(out.read_text(encoding="utf-8"))["results"][0]["times"]])


def quote(word):
    """For hyperfine -N, which splits words as a shell does."""
    return "'" + word.replace("'", "'\\''") + "'"


def recovery(task, samples):
    with Session(task.contestant, task.workload) as s:
        s.start()
        s.verify()
        before = s.listeners()
        victim, begin = task.contestant.victim(s), time.monotonic()
        s.kill(victim)
        while time.monotonic() < begin + RECOVERY_S:
            now = s.listeners()
            if len(now) >= len(before) and victim not in now and s.kept.probe(RECOVERY_S * 1000) is not None:
                samples.put("recovery", "us", 1e6 * (time.monotonic() - begin))
                return s.verify()
            time.sleep(0.001)
        raise Unavailable(f"nothing brought it back within {RECOVERY_S} s")


def noisy(task, samples):
    """One connection's latency, alone and while hash runs on four: in one server where the
    contestant serves several, in two otherwise."""
    network, neighbour = Network(), next(w for w in all_workloads() if w.name == "hash")
    try:
        with Session(task.contestant, task.workload, network) as s:
            words = task.contestant.together(s, {"/": task.workload, "/hash": neighbour})
            s.start(words)
            s.verify()
            if words:
                beside_neighbour(task, samples, s, s.at_path("/hash"))
            else:
                with Session(task.contestant, neighbour, network, port_offset=1) as other:
                    other.start()
                    beside_neighbour(task, samples, s, other)
    finally:
        network.remove()


def beside_neighbour(task, samples, s, other):
    load.counted(s, WARM_UPS, 1)
    alone = load.counted(s, BURST, 1)[0]
    with load.background(other, 4, task.how["seconds"]):
        beside = load.counted(s, BURST, 1)[0]
    samples.put("latency alone", "us", alone)
    samples.put("latency beside a neighbour", "us", beside)
    samples.put("latency beside a neighbour, ratio", "x", statistics.median(beside) / statistics.median(alone))


def density(task, samples):
    with Session(task.contestant, task.workload) as s:
        more = {f"/{n}": task.workload for n in range(DENSITY_TOGETHER)}
        words = task.contestant.together(s, {"/": task.workload})
        s.start(words)
        s.verify()
        before = s.group.memory()
        if words:
            s.stop()
            s.start(task.contestant.together(s, {"/": task.workload, **more}))
            for path in more:
                s.at_path(path).verify()
            return put_density(samples, (s.group.memory() - before) / len(more))
        others = [s.sibling(n + 1) for n in range(DENSITY)]
        try:
            for other in others:
                other.start()
                other.verify()
            put_density(samples, (s.group.memory() - before) / len(others))
        finally:
            for other in others:
                other.stop()


def put_density(samples, each):
    samples.put("memory per idle function", "bytes", each)
    samples.put("idle functions per GiB", "functions", 2**30 / each)


def firewall(task, samples):
    how = task.how
    network = Network(how["path"], how["firewall"])
    try:
        with Session(task.contestant, task.workload, network) as s:
            s.start()
            s.verify()
            load.counted(s, WARM_UPS, 1)
            for connections in (1, 10):
                fixed_time(s, samples, connections, how["seconds"], f"{how['path']}, {how['firewall']}, {connections} connections")
    finally:
        network.remove()


KINDS = {"core": core, "sweep": sweep, "rich": rich, "open": open_loop, "run": run_command, "recovery": recovery,
         "noisy": noisy, "density": density, "firewall": firewall}
