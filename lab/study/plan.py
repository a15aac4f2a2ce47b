"""plan.py - what is measured, how often, in which order, and how long that takes.

Every round has each of its tasks once, in an order of its own, drawn from the seed: so what
disturbs the machine for a while disturbs everybody. Where the plan takes longer than it may,
kinds of task lose rounds, and then go, the last of PRIORITY first; the plan says so."""

import random
from dataclasses import dataclass, field

from study.tasks import SWEEP, Task

PRIORITY = ("core", "run", "sweep", "rich", "open", "recovery", "noisy", "density", "firewall")
FEWEST_ROUNDS = {"core": 5, "run": 3, "sweep": 3, "rich": 2, "open": 2, "recovery": 2, "noisy": 2, "density": 1, "firewall": 1}
FIREWALL_CONTESTANTS = ("native", "runc", "node", "mote serve, precompiled")
CONDITIONS = [(path, firewall) for path in ("loopback", "veth") for firewall in ("off", "on", "tracked")]


@dataclass
class Scale:
    """How much is done. seconds: of a fixed-time run; limit_s: of the plan; after hard_s nothing
    more is begun, for an estimate may be wrong."""
    name: str
    limit_s: float
    hard_s: float
    rounds: dict                       # {kind: rounds}
    starts: int
    seconds: dict                      # {kind: seconds of each run}
    runs: int = 10
    requests: int = 20
    workloads: tuple = ()              # only these; all if empty
    contestants: tuple = ()


FULL = Scale("full", 42 * 60, 45 * 60, {"core": 5, "run": 5, "sweep": 3, "rich": 3, "open": 3, "recovery": 2, "noisy": 3, "density": 1, "firewall": 2},
             3, {"core": 5, "sweep": 1, "rich": 1, "open": 3, "noisy": 2, "firewall": 1})
QUICK = Scale("quick", 150, 170, {"core": 3, "run": 2, "rich": 1}, 2, {"core": 1, "rich": 1}, runs=5, requests=5,
              workloads=("hello", "hash", "http", "json", "route"),
              contestants=("native", "runc", "node", "mote serve", "mote serve, precompiled"))


@dataclass
class Plan:
    tasks: list
    seconds: float
    cuts: list = field(default_factory=list)           # sentences

    def counts(self):
        """{kind: (tasks, rounds, seconds)}"""
        found = {}
        for task in self.tasks:
            n, rounds, seconds = found.get(task.kind, (0, set(), 0.0))
            found[task.kind] = (n + 1, rounds | {task.round}, seconds + cost(task))
        return {kind: (n, len(rounds), seconds) for kind, (n, rounds, seconds) in found.items()}


def cost(task):
    """Seconds, about."""
    how, setup = task.how, 0.4 + task.contestant.seconds
    slow = 3 if task.workload.name in ("vector", "script") else 0
    return {
        "core": lambda: setup + how["starts"] * (0.1 + task.contestant.seconds / 2) + how["seconds"] + 0.7,
        "sweep": lambda: setup + len(SWEEP) * (how["seconds"] + 0.1),
        "rich": lambda: setup + 1.0 + how["seconds"] + slow,
        "open": lambda: setup + how["seconds"],
        "run": lambda: setup + how["runs"] * (0.02 + task.contestant.seconds / 4),
        "recovery": lambda: setup + 3,
        "noisy": lambda: 2 * setup + 2 * how["seconds"],
        "density": lambda: 8 * setup,
        "firewall": lambda: setup + 2 * (how["seconds"] + 0.1),
    }[task.kind]()


def candidates(scale, contestants, workloads):
    """[(kind, contestant, workload, how)] of one round."""
    hello = next(workload for workload in workloads if workload.name == "hello")
    for contestant in contestants:
        served = [w for w in workloads if contestant.serves and not contestant.lacks(w) and (contestant.main or w is hello)]
        seconds = scale.seconds
        if contestant.commands and not contestant.lacks(hello):
            yield "run", contestant, hello, {"runs": scale.runs}
        for workload in served:
            if workload.study:
                yield "core", contestant, workload, {"starts": scale.starts, "seconds": seconds.get("core", 0)}
            else:
                yield "rich", contestant, workload, {"requests": 3 if workload.name == "vector" else scale.requests,
                                                     "seconds": 0 if workload.name == "vector" else seconds.get("rich", 0)}
        if hello in served and contestant.main:
            yield "sweep", contestant, hello, {"seconds": seconds.get("sweep", 0)}
            yield "open", contestant, hello, {"seconds": seconds.get("open", 0)}
        if hello in served and contestant.main and not contestant.alone:
            yield "recovery", contestant, hello, {}
            yield "density", contestant, hello, {}
            yield "noisy", contestant, hello, {"seconds": seconds.get("noisy", 0)}
        if contestant.name in FIREWALL_CONTESTANTS:
            for workload in served:
                for path, firewall in CONDITIONS if workload.study else []:
                    yield "firewall", contestant, workload, {"seconds": seconds.get("firewall", 0), "path": path, "firewall": firewall}


def make(scale, contestants, workloads, seed, limit_s=None, kinds=None):
    found = [row for row in candidates(scale, contestants, workloads) if scale.rounds.get(row[0]) and (not kinds or row[0] in kinds)]
    rounds = {kind: scale.rounds[kind] for kind in PRIORITY if any(row[0] == kind for row in found)}
    plan = lay_out(found, rounds, seed)
    limit_s, cuts = limit_s or scale.limit_s, []
    for kind in reversed([kind for kind in PRIORITY if kind in rounds]):
        while plan.seconds > limit_s and rounds[kind] > FEWEST_ROUNDS[kind]:
            rounds[kind] -= 1
            plan = lay_out(found, rounds, seed)
    for kind in reversed([kind for kind in PRIORITY[1:] if kind in rounds]):
        if plan.seconds > limit_s:
            del rounds[kind]
            plan = lay_out(found, rounds, seed)
    for kind in scale.rounds:
        if any(row[0] == kind for row in found) and rounds.get(kind, 0) < scale.rounds[kind]:
            cuts.append(f"{kind}: {rounds.get(kind, 0)} rounds in place of {scale.rounds[kind]}, for time")
    plan.cuts = cuts
    return plan


def lay_out(found, rounds, seed):
    tasks = []
    for number in range(1, max(rounds.values(), default=0) + 1):
        turn = [Task(kind, contestant, workload, number, how) for kind, contestant, workload, how in found if number <= rounds.get(kind, 0)]
        random.Random(f"{seed}/{number}").shuffle(turn)
        tasks += turn
    return Plan(tasks, sum(cost(task) for task in tasks))
