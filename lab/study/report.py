"""report.py - a run as one HTML file that holds its pictures, and as a page of Markdown. Both
are made of the same blocks: (kind, contents), where kind is h1, h2, p, list, table, picture."""

import base64
import html
import shutil

from study import machine, pictures, stats, words
from study.questions import Answers, ratio, show
from study.tasks import BURST, BURST_CONNECTIONS, OPEN_RATE, SEQUENTIAL, SWEEP, WARM_UPS

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}
table{border-collapse:collapse;margin:1em 0;font-size:13px}td,th{border:1px solid #bbb;padding:.2em .6em;text-align:right}
td:first-child,th:first-child{text-align:left}img{max-width:100%;border:1px solid #ddd}figure{margin:1em 0}figcaption{font-size:13px}"""


# ---- blocks ----------------------------------------------------------------------------

def interval(found, unit):
    if found.rounds < stats.FEWEST or found.low == found.high:
        return show(found.value, unit)
    scale = show(found.low, unit).rsplit(" ", 1)[0]
    return f"{show(found.value, unit)} [{scale} to {show(found.high, unit).rsplit(' ', 1)[0]}]"


def question_table(answers, question):
    workloads = answers.workloads(question)
    head = ["contestant", "fresh per request"]
    for workload in workloads:
        head += [workload, "to native", "to mote"]
    rows = []
    for name in answers.contestants:
        found = [answers.figure(question, name, workload) for workload in workloads]
        if not any(found):
            continue
        row = [name, answers.fresh(name)]
        for workload, figure in zip(workloads, found):
            row += [interval(figure, question.unit) if figure else "-", *(against(answers, question, workload, figure, other) for other in (answers.native, answers.mote))]
        rows.append(row)
    return head, rows


def against(answers, question, workload, figure, other):
    base = answers.figure(question, other, workload) if other else None
    return ratio(figure.value, base.value) if figure and base else "-"


def open_table(answers):
    rows = []
    for name in answers.contestants:
        values = [value for part in answers.run.values("latency, open loop", name, "hello", kind="open") for value in part]
        rate = stats.figure(answers.run.values("rate, open loop", name, "hello", kind="open"))
        if values:
            rows.append([name, answers.fresh(name), show(rate.value, "1/s"), *(show(stats.percentile(values, p), "us") for p in (50, 90, 99, 99.9)), f"{len(values):,}"])
    return ["contestant", "fresh per request", "rate", "p50", "p90", "p99", "p99.9", "requests"], rows


def condition_table(answers, kind, conditions, metric="throughput", unit="1/s", workload="hello"):
    rows = []
    for name in answers.contestants:
        found = [stats.figure(answers.run.values(metric, name, workload, condition, kind)) for condition in conditions]
        if any(found):
            rows.append([name, answers.fresh(name), *(show(figure.value, unit) if figure else "-" for figure in found)])
    return ["contestant", "fresh per request", *conditions], rows


def parts_table(answers):
    """A cold start in its parts: what happens once, and what at every start."""
    rows = []
    for name in answers.contestants:
        parts = answers.run.manifest["contestants"][name]["parts"].get("hello", {})
        listen, first, load = (stats.figure(answers.run.values(metric, name, "hello", kind="core"))
                               for metric in ("cold start: until it listens", "cold start: first answer", "load"))
        if listen:
            rows.append([name, f"{parts.get('build', 0):.2f} s", f"{parts['compile']:.2f} s" if "compile" in parts else "-",
                         show(load.value, "ms") if load else "-", show(listen.value, "ms"), show(first.value, "ms")])
    return ["contestant", "build, once", "compile or pack, once", "load, per host", "start, until it listens", "first answer after that"], rows


def size_table(answers):
    rows = []
    for name, facts in answers.run.manifest["contestants"].items():
        if facts["shipped"]:
            rows.append([name, show(sum(facts["shipped"].values()), "MB"), ", ".join(f"{what} {show(size, 'MB')}" for what, size in facts["shipped"].items())])
    return ["contestant", "shipped for hello", "of it"], rows


def contestant_table(run):
    return ["contestant", "version", "how", "fresh per request"], [[name, facts["version"], facts["how"], facts["fresh"]]
                                                                  for name, facts in run.manifest["contestants"].items()]


def blocks(run, drawn):
    answers, facts = Answers(run), run.manifest
    yield "h1", "Native code, containers, runtimes and mote, side by side"
    yield "p", words.loss_paragraph(answers)
    yield "p", words.win_paragraph(answers)
    yield "p", words.reused_paragraph(answers)
    yield "p", f"Measured {facts['started']} on {machine.in_words(facts['machine'])}. " + words.noise_paragraph(run)
    yield "h2", "What to do where mote loses"
    yield "list", words.closing(answers)
    for question in answers.questions():
        yield "h2", question.title
        if question.key in drawn:
            yield "picture", drawn[question.key]
        yield "p", question.note
        yield "table", open_table(answers) if question.key == "open" else question_table(answers, question)
        if question.key == "cold":
            yield "table", parts_table(answers)
    if any(line["kind"] == "sweep" for line in run.samples):
        yield "h2", "How does throughput grow with connections?"
        if "sweep" in drawn:
            yield "picture", drawn["sweep"]
        yield "table", condition_table(answers, "sweep", [f"{n} connections" for n in SWEEP])
    conditions = sorted({line["condition"] for line in run.samples if line["kind"] == "firewall" and line["metric"] == "throughput"})
    if conditions:
        yield "h2", "What do a firewall and a virtual cable cost?"
        if "firewall" in drawn:
            yield "picture", drawn["firewall"]
        for workload in [w for w, known in facts["workloads"].items() if known["study"]]:
            yield "p", f"Requests per second, {workload}:"
            yield "table", condition_table(answers, "firewall", conditions, workload=workload)
    yield "h2", "What is shipped?"
    yield "table", size_table(answers)
    yield "h2", "What was not run, and why"
    yield "list", not_run(run) or ["everything ran"]
    yield "h2", "How it was measured"
    yield "list", method(run)
    if "machine" in drawn:
        yield "picture", drawn["machine"]
    yield "table", contestant_table(run)


def not_run(run):
    facts = run.manifest
    left = len(facts["plan"]) - len(run.outcomes)
    lacks = {}
    for name, known in facts["contestants"].items():
        for workload, reason in known["lacks"].items():
            lacks.setdefault((name, reason), []).append(workload)
    return [*(f"{name}: absent: {reason}" for name, reason in facts["absent"].items()),
            *(f"{name}: {', '.join(workloads)}: {reason}" for (name, reason), workloads in lacks.items()),
            *facts["cuts"], *words.what_failed(run), *([f"{left} tasks: the campaign was interrupted; --resume goes on with it"] if left > 0 else [])]


def method(run):
    facts = run.manifest
    return [
        f"Command: {' '.join(facts.get('command', ['lab/run']))}; lab/run --replay draws the same report from the raw data.",
        f"{len(facts['plan'])} tasks in rounds, each round in an order of its own drawn from seed {facts['seed']}; scale: {facts['scale']}; "
        f"figures are medians of the rounds' medians, in brackets their 95 % bootstrap interval.",
        f"Each task starts the contestant anew, verifies its answers before and after, and ends it with all that it started. A wrong answer voids a task. "
        f"{WARM_UPS} warm-ups, {SEQUENTIAL} requests one after the other, {BURST} on {BURST_CONNECTIONS} connections, then a run of fixed time; an open loop of {OPEN_RATE} requests/s.",
        f"Processor time and membership by {facts['measured by']}; memory is the proportional set size of all members. Network: {facts['network']}. "
        "Clients run on the same processors.",
        "Tools: " + "; ".join(f"{name}: {version}" for name, version in facts["tools"].items()) + ". Commands, versions and every raw sample are in the run's folder (manifest.json, raw.jsonl, raw.csv).",
    ]


# ---- HTML --------------------------------------------------------------------------------

def as_html(found):
    out = ["<!DOCTYPE html><html lang=en><meta charset=utf-8><title>The study</title>", f"<style>{STYLE}</style><body>"]
    for kind, contents in found:
        if kind in ("h1", "h2", "p"):
            out.append(f"<{kind}>{html.escape(contents)}</{kind}>" if contents else "")
        elif kind == "list":
            out.append("<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in contents) + "</ul>")
        elif kind == "table":
            head, rows = contents
            out.append("<table><tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>" + "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows) + "</table>")
        elif kind == "picture":
            title, path = contents
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            out.append(f'<figure><img id="{path.stem}" alt="{html.escape(title)}" src="data:image/png;base64,{data}"></figure>')
    return "\n".join(out) + "</body></html>\n"


def write(run):
    run.write_csv()
    drawn = pictures.draw_all(Answers(run), run.folder / "figures")
    path = run.folder / "report.html"
    path.write_text(as_html(blocks(run, drawn)), encoding="utf-8")
    return path


# ---- Markdown ----------------------------------------------------------------------------

def as_markdown(found, pictures_at):
    out = []
    for kind, contents in found:
        if kind in ("h1", "h2"):
            out.append(("# " if kind == "h1" else "## ") + contents)
        elif kind == "p" and contents:
            out.append(contents)
        elif kind == "list":
            out.append("\n".join(f"- {item}" for item in contents))
        elif kind == "table":
            head, rows = contents
            out.append("\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in [head, ["---"] * len(head), *rows]))
        elif kind == "picture":
            title, path = contents
            out.append(f"![{title}]({pictures_at}/{path.name})")
    return "\n\n".join(out) + "\n"


def publish(run, page):
    """Writes PAGE.md and its pictures into a folder PAGE beside it."""
    drawn = pictures.draw_all(Answers(run), run.folder / "figures")
    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for _, path in drawn.values():
        shutil.copy(path, folder / path.name)
    page.write_text(as_markdown(blocks(run, drawn), folder.name), encoding="utf-8")
    return page
