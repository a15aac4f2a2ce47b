"""records.py - a run's folder. Everything that is reported is computed from it alone.

    manifest.json     machine, versions, commands, the plan and its seed
    raw.jsonl         an object a line, as they come:
                      {"task", "kind", "round", "contestant", "workload", "condition", "metric", "unit", "values"}
                      {"task", "done": "ok" | "wrong answer" | "crashed" | "hung" | "unavailable" | "cut", "reason", "seconds", "command"}
    raw.csv           the same, a value a line
    figures/          pictures, PNG and SVG
    report.html

A task's samples count when its line `done` is there; what an interruption cut short does not."""

import csv
import json
import shutil
import time
from pathlib import Path

from common import ROOT, Unavailable

RESULTS = ROOT / "lab" / "results"
ROOM = 200 << 20                       # bytes that a run may need


def new_folder(results=None):
    folder = (results or RESULTS) / time.strftime("%Y%m%d-%H%M%S")
    while folder.exists():
        folder = folder.with_name(folder.name + "x")
    folder.mkdir(parents=True)
    return folder


def require_room(folder, room=ROOM):
    """A run that has no room stops before it begins."""
    free = shutil.disk_usage(folder).free
    if free < room:
        raise Unavailable(f"{folder}: {free >> 20} MB are free, {room >> 20} MB are wanted")


class Writer:
    """Adds to raw.jsonl; a line is written whole or not at all."""

    def __init__(self, folder):
        self.file = open(folder / "raw.jsonl", "a", encoding="utf-8")

    def line(self, **words):
        self.file.write(json.dumps(words, separators=(",", ":")) + "\n")
        self.file.flush()


class Samples:
    """What one task measures; kept by the campaign when the task is over."""

    def __init__(self, task):
        self.task, self.lines = task, []

    def put(self, metric, unit, values, condition=""):
        if not isinstance(values, list):
            values = [values]
        self.lines.append({"metric": metric, "unit": unit, "condition": condition, "values": [round(float(value), 4) for value in values]})


class Run:
    """A run that is read: manifest, samples and outcomes."""

    def __init__(self, folder):
        self.folder = Path(folder)
        try:
            self.manifest = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
            text = (self.folder / "raw.jsonl").read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise Unavailable(f"{folder} is no run of the study: {error}") from None
        lines = [found for found in map(parse_line, text.splitlines()) if found]
        self.outcomes = {line["task"]: line for line in lines if "done" in line}
        good = {task for task, line in self.outcomes.items() if line["done"] == "ok"}
        self.samples = [line for line in lines if "metric" in line and line["task"] in good]
        self.noise = [line for line in lines if "noise" in line]

    def done(self):
        return set(self.outcomes)

    def failures(self):
        return [line for line in self.outcomes.values() if line["done"] != "ok"]

    def contestants(self):
        """Those that ran, in the manifest's order."""
        seen = {line["contestant"] for line in self.samples}
        return [name for name in self.manifest["contestants"] if name in seen]

    def values(self, metric, contestant, workload, condition="", kind=None):
        """[values of each round], in the rounds' order."""
        rounds = {}
        for line in self.samples:
            if (line["metric"], line["contestant"], line["workload"], line["condition"]) == (metric, contestant, workload, condition) \
                    and kind in (None, line["kind"]):
                rounds.setdefault(line["round"], []).extend(line["values"])
        return [rounds[key] for key in sorted(rounds)]

    def write_csv(self):
        with open(self.folder / "raw.csv", "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["round", "kind", "contestant", "workload", "condition", "metric", "unit", "value"])
            for line in self.samples:
                for value in line["values"]:
                    out.writerow([line["round"], line["kind"], line["contestant"], line["workload"], line["condition"], line["metric"],
                                  line["unit"], value])


def parse_line(text):
    """An object, or None for a line that an interruption cut."""
    try:
        return json.loads(text)
    except ValueError:
        return None
