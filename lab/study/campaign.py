"""campaign.py - carries out a plan, task by task, into a folder of results.

Whatever happens to a contestant is written down and the next task begins. A folder whose
plan is not done can be taken up again: what is done is not done again."""

import fcntl
import os
import sys
import time

import common
from common import Unavailable
from study import build, cgroup, machine, network, plan as plans, reaper, records, tasks
from study.contestants import WORKERS, all_contestants, first_line, size_of
from study.session import SCRATCH, Failed


def survey(scale=None, only=()):
    """Which contestants are here: ([those], {name: why not})."""
    here, absent = [], {}
    for contestant in all_contestants():
        if only and contestant.name not in only:
            continue
        if not only and scale and scale.contestants and contestant.name not in scale.contestants:
            continue
        try:
            contestant.find()
            here.append(contestant)
        except Unavailable as reason:
            absent[contestant.name] = str(reason)
    return here, absent


def prepare(contestants, workloads, say):
    """Builds everything: {contestant: {workload: {part: seconds}}}; what can't be built is
    taken out of the plan, with the reason."""
    parts, lacking = {}, {}
    for contestant in contestants:
        for workload in workloads if contestant.serves and contestant.main else workloads[:1]:
            reason = contestant.lacks(workload)
            if not reason:
                try:
                    say(f"building {contestant.name}: {workload.name}")
                    parts.setdefault(contestant.name, {})[workload.name] = contestant.build(workload)
                except Unavailable as error:
                    reason = f"not built: {error}"
            if reason:
                lacking.setdefault(contestant.name, {})[workload.name] = reason
    return parts, lacking


def manifest(scale, seed, contestants, absent, parts, lacking, workloads, plan, kinds):
    hello = workloads[0]
    return {
        "study": 1, "command": ["lab/run", *sys.argv[1:]], "started": time.strftime("%Y-%m-%d %H:%M:%S %Z"), "scale": scale.name, "seed": seed, "kinds": kinds,
        "machine": machine.describe(), "root": os.geteuid() == 0, "workers": WORKERS,
        "measured by": cgroup_words(), "network": network.why_not() or "network namespaces made for the run",
        "contestants": {c.name: {"version": c.version(), "how": c.how, "fresh": c.fresh, "parts": parts.get(c.name, {}), "lacks": lacking.get(c.name, {}),
                                 "shipped": {what: size_of(path) for what, path in c.shipped(hello).items()} if hello.name in parts.get(c.name, {}) else {}}
                        for c in contestants},
        "absent": absent, "workloads": {w.name: {"title": w.title, "study": w.study} for w in workloads},
        "plan": [task.id for task in plan.tasks], "how": {task.id: task.how for task in plan.tasks}, "estimate_s": round(plan.seconds), "cuts": plan.cuts,
        "tools": {name: version for name, version in tool_versions()},
    }


def cgroup_words():
    group = cgroup.Group("look")
    try:
        return group.how()
    finally:
        group.remove()


def tool_versions():
    for name, words in (("wrk", ["sh", "-c", "wrk -v 2>&1 | head -1; true"]), ("h2load", ["h2load", "--version"]), ("hyperfine", ["hyperfine", "--version"]),
                        ("nft", ["nft", "--version"])):
        yield name, first_line(words)


class Campaign:
    def __init__(self, folder, plan, say, deadline=None):
        self.folder, self.plan, self.say, self.deadline = folder, plan, say, deadline or common.Deadline(None)
        self.writer = records.Writer(folder)

    def go(self):
        """Status 0 when all tasks are done; those before an interruption stay done."""
        done = records.Run(self.folder).done()
        left = [task for task in self.plan.tasks if task.id not in done]
        for number, task in enumerate(left):
            self.say(f"[{len(self.plan.tasks) - len(left) + number + 1}/{len(self.plan.tasks)}] {left_words(left[number:])} left: "
                     f"{task.kind}, {task.contestant.name}, {task.workload.name}, round {task.round}")
            left_s = self.deadline.left()
            if left_s is not None and left_s < plans.cost(task):
                self.writer.line(task=task.id, done="cut", reason="out of time: the estimate was too low")
            else:
                self.do(task)

    def do(self, task):
        samples, begin = records.Samples(task), time.monotonic()
        self.writer.line(noise=machine.look(), task=task.id)
        try:
            tasks.measure(task, samples)
            outcome, reason = "ok", ""
        except Failed as error:
            outcome, reason = error.kind, str(error)
        except Unavailable as error:
            outcome, reason = "unavailable", str(error)
        except (OSError, ValueError, KeyError) as error:
            outcome, reason = "crashed", f"{type(error).__name__}: {error}"
        for line in samples.lines:
            self.writer.line(task=task.id, kind=task.kind, round=task.round, contestant=task.contestant.name, workload=task.workload.name, **line)
        self.writer.line(task=task.id, done=outcome, reason=reason, seconds=round(time.monotonic() - begin, 2),
                         command=" ".join(task.contestant.started), at=round(time.time(), 2))
        if outcome != "ok":
            self.say(f"    {outcome}: {reason}", keep=True)


def left_words(left):
    minutes, seconds = divmod(int(sum(plans.cost(task) for task in left)), 60)
    return f"{minutes} min {seconds:02d} s"


def alone(say):
    """Waits until no other lab builds or measures here; what is returned keeps the next one out."""
    try:
        build.HOST.mkdir(parents=True, exist_ok=True)
        file = open(build.HOST / "lock", "w", encoding="ascii")
    except OSError as error:
        raise Unavailable(f"{build.HOST}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("another lab is at work here: waiting for its end", keep=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def begin():
    """Cleans up after labs that were killed, and sees that this one is cleaned up after."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    reaper.reap(SCRATCH)
    os.environ[reaper.MARK] = cgroup.owner()
    return reaper.watch(SCRATCH)


def progress(quiet=False):
    """Says what is under way: on a terminal in one line that changes."""
    terminal = sys.stderr.isatty()

    def say(words, keep=False):
        if quiet and not keep:
            return
        if terminal and not keep:
            print(f"\r\033[K{words[:150]}", end="", file=sys.stderr, flush=True)
        else:
            print(("\r\033[K" if terminal else "") + words, file=sys.stderr, flush=True)
    return say
