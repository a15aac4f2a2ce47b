"""questions.py - what the report answers: each question is a metric that is compared, with
its figures for every contestant and workload. Words, tables and pictures follow this list."""

from dataclasses import dataclass

from study import stats

HEADLINES = ("mote serve, precompiled", "mote serve")
REFERENCES = ("native",)


@dataclass
class Question:
    key: str
    title: str
    metric: str
    unit: str                          # what is shown: ms, us, 1/s, MB, %
    more_is_better: bool = False
    condition: str = ""
    kind: str = "core"
    note: str = ""
    advice: str = ""                   # what to do about it where mote loses
    ranked: bool = True                # whether winning and losing are told


QUESTIONS = [
    Question("cold", "How long from launch to the first good answer?", "cold start", "ms",
             note="From the exec of the command until the status line of a 200 has arrived. Docker's daemon runs before. Building and loading are told apart below.",
             advice="let the supervisor answer while workers are still starting: open sockets first, map the artifact in the worker before the first accept"),
    Question("latency", "How long does a request take, one after the other?", "latency, one after the other", "us",
             note="50 requests on one connection after 5 warm-ups, as the published study has it: a few milliseconds of measuring, so see the runs of fixed time too.",
             advice="look at what a fresh instance costs per request (docs/serve.md lists the steps), and offer a reuse of instances where a user asks for it"),
    Question("burst", "How many requests a second in a burst of 200 on 10 connections?", "throughput, 200 on 10", "1/s", True, ranked=False,
             note="As the published study has it; it lasts milliseconds, and is no measure of what can be sustained."),
    Question("throughput", "How many requests a second on 10 connections?", "throughput", "1/s", True, "10 connections",
             note="wrk with one thread on the same processors, a run of fixed time.",
             advice="cut the processor time per request: fewer system calls on the way of a small answer, and less to reset after it"),
    Question("p99", "How long do the slowest requests take on 10 connections (99th percentile)?", "latency p99", "us", condition="10 connections",
             note="The same runs.",
             advice="spread connections evenly over workers, and let a request that computes be preempted"),
    Question("p999", "And the slowest of a thousand?", "latency p99.9", "us", condition="10 connections", ranked=False),
    Question("cpu", "How much processor time does a request take?", "processor time per request", "us", condition="10 connections",
             note="Of all processes that the contestant needs, under the same load. Where energy can't be read, this stands for it.",
             advice="profile the worker: four fifths of its time are the kernel's network work, the rest is listed in docs/serve.md"),
    Question("use", "How much of the processors do all its processes use then?", "processor use", "%", condition="10 connections", ranked=False,
             note="Of one processor; the clients take the rest."),
    Question("memory", "How much memory does it hold after load?", "memory, after load", "MB",
             note="Proportional set size of all processes, control planes included.",
             advice="share pages between workers, and give back slots that load no longer needs"),
    Question("rich", "How long do richer requests take?", "latency, one after the other", "ms", kind="rich",
             note="One connection, answers verified. The same C source for native code, containers, virtual machine and WebAssembly; Node and Python have the job as their users would write it.",
             advice="compare the machine code of the slow job with native code's, and snapshot what every fresh instance prepares again"),
    Question("run", "How long does a command take from start to exit?", "command, start to exit", "ms", kind="run",
             note="hyperfine, the hello workload as a command; everything is fresh here.",
             advice="fewer mappings and relocations before the first instruction of the guest"),
    Question("open", "How long do requests take that do not wait for each other?", "latency, open loop", "us", kind="open", ranked=False,
             note="h2load sends 400 requests a second on 64 connections, on its own clock."),
    Question("recovery", "How long until good answers after kill -9 of the process that serves?", "recovery", "ms", kind="recovery",
             note="Who is not there never came back: nothing watches over it.",
             advice="notice a worker's end by its pidfd and keep a spare worker ready"),
    Question("noisy", "How much slower is a request beside a neighbour that computes?", "latency beside a neighbour, ratio", "x", kind="noisy",
             note="Median latency of hello on one connection while another function of the same contestant hashes on 4 connections, as a multiple of the latency without it.",
             advice="give computing requests less than a whole worker: preemption and fair shares"),
    Question("density", "How much memory does one more idle function take?", "memory per idle function", "MB", kind="density",
             note="More functions are deployed and each is asked once: 100 in the same server where the contestant has that, 4 servers otherwise.",
             advice="nothing but a row of the route table should remain of an idle function"),
    Question("per GiB", "How many idle functions fit into a GiB?", "idle functions per GiB", "functions", True, kind="density", ranked=False),
]


class Answers:
    """The figures of one run."""

    def __init__(self, run):
        self.run = run
        self.contestants = run.contestants()
        self.mote = next((name for name in HEADLINES if name in self.contestants), None)
        self.native = next((name for name in REFERENCES if name in self.contestants), None)
        self.cache = {}

    def figure(self, question, contestant, workload):
        key = (question.key, contestant, workload)
        if key not in self.cache:
            rounds = self.run.values(question.metric, contestant, workload, question.condition, question.kind)
            self.cache[key] = stats.figure(rounds, self.run.manifest["seed"])
        return self.cache[key]

    def workloads(self, question):
        """Those that have a figure, in the manifest's order."""
        return [w for w in self.run.manifest["workloads"] if any(self.figure(question, c, w) for c in self.contestants)]

    def questions(self):
        return [question for question in QUESTIONS if self.workloads(question)]

    def fresh(self, contestant):
        return self.run.manifest["contestants"][contestant]["fresh"]


SCALES = {"ms": 1e-3, "us": 1, "1/s": 1, "MB": 1e-6, "%": 1, "x": 1, "s": 1e-6, "functions": 1}


def show(value, unit):
    """Three digits that count, and the unit."""
    value *= SCALES[unit]
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit.replace('us', 'µs').replace('1/s', '/s')}"


def ratio(value, base):
    if not base:
        return "-"
    found = value / base
    return f"{found:,.0f}×" if found >= 100 else f"{found:.1f}×" if found >= 10 else f"{found:.2f}×"
