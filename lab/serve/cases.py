"""cases.py - what is measured, one function a case. Each takes the lab and notes figures and
goals; contestants take turns within it."""

import re
import socket
import statistics
import time
from contextlib import ExitStack

import common
from common import Unavailable
from contestants import APP, HERE, OUT, compile_wasi, many_modules, parallel
from servers import Peak, workers_of

MANY, TENANTS = 10000, 50
GIGABYTE, MEGABYTE = 1 << 30, 1 << 20


def median_of(lines, name):
    return statistics.median(line[name] for line in lines)


# ---- hello: rate, tail, processor time, one connection, memory --------------------------------

UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def wrk(lab, server, connections, seconds, words=()):
    """wrk with one thread, on the same processors: {name: value} as load.c's."""
    before = server.cpu_us()
    text = common.run_tool(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", *words, f"http://127.0.0.1:{server.port}/"],
                           lab.deadline)
    if "Non-2xx" in text or "Socket errors" in text:
        raise Unavailable("errors under load: " + " ".join(text.split())[-120:])
    found = {f"p{p}": float(n) * UNITS[u] for p, n, u in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", text)}
    found["rate"] = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    found["cpu"] = (server.cpu_us() - before) / int(re.search(r"(\d+) requests in", text).group(1))
    return found


def start_all(lab, stack):
    makers = {"bare": lab.bare, "nginx": lab.nginx, "mote": lambda: lab.mote("hello", {"hello": (lab.guest("hello"), "/*", {})}),
              "wasmtime": lab.wasmtime}
    servers = {}
    for engine, make in makers.items():
        try:
            servers[engine] = stack.enter_context(make())
        except Unavailable as reason:
            if engine in ("bare", "mote"):
                raise
            lab.figures.absent(engine, reason)
    return servers


def hello(lab):
    """A fresh instance per request, wrk -t1 -c32."""
    found, ones, peaks = {}, {}, []
    with ExitStack() as stack:
        servers = start_all(lab, stack)
        for server in servers.values():
            wrk(lab, server, 32, 1)
        for turn in range(lab.rounds):
            if turn and not lab.has_time(len(servers) * (lab.seconds + 2)):
                break
            for engine, server in servers.items():
                if engine == "mote":
                    with Peak(server) as peak:
                        line = wrk(lab, server, 32, lab.seconds)
                    peaks.append(peak.kb / 1024)
                else:
                    line = wrk(lab, server, 32, lab.seconds)
                found.setdefault(engine, []).append(line)
            for engine, server in servers.items():
                ones.setdefault(engine, []).append(lab.load(server, connections=1, seconds=1))
    put_hello(lab, found, ones, peaks)


def put_hello(lab, found, ones, peaks):
    f = lab.figures
    for name, case, unit, digits in (("rate", "hello", "requests/s", 0), ("p50", "hello, p50", "us", 0), ("p99", "hello, p99", "us", 0),
                                     ("cpu", "hello, cpu", "us", 2)):
        for engine, lines in found.items():
            f.put_all(engine, case, unit, [line[name] for line in lines], digits)
    for name, case in (("p50", "one, p50"), ("p99", "one, p99")):
        for engine, lines in ones.items():
            f.put_all(engine, case, "us", [line[name] for line in lines], 1)
    f.put_all("mote", "hello, memory", "MB", peaks, 1)
    for engine in ("nginx", "mote", "wasmtime"):
        if f.value(engine, "hello"):
            f.put_all(engine, "hello, of bare", "", [a["rate"] / b["rate"] for a, b in zip(found[engine], found["bare"])], 3)
    f.goal_least("mote", "hello, of bare", 0.75, "")
    f.goal("mote", "hello, p99", f.value("bare", "hello, p99") * 2, "us", " (twice bare's)")
    f.goal("mote", "hello, cpu", f.value("bare", "hello, cpu") + 2.5, "us", " (2.5 beyond bare's)")
    f.goal("mote", "one, p50", f.value("bare", "one, p50") + 6, "us", " (6 beyond bare's)")
    f.goal("mote", "hello, memory", 10, "MB")
    if f.value("wasmtime", "hello"):
        f.goal_least("mote", "hello", 9 * f.value("wasmtime", "hello"), "requests/s", " (9 times Wasmtime's)")


# ---- many functions ---------------------------------------------------------------------------

def rows_of_many(lab, n):
    folder = many_modules(n, lab.deadline)
    return {f"f{i}": (folder / f"{i}.wasm", f"/f{i}", {}) for i in range(n)}


def prepare_many(lab):
    """How many functions there are: all, or where there is no time to compile them, fewer."""
    compiler = lab.mote_path.with_name("mote-compile")
    ready = OUT / f"many.{common.digest([compiler], [], [])[:16]}"    # another compiler, another cache
    have = int(ready.read_text(encoding="ascii")) if ready.exists() else 0
    n = MANY if not lab.quick else max(min(have, MANY), 500)
    if have < n:
        with lab.mote("fill", rows_of_many(lab, n), 3600, operated=False, tenants=TENANTS):
            ready.write_text(str(n), encoding="ascii")
    return n


def many(lab):
    """10,000 functions of 50 tenants, each of other code, at random; cold ones; start; memory."""
    n = prepare_many(lab)
    rows, f = rows_of_many(lab, n), lab.figures
    if n != MANY:
        f.say("mote", f"{n} functions in place of {MANY} (compiled so far)")
    found = {name: [] for name in ("start", "cold, p50", "cold, p99", "bare, p50", "bare, p99", "one", "all", "kept", "bound")}
    idle = []
    for turn in range(min(lab.rounds, 3 if lab.quick else 7)):
        if turn and not lab.has_time(4 * lab.seconds + 4):
            break
        with lab.bare() as bare, lab.mote("many", rows, tenants=TENANTS) as server:
            found["start"].append(server.start_s)
            idle.append(server.memory_kb("Private_Clean", "Private_Dirty"))
            cold = lab.load(server, "/f%d", connections=1, seconds=30, numbers=min(n, 2000), each_once=True)
            plain = lab.load(bare, "/f%d", connections=1, seconds=30, numbers=min(n, 2000), each_once=True)
            for name in ("p50", "p99"):
                found[f"cold, {name}"].append(cold[name] - plain[name])
            one, each = lab.load(server, "/f1"), lab.load(server, "/f%d", numbers=n)
            found["one"].append(one["requests"] / one["seconds"])
            found["all"].append(each["requests"] / each["seconds"])
            found["kept"].append(server.memory_kb() / 1024)
        with lab.mote("bound", rows, tenants=TENANTS, slots=64) as server:
            each = lab.load(server, "/f%d", numbers=n)
            found["bound"].append(each["requests"] / each["seconds"])
    with lab.mote("few", {"f0": rows["f0"]}) as server:
        few = server.memory_kb("Private_Clean", "Private_Dirty")
    put_many(f, found, (statistics.median(idle) - few) / n, n)


def put_many(f, found, each_kb, n):
    of_one = [a / b for a, b in zip(found["all"], found["one"])]
    of_one_bound = [a / b for a, b in zip(found["bound"], found["one"])]
    for case, unit, values, digits in (("cold, p50 beyond bare's", "us", found["cold, p50"], 0),
                                       ("cold, p99 beyond bare's", "us", found["cold, p99"], 0),
                                       (f"{n} functions", "requests/s", found["all"], 0), ("of one function's", "", of_one, 2),
                                       ("64 slots, of one's", "", of_one_bound, 2), (f"{n} functions, kept", "MB", found["kept"], 0),
                                       (f"{n} functions, start", "s", found["start"], 2)):
        f.put_all("mote", case, unit, values, digits)
    f.put("mote", "a function not called", "KiB", each_kb, 2)
    f.goal("mote", "cold, p50 beyond bare's", 150, "us")
    f.goal("mote", "cold, p99 beyond bare's", 300, "us")
    f.goal_least("mote", "of one function's", 0.5, "")
    f.goal_least("mote", "64 slots, of one's", 0.3, "")
    f.goal("mote", f"{n} functions, kept", 256, "MB")
    f.goal("mote", f"{n} functions, start", 1, "s")
    f.goal("mote", "a function not called", 2, "KiB")


# ---- endless loops ---------------------------------------------------------------------------------

def occupy(server, path, n, together):
    """n requests that loop, on connections of one worker or spread evenly."""
    held, per_worker, workers = [], {}, server.workers()
    most = n if together else (n + len(workers) - 1) // len(workers)
    for _ in range(500):
        c = socket.create_connection(("127.0.0.1", server.port))
        time.sleep(0.01)
        worker = workers_of(server, [c])[0]
        if worker is None or (together and per_worker and worker not in per_worker) or per_worker.get(worker, 0) >= most:
            c.close()
            continue
        per_worker[worker] = per_worker.get(worker, 0) + 1
        held.append(c)
        if len(held) == n:
            break
    for c in held:
        c.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
    time.sleep(0.2)
    return held


def loops(lab):
    """Four endless loops, all in one worker and spread, under half the greatest load without."""
    rows = {"hello": (lab.guest("hello"), "/*", {}),
            "loop": (common.compile_guest(LOOP, OUT / "loop.wasm", lab.deadline), "/loop", {"limits": "{timeout: 100s}"})}
    found = {}
    for turn in range(min(lab.rounds, 3)):
        if turn and not lab.has_time(4 * lab.seconds + 6):
            break
        with lab.mote("loops", rows) as server:
            most = lab.load(server)
            rate = most["requests"] / most["seconds"] / 2
            found.setdefault("no loops, p99", []).append(lab.load(server, connections=256, rate=rate)["p99"] / 1000)
        for together in (True, False):
            with lab.mote("loops", rows) as server:
                held = occupy(server, "/loop", 4, together)
                line = lab.load(server, connections=256, rate=rate, may_fail=True)
                found.setdefault(f"4 loops {'in one worker' if together else 'spread'}, p99", []).append(line["p99"] / 1000)
                for c in held:
                    c.close()
    for case, values in found.items():
        lab.figures.put_all("mote", case, "ms", values, 2)
        if "4 loops" in case:
            lab.figures.goal("mote", case, 10, "ms")


# ---- large bodies -----------------------------------------------------------------------------------

def hash_of_a_megabyte(lab):
    """/hash of 1 MiB: the same code native in the bare server; one connection."""
    script = OUT / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.path = "/hash"\nwrk.body = string.rep("x", 1048576)\n', encoding="ascii")
    wasm, found = compile_wasi(APP / "hash.c", OUT / "hash.wasm", lab.deadline), {}
    with lab.bare() as bare, lab.mote("hash", {"hash": (wasm, "/*", {})}) as server:
        for turn in range(lab.rounds):
            if turn and not lab.has_time(2 * lab.seconds + 2):
                break
            for engine, contestant in (("bare", bare), ("mote", server)):
                found.setdefault(engine, []).append(wrk(lab, contestant, 1, lab.seconds, ["-s", str(script)])["p50"] / 1000)
    for engine, values in found.items():
        lab.figures.put_all(engine, "hash of 1 MiB, p50", "ms", values, 3)
    lab.figures.goal("mote", "hash of 1 MiB, p50", 1.15 * lab.figures.value("bare", "hash of 1 MiB, p50"), "ms", " (1.15 of bare's)")


WAYS = {"up, declared": ("up", "/count", "declared"), "up, chunked": ("up", "/count", "chunked"),
        "down, declared": ("down", "/declared", "declared"), "down, chunked": ("down", "/much", "chunked")}


def bodies(lab):
    """1 GB up and down, declared and chunked, beside a client of 1 MB/s; memory beyond idle."""
    size, found, grown = GIGABYTE if not lab.quick else GIGABYTE // 8, {}, []
    limits = {"limits": "{body: 4g, timeout: 600s}"}
    with lab.bare() as bare, lab.mote("bodies", {"bodies": (lab.guest("bodies"), "/*", limits)}) as server:
        for contestant in (bare, server):
            lab.transfer(contestant, "up", "/count", MEGABYTE, "declared")
        for turn in range(min(lab.rounds, 7)):
            if turn and not lab.has_time(8):
                break
            for case, (way, path, framing) in WAYS.items():
                idle = server.memory_kb()
                for engine, contestant in (("bare", bare), ("mote", server)):
                    slow = ["down", "/declared", MEGABYTE, "declared", MEGABYTE]
                    with Peak(server, 0.02) as peak:
                        times = parallel(lambda words, to=contestant: lab.transfer(to, *words), [[way, path, size, framing], slow])
                    found.setdefault((engine, case), []).append(size / times[0] / 1e6)
                    if engine == "mote":
                        grown.append((peak.kb - idle) / 1024)
    f = lab.figures
    for case in WAYS:
        for engine in ("bare", "mote"):
            f.put_all(engine, case, "MB/s", found[engine, case], 0)
        f.goal_least("mote", case, 0.7 * f.value("bare", case), "MB/s", " (0.7 of bare's)")
    f.put("mote", "bodies, memory beyond idle", "MB", max(grown), 2)
    f.goal("mote", "bodies, memory beyond idle", 4, "MB")


# ---- how connections spread -----------------------------------------------------------------------------

def imbalance(lab):
    """The busiest worker's part of the connections, as a multiple of an equal part."""
    with lab.mote("imbalance", {"hello": (lab.guest("hello"), "/*", {})}) as server:
        for n in (4, 8, 32):
            found = []
            for _ in range(20 if lab.quick else 100):
                held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(n)]
                time.sleep(0.02)
                owners = workers_of(server, held)
                found.append(max(owners.count(owner) for owner in set(owners)) / n * len(server.workers()))
                for c in held:
                    c.close()
            lab.figures.put("mote", f"imbalance of {n}, mean", "x", statistics.mean(found), 2)
            lab.figures.put("mote", f"imbalance of {n}, worst", "x", max(found), 2)


LOOP = HERE / "loop.c"
CASES = {"hello": (hello, 22), "many": (many, 12), "loops": (loops, 9), "hash": (hash_of_a_megabyte, 5), "bodies": (bodies, 6),
         "imbalance": (imbalance, 3)}
