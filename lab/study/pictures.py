"""pictures.py - one picture per question, PNG and SVG, readable without colours: what must be
told apart differs in hatching, marker or dash."""

import warnings

from study import stats
from study.questions import SCALES, show
from study.tasks import SWEEP

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "+++", "---", "***")
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "*", "<", ">", "h", "d", "p")
DASHES = ("-", "--", "-.", ":")
GRAYS = ("0.25", "0.75", "0.5", "0.9", "0.4", "0.6", "0.8", "0.3", "0.7")


def pyplot():
    """matplotlib, or None where it is not installed."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        matplotlib.rcParams.update({"font.size": 9, "svg.hashsalt": "study", "axes.spines.top": False, "axes.spines.right": False})
        from matplotlib import pyplot as found
        return found
    except ImportError:
        return None


def bars(axes, answers, question):
    """A group of bars for each contestant, a bar for each workload."""
    workloads, names = answers.workloads(question), [c for c in answers.contestants if any(answers.figure(question, c, w) for w in answers.workloads(question))]
    height, scale = 0.8 / len(workloads), SCALES[question.unit]
    for number, workload in enumerate(workloads):
        for row, name in enumerate(names):
            found = answers.figure(question, name, workload)
            if not found:
                continue
            value, low, high = (x * scale for x in (found.value, found.low, found.high))
            at = row + (number - (len(workloads) - 1) / 2) * height
            axes.barh(at, value, height * 0.95, color=GRAYS[number % len(GRAYS)], edgecolor="black", linewidth=0.5, hatch=HATCHES[number % len(HATCHES)],
                      xerr=[[max(0, value - low)], [max(0, high - value)]], error_kw={"linewidth": 0.8, "capsize": 1.5},
                      label=workload if not any(answers.figure(question, other, workload) for other in names[:row]) else None)
            axes.text(value, at, " " + show(found.value, question.unit), va="center", fontsize=6)
    axes.set_yticks(range(len(names)), [f"{name}\n({answers.fresh(name)} fresh)" for name in names])
    axes.invert_yaxis()
    values = [f.value for f in (answers.figure(question, c, w) for c in names for w in workloads) if f and f.value > 0]
    if values and max(values) > 20 * min(values):
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel(f"{question.metric}, {question.unit.replace('us', 'µs').replace('1/s', 'requests/s')}" + (" (more is better)" if question.more_is_better else " (less is better)"))
    if len(workloads) > 1:
        axes.legend(title="workload", fontsize=7, loc="best")
    return 1.2 + len(names) * max(0.42, 0.16 * len(workloads))


def style(number):
    """How the number-th line is told from the others."""
    return {"markerfacecolor": ("white", "0.6", "black")[number % 3], "marker": MARKERS[number % len(MARKERS)], "linestyle": DASHES[number % len(DASHES)]}


def sweep(axes, answers):
    """Throughput against connections, a line for each contestant."""
    number = 0
    for name in answers.contestants:
        points = [(n, stats.figure(answers.run.values("throughput", name, "hello", f"{n} connections", "sweep"))) for n in SWEEP]
        points = [(n, found) for n, found in points if found]
        if points:
            axes.plot([n for n, _ in points], [found.value for _, found in points], color="black", linewidth=0.9, markersize=5, label=name,
                      **style(number))
            number += 1
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(SWEEP, [str(n) for n in SWEEP])
    axes.set_xlabel("connections")
    axes.set_ylabel("requests/s (hello)")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return 4.5


def percentiles(axes, answers):
    """p50 to p99.9 of the open loop, of all rounds' requests together."""
    places = (50, 90, 99, 99.9)
    number = 0
    for name in answers.contestants:
        values = [value for values in answers.run.values("latency, open loop", name, "hello", kind="open") for value in values]
        if values:
            axes.plot(range(len(places)), [stats.percentile(values, p) / 1000 for p in places], color="black", linewidth=0.9, label=name,
                      **style(number))
            number += 1
    axes.set_xticks(range(len(places)), [f"p{p:g}" for p in places])
    axes.set_yscale("log")
    axes.set_ylabel("ms (hello, 400 requests/s)")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return 4.5


def firewalls(axes, answers):
    """Throughput on 10 connections under each condition, as a part of loopback without rules."""
    conditions = sorted({line["condition"] for line in answers.run.samples if line["kind"] == "firewall" and line["condition"].endswith(" 10 connections")},
                        key=lambda c: (c.startswith("veth"), ["off", "on", "tracked"].index(c.split(", ")[1])))
    names = [c for c in answers.contestants if answers.run.values("throughput", c, "hello", conditions[0], "firewall")]
    width = 0.8 / max(1, len(conditions))
    for number, condition in enumerate(conditions):
        for row, name in enumerate(names):
            found = stats.figure(answers.run.values("throughput", name, "hello", condition, "firewall"))
            if found:
                axes.bar(row + (number - (len(conditions) - 1) / 2) * width, found.value, width * 0.95, color=GRAYS[number % len(GRAYS)], edgecolor="black",
                         linewidth=0.5, hatch=HATCHES[number % len(HATCHES)], yerr=[[found.value - found.low], [found.high - found.value]],
                         error_kw={"linewidth": 0.8}, label=condition.rsplit(",", 1)[0] if row == 0 else None)
    axes.set_xticks(range(len(names)), names, rotation=15)
    axes.set_ylabel("requests/s (hello, 10 connections)")
    axes.legend(fontsize=7)
    return 4.0


def rounds(axes, answers):
    """What the machine was like: latency of each round, and others' use of the processors."""
    looks = [line["noise"]["busy"] * 100 for line in answers.run.noise]
    axes.plot(range(len(looks)), looks, color="black", linewidth=0.7)
    axes.set_ylim(0, 105)
    axes.set_xlabel("task")
    axes.set_ylabel("% of the processors that others used")
    return 2.5


def wanted(answers):
    """[(key, title, draw)]"""
    found = [(q.key, q.title, lambda axes, q=q: bars(axes, answers, q)) for q in answers.questions() if q.key != "open"]
    kinds = {line["kind"] for line in answers.run.samples}
    if "sweep" in kinds:
        found.append(("sweep", "How does throughput grow with connections?", lambda axes: sweep(axes, answers)))
    if "open" in kinds:
        found.append(("open", "How long do requests take that do not wait for each other?", lambda axes: percentiles(axes, answers)))
    if "firewall" in kinds:
        found.append(("firewall", "What do a firewall and a virtual cable cost?", lambda axes: firewalls(axes, answers)))
    if answers.run.noise:
        found.append(("machine", "Was the machine quiet?", lambda axes: rounds(axes, answers)))
    return found


def draw_all(answers, folder):
    """{key: (title, PNG's path)}"""
    plt = pyplot()
    if plt is None:
        return {}
    folder.mkdir(exist_ok=True)
    drawn = {}
    for key, title, draw in wanted(answers):
        figure, axes = plt.subplots(figsize=(8, 3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure.set_figheight(draw(axes))
            axes.set_title(title, loc="left")
            figure.tight_layout()
            figure.savefig(folder / f"{key}.png", dpi=110, metadata={"Software": None})
            figure.savefig(folder / f"{key}.svg", metadata={"Date": None})
        plt.close(figure)
        drawn[key] = (title, folder / f"{key}.png")
    return drawn
