#!/usr/bin/env python3
"""The study's method, and what becomes of a campaign when something goes wrong. Numbers are
not asserted. usage: study.py MOTE"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))
sys.dont_write_bytecode = True

import common                                              # noqa: E402
from study import cgroup, network, plan, reaper, records, stats, workloads      # noqa: E402
from study.contestants import all_contestants              # noqa: E402

HERE = Path(__file__).resolve().parent
GOOD, BAD = ("native", "mote serve", "unknown"), {"hangs": "hung", "crashes": "crashed", "wrong": "wrong answer"}
passed = failed = skipped = 0


def check(good, words):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED {words}", flush=True)


def skip(words):
    global skipped
    skipped += 1
    print(f"skipped: {words}", flush=True)


# ---- parts that run without contestants ---------------------------------------------------

def figures_are_medians_of_rounds():
    found = stats.figure([[1, 2, 3], [10, 20, 30], [5]], seed=1)
    check((found.value, found.rounds, found.samples) == (5, 3, 7), f"median of medians: {found}")
    check(found.low <= found.value <= found.high, "an interval holds its median")
    check(stats.figure([[1, 2, 3], [10, 20, 30], [5]], seed=1) == found, "the same seed gives the same interval")
    check(stats.figure([]) is None, "no samples, no figure")
    check([stats.percentile(range(1, 101), p) for p in (50, 99, 99.9)] == [50, 99, 100], "percentiles by the nearest rank")
    one, other = stats.figure([[1], [1.1], [1.2]]), stats.figure([[2], [2.1], [2.2]])
    check(one.clearly_less(other) and not other.clearly_less(one), "intervals apart are clear")


def a_plan_interleaves_and_cuts_by_priority():
    contestants = [c for c in all_contestants() if c.name in ("native", "node", "mote serve", "runc")]
    every = workloads.all_workloads()
    full = plan.make(plan.FULL, contestants, every, seed=1, limit_s=1e9)
    rounds = {}
    for task in full.tasks:
        rounds.setdefault(task.round, []).append(task)
    check([task.round for task in full.tasks] == sorted(task.round for task in full.tasks), "one round after the other")
    for number, tasks in rounds.items():
        check(len({task.id for task in tasks}) == len(tasks), f"each task once in round {number}")
    orders = [[task.id.split("/", 1)[1] for task in tasks if task.kind == "core"] for tasks in rounds.values()]
    check(all(sorted(order) == sorted(orders[0]) for order in orders), "each round has the same tasks")
    check(len({tuple(order) for order in orders}) == len(orders), "each round has an order of its own")
    check([t.id for t in full.tasks] == [t.id for t in plan.make(plan.FULL, contestants, every, 1, 1e9).tasks], "the same seed gives the same order")
    check([t.id for t in full.tasks] != [t.id for t in plan.make(plan.FULL, contestants, every, 2, 1e9).tasks], "another seed gives another")
    less = plan.make(plan.FULL, contestants, every, 1, full.seconds / 3)
    kept, gone = set(less.counts()), set(full.counts()) - set(less.counts())
    check(less.seconds <= full.seconds / 3 or kept == {"core"}, "a cut plan keeps its time")
    check(less.cuts and all(plan.PRIORITY.index(a) < plan.PRIORITY.index(b) for a in kept for b in gone), f"what goes is last in priority: kept {kept}, gone {gone}")
    check(plan.FULL.hard_s <= 45 * 60 and plan.QUICK.hard_s <= 180, "the campaigns' limits")


def expected_answers_are_computed():
    check(workloads.vector_answer(10_000_000) == workloads.VECTOR, "the data job's answer")
    for workload in workloads.all_workloads():
        check(workload.source().exists() and workload.cases[0].expected, f"{workload.name} has a source and an answer")


def a_run_without_room_stops_before():
    with tempfile.TemporaryDirectory() as folder:
        try:
            records.require_room(Path(folder), 1 << 60)
            check(False, "no room is an error")
        except common.Unavailable as reason:
            check("are free" in str(reason), f"no room: {reason}")


def a_line_cut_short_is_left_out():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text('{"contestants": {}, "seed": 1}', encoding="utf-8")
        (Path(folder) / "raw.jsonl").write_text('{"task":"1/core/a/b","done":"ok"}\n{"task":"2/co', encoding="utf-8")
        check(records.Run(folder).done() == {"1/core/a/b"}, "a cut line does not count")


# ---- campaigns --------------------------------------------------------------------------------

def lab(results, *words, **more):
    env = dict(os.environ, LAB_CONTESTANTS=str(HERE / "contestants"), PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run([*more.get("before", ()), str(ROOT / "lab" / "run"), "--results", str(results), *words], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)


def newest(results):
    return sorted(results.iterdir())[-1]


def leftovers():
    """What labs that are no more have left."""
    groups = [str(path) for folder in cgroup.mounts().values() for path in (folder / cgroup.TOP).glob("*-*") if reaper.dead(path.name)]
    names = [name for name in network.leftovers() if reaper.dead(name[len(network.PREFIX):].rsplit("-", 1)[0])]
    return groups + names + [f"process {pid}" for pid, name in reaper.marked_processes() if reaper.dead(name)]


def await_nothing_left(seconds):
    last = time.monotonic() + seconds
    while leftovers() and time.monotonic() < last:
        time.sleep(0.2)
    return leftovers()


CAMPAIGN = ("--quick", "--rounds", "2", "--kinds", "core", "--workloads", "hello", "--minutes", "100", "--only", ";".join([*GOOD, *BAD]))


def a_campaign_goes_on_whatever_happens(results):
    """In a namespace without a way out, where that can be made: nothing outside is contacted."""
    inside = ("unshare", "--net") if os.geteuid() == 0 and shutil.which("unshare") else ()
    if not inside:
        skip("a campaign without a way out: needs root and unshare")
    done = lab(results, *CAMPAIGN, before=inside)
    check(done.returncode == 0, f"the campaign ends well: {done.stdout[-2000:]}")
    if done.returncode != 0:
        return None
    run = records.Run(newest(results))
    check(set(run.manifest["plan"]) == run.done(), "every task has an outcome")
    for name in GOOD:
        if name in run.manifest["contestants"]:
            outcomes = [line for task, line in run.outcomes.items() if task.split("/")[2] == name]
            check(len(outcomes) == 2 and all(line["done"] == "ok" for line in outcomes), f"{name} is measured: {outcomes}")
    for name, outcome in BAD.items():
        found = [line["done"] for task, line in run.outcomes.items() if task.split("/")[2] == name]
        check(found == [outcome] * 2, f"{name} is recorded as {outcome}: {found}")
        check(not any(line["contestant"] == name for line in run.samples), f"no sample of {name} counts")
    check(run.manifest["contestants"]["unknown"]["version"] == "unknown version", "an unknown version is said to be so")
    order = [line["task"].split("/")[0] for line in run.outcomes.values()]
    check(order == sorted(order), "rounds one after the other")
    for rounds in (run.values("latency, one after the other", "native", "hello"), run.values("latency, 200 on 10", "native", "hello")):
        check([len(values) for values in rounds] in ([50, 50], [200, 200]), f"as many requests as asked: {list(map(len, rounds))}")
    check([len(values) for values in run.values("cold start", "native", "hello")] == [plan.QUICK.starts] * 2, "as many starts as asked")
    check(len(run.noise) == len(run.outcomes), "the machine is looked at before every task")
    check(not await_nothing_left(20), f"nothing is left: {leftovers()}")
    return run.folder


def a_report_is_drawn_again(folder):
    report = (folder / "report.html").read_bytes()
    done = lab(folder.parent, "--replay", str(folder / "raw.jsonl"))
    check(done.returncode == 0 and (folder / "report.html").read_bytes() == report, f"a replay is the same to the byte: {done.stdout[-500:]}")
    text = report.decode()
    first = text[text.index("<p>"):text.index("</p>")]
    check("loses" in first, f"the first paragraph says where mote loses: {first[:200]}")
    check("hangs, core of hello: hung" in text and "wrong, core of hello: wrong answer" in text, "the report says what went wrong")
    done = subprocess.run([str(ROOT / "lab" / "compare"), str(folder), str(folder)], stdout=subprocess.PIPE, text=True, check=False)
    check("0 better, 0 worse" in done.stdout, f"a run does not differ from itself: {done.stdout[-300:]}")
    done = subprocess.run([str(ROOT / "lab" / "compare"), str(folder), "/nowhere"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 1 and "is no run" in done.stderr and "Traceback" not in done.stderr, "comparing with nothing is one line")


def a_browser_shows_every_picture(folder):
    browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
    pictures = sorted(path.stem for path in (folder / "figures").glob("*.png")) if (folder / "figures").exists() else []
    if not browser or not pictures:
        return skip("the report in a browser: " + ("no pictures, for matplotlib is missing" if browser else "no Chromium on PATH"))
    script = "<script>window.onerror=e=>document.body.dataset.error=e;onload=()=>document.body.dataset.seen=" \
             "[...document.images].filter(i=>i.naturalWidth>100).map(i=>i.id).sort().join(' ')</script>"
    with tempfile.TemporaryDirectory() as at:
        page = Path(at) / "report.html"
        page.write_text((folder / "report.html").read_text(encoding="utf-8").replace("<body>", "<body>" + script), encoding="utf-8")
        done = subprocess.run([browser, "--no-sandbox", "--disable-gpu", f"--user-data-dir={at}/profile", "--virtual-time-budget=10000", "--dump-dom", page.as_uri()],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=300, check=False)
    check(f'data-seen="{" ".join(pictures)}"' in done.stdout, f"the browser shows {pictures}: {done.stdout[:300]}")
    check("data-error" not in done.stdout, "no error in the browser")


def a_killed_campaign_leaves_nothing_and_resumes(results):
    env = dict(os.environ, LAB_CONTESTANTS=str(HERE / "contestants"))
    words = [str(ROOT / "lab" / "run"), "--results", str(results), "--quick", "--rounds", "2", "--kinds", "core", "--workloads", "hello", "--minutes", "100",
             "--only", "native;unknown", "--no-report"]
    before = set(results.iterdir())
    process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = await_first_task(results, before, process)
    owner = cgroup.start_time(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    check(folder and owner, "a task was under way")
    check(not await_nothing_left(30), f"nothing is left after kill -9: {leftovers()}")
    if folder:
        done = lab(results, "--resume", str(folder), "--no-report")
        run = records.Run(folder)
        check(done.returncode == 0 and run.done() == set(run.manifest["plan"]), f"what was interrupted is resumed: {done.stdout[-500:]}")
        tasks = [line["task"] for line in map(json.loads, filter(complete, (folder / "raw.jsonl").read_text(encoding="utf-8").splitlines())) if "done" in line]
        check(len(tasks) == len(set(tasks)), "nothing is measured twice")


def complete(line):
    return records.parse_line(line) is not None


def await_first_task(results, before, process):
    """Until one task is done and another under way."""
    last = time.monotonic() + 300
    while time.monotonic() < last and process.poll() is None:
        for folder in set(results.iterdir()) - before:
            raw = folder / "raw.jsonl"
            if raw.exists() and '"done"' in raw.read_text(encoding="utf-8") and raw.read_text(encoding="utf-8").rstrip().splitlines()[-1].startswith('{"noise"'):
                time.sleep(0.3)
                return folder
        time.sleep(0.05)
    return None


def words_are_checked():
    for words, wanted in ((["--workloads", "nothing", "--plan"], "no such workload"), (["--only", "nobody", "--plan"], "no contestant"),
                          (["--replay", "/nowhere"], "is no run"), (["--resume", "/nowhere"], "is no run"), (["--help"], "--quick"), (["--list"], "native")):
        with tempfile.TemporaryDirectory() as results:
            done = lab(Path(results), *words)
            check(wanted in done.stdout and "Traceback" not in done.stdout, f"lab/run {' '.join(words)}: {done.stdout[-300:]}")


def main():
    os.environ["MOTE"] = sys.argv[1]
    figures_are_medians_of_rounds()
    a_plan_interleaves_and_cuts_by_priority()
    expected_answers_are_computed()
    a_run_without_room_stops_before()
    a_line_cut_short_is_left_out()
    missing = [tool for tool in (common.CLANG, "wrk", "h2load") if not shutil.which(tool)]
    if missing:
        skip(f"campaigns: {', '.join(missing)} missing (lab/run --install)")
    else:
        words_are_checked()
        with tempfile.TemporaryDirectory() as results:
            folder = a_campaign_goes_on_whatever_happens(Path(results))
            if folder:
                a_report_is_drawn_again(folder)
                a_browser_shows_every_picture(folder)
            a_killed_campaign_leaves_nothing_and_resumes(Path(results))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


sys.exit(main())
