"""load.py - clients: h2load where every request's time is kept, wrk for speed over a time.

h2load --log-file writes a line for each request; wrk counts in a histogram, which a script
of ours prints when it is done."""

import contextlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

from study.contestants import tool
from study.session import Failed

PERCENTILES = (50, 90, 99, 99.9)

SCRIPT = """
local requests = {{ {requests} }}
local turn = 0
request = function()
    turn = turn % #requests + 1
    return requests[turn]
end
done = function(summary, latency, _)
    local e = summary.errors
    io.write(string.format('{{"requests":%d,"us":%d,"errors":%d,"max":%d', summary.requests, summary.duration,
        e.connect + e.read + e.write + e.status + e.timeout, latency.max))
    for _, p in ipairs({{ {percentiles} }}) do
        io.write(string.format(',"%g":%d', p, latency:percentile(p)))
    end
    io.write("}}\\n")
end
"""


def run(session, words, limit_s):
    try:
        done = subprocess.run([str(word) for word in [*session.network.client(), *words]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=limit_s, errors="replace", check=False)
    except subprocess.TimeoutExpired:
        session.kept.check()
        raise Failed("hung", f"under load: no end of {Path(words[0]).name} after {limit_s} s") from None
    if done.returncode != 0:
        session.kept.check()
        raise Failed("wrong answer", f"{Path(words[0]).name}: {done.stdout.strip()[-200:]}")
    return done.stdout


@contextlib.contextmanager
def background(session, connections, seconds):
    """wrk beside something else, until that is done."""
    words = [*session.network.client(), tool("wrk", "install wrk"), "-t1", f"-c{connections}", f"-d{seconds + 60}s", url(session, session.workload.load[0])]
    process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        yield
    finally:
        process.kill()
        process.wait()


def url(session, case):
    return f"http://{session.address}:{session.port}{case.path}"


def lua_string(data):
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def timed(session, connections, seconds):
    """wrk: {"requests", "us", "max", "50", "90", "99", "99.9"}, latencies in microseconds."""
    wrk = tool("wrk", "install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(requests=", ".join(lua_string(case.bytes(close=False)) for case in session.workload.load),
                                   percentiles=", ".join(map(str, PERCENTILES))))
        script.flush()
        text = run(session, [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name,
                             f"http://{session.address}:{session.port}/"], seconds + 30)
    found = json.loads(text[text.rindex("{"):])
    if found["errors"] or not found["requests"]:
        session.kept.check()
        raise Failed("wrong answer" if found["requests"] else "hung", f"{found['errors']} errors in {found['requests']} requests at {connections} connections")
    return found


def counted(session, n, connections, rate=None):
    """h2load: [microseconds of each of n requests], and the seconds that all took. With a rate,
    each connection sends at its own times whether others wait or not."""
    h2load, cases = tool("h2load", "install nghttp2-client"), session.workload.load
    options = ["-H", f"X-Route: {cases[0].route}"] if cases[0].route else []
    with tempfile.TemporaryDirectory() as folder:
        if cases[0].body:
            (Path(folder) / "body").write_bytes(cases[0].body)
            options += ["-d", f"{folder}/body"]
        options += ["--rps", f"{rate / connections:.3f}"] if rate else []
        run(session, [h2load, "--h1", "-n", n, "-c", connections, "-t1", *options, f"--log-file={folder}/log",
                             *[url(session, case) for case in cases]], 60 if not rate else 60 + n / rate)
        lines = [line.split() for line in (Path(folder) / "log").read_text(encoding="ascii").splitlines()]
    bad = [line for line in lines if line[1] != "200"]
    if bad or len(lines) != n:
        session.kept.check()
        raise Failed("wrong answer", f"{len(lines) - len(bad)} good answers, wanted {n}")
    lines.sort(key=lambda line: int(line[0]))
    begin, end = int(lines[0][0]), max(int(line[0]) + int(line[2]) for line in lines)
    return [float(line[2]) for line in lines], (end - begin) / 1e6

