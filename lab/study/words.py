"""words.py - findings in sentences, made from the numbers. The first paragraph says where
mote loses; a fresh row is never set beside a reused one without saying so."""

from study import machine
from study.questions import show

FRESH = {"nothing": "keeps its process and state", "process": "makes a fresh process for every request", "instance": "makes a fresh instance for every request"}


def is_mote(name):
    return name.startswith("mote")


def rivals(answers):
    return [name for name in answers.contestants if not is_mote(name)]


def beats(question, one, other):
    """Whether one is clearly better than other."""
    return other.clearly_less(one) if question.more_is_better else one.clearly_less(other)


def comparisons(answers):
    """(question, workload, rival, mote's figure, the rival's) wherever both have one."""
    for question in answers.questions():
        if not question.ranked:
            continue
        for workload in answers.workloads(question):
            mine = answers.figure(question, answers.mote, workload) if answers.mote else None
            for name in rivals(answers) if mine else []:
                theirs = answers.figure(question, name, workload)
                if theirs:
                    yield question, workload, name, mine, theirs


def losses(answers):
    """{question key: [(workload, rival, mine, theirs)]} of rows that a rival clearly wins,
    the best rival of each workload only."""
    found = {}
    for question, workload, name, mine, theirs in comparisons(answers):
        if not beats(question, theirs, mine):
            continue
        row = found.setdefault(question.key, {})
        if workload not in row or beats_by_value(question, theirs, row[workload][2]):
            row[workload] = (name, mine, theirs)
    return {key: [(workload, *row[workload]) for workload in row] for key, row in found.items()}


def beats_by_value(question, one, other):
    return one.value > other.value if question.more_is_better else one.value < other.value


def loss_paragraph(answers):
    if not answers.mote:
        return "mote did not run, so nothing is said of it."
    lost = losses(answers)
    rows_compared = len({(question.key, workload) for question, workload, *_ in comparisons(answers)})
    count = sum(map(len, lost.values()))
    larger = smaller_ones(answers)
    if not count and not larger:
        return f"Where {answers.mote} loses: in none of {rows_compared} rows is another contestant clearly better."
    parts, names = [], []
    for question in answers.questions():
        rows = []
        for workload, name, mine, theirs in lost.get(question.key, []):
            worse = theirs.value / mine.value if question.more_is_better else mine.value / theirs.value
            rows.append(f"{workload} {show(mine.value, question.unit)} against {show(theirs.value, question.unit)} of {name} ({worse:.1f} times)")
            names += [] if name in names or question.kind == "run" else [name]
        parts += [f"{short(question)}: " + ", ".join(rows)] if rows else []
    parts += [f"size of what is shipped: {larger}"] if larger else []
    return (f"Where {answers.mote} loses: of {rows_compared} rows {count} have a clearly better contestant. " + "; ".join(parts) + ". "
            + unlike(answers, names))


def smaller_ones(answers):
    """Who ships less than mote, in words."""
    shipped = {name: sum(facts["shipped"].values()) for name, facts in answers.run.manifest["contestants"].items() if facts["shipped"]}
    mine = shipped.get(answers.mote, 0)
    found = [f"{show(size, 'MB')} of {name}" for name, size in shipped.items() if size < mine and not is_mote(name)]
    return f"{show(mine, 'MB')} against {', '.join(found)}" if found else ""


def unlike(answers, names):
    """Says of whom is set beside mote whether it starts as fresh."""
    others = {}
    for name in names:
        if answers.fresh(name) != answers.fresh(answers.mote):
            others.setdefault(answers.fresh(name), []).append(name)
    if not others:
        return ""
    said = "; ".join(f"{FRESH[fresh]}: {', '.join(found)}" for fresh, found in others.items())
    return f"Not like with like: {answers.mote} {FRESH[answers.fresh(answers.mote)]}; who {said}."


def short(question):
    return {"cold": "cold start", "latency": "latency", "throughput": "throughput", "p99": "99th percentile", "cpu": "processor time per request",
            "memory": "memory", "rich": "latency", "run": "start to exit", "recovery": "recovery", "noisy": "slow-down by a neighbour",
            "density": "memory per idle function"}.get(question.key, question.key)


def win_paragraph(answers):
    """Against those that make something fresh as well: like with like."""
    if not answers.mote:
        return ""
    parts = []
    for question in answers.questions():
        won = [(workload, name, mine, theirs) for q, workload, name, mine, theirs in comparisons(answers)
               if q is question and (q.kind == "run" or answers.fresh(name) != "nothing") and beats(question, mine, theirs)]
        if won:
            workload, name, mine, theirs = min(won, key=lambda row: abs(row[3].value / row[2].value - 1))
            factor = mine.value / theirs.value if question.more_is_better else theirs.value / mine.value
            parts.append(f"{short(question)} of {workload}: {show(mine.value, question.unit)} against {show(theirs.value, question.unit)} of {name} ({factor:.1f} times)")
    if not parts:
        return f"Among those that make something fresh for every request, {answers.mote} is clearly the best in no row."
    return f"Among those that make something fresh for every request, {answers.mote} is clearly better, by its narrowest lead, in " + "; ".join(parts) + "."


def reused_paragraph(answers):
    """Whom mote beats although they keep their state."""
    names = {}
    for question, workload, name, mine, theirs in comparisons(answers):
        if question.kind != "run" and answers.fresh(name) == "nothing" and beats(question, mine, theirs):
            names.setdefault(name, {}).setdefault(short(question), []).append(workload)
    if not names:
        return ""
    parts = [f"{name} in " + ", ".join(f"{what} ({', '.join(workloads)})" for what, workloads in rows.items()) for name, rows in names.items()]
    return f"Although it starts afresh every time, {answers.mote} is clearly better than contestants that keep their state: than " + "; than ".join(parts) + "."


def noise_paragraph(run):
    state = machine.judge([line["noise"] for line in run.noise])
    if not state["n"]:
        return "How quiet the machine was is not known."
    if state["noisy"]:
        return (f"The machine was NOT quiet: in {state['busy']:.0%} of {state['n']} looks, while the study did nothing, others took more than a tenth of the processors, "
                f"and in {state['slow']:.0%} a fixed piece of work took a quarter longer than usual. Read ratios, not figures, and run it again on a quiet machine before quoting.")
    return f"The machine was quiet: disturbed in {max(state['busy'], state['slow']):.0%} of {state['n']} looks."


def what_failed(run):
    rows = {}
    for line in run.failures():
        _, kind, contestant, workload = line["task"].split("/")[:4]
        rows.setdefault((contestant, kind, workload, line["done"], line["reason"]), []).append(line["task"])
    return [f"{contestant}, {kind} of {workload}: {done} in {len(tasks)} tasks: {reason}" for (contestant, kind, workload, done, reason), tasks in rows.items()]


def closing(answers):
    """What to do where mote loses."""
    lost = losses(answers)
    parts = [f"{short(question)}: {question.advice}" for question in answers.questions() if question.key in lost and question.advice]
    return parts or ["nothing is lost clearly; look at the rows that are close, on a quiet machine and with more rounds"]


