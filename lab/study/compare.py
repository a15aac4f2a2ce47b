"""compare.py - lab/compare A B: what changed between two runs, and how sure that is. A row
counts as changed where the two intervals don't touch and the medians differ by 3 % at least."""

import argparse

import common
from study import records
from study.questions import Answers, Question, QUESTIONS, show


def rows(before, after):
    """(question, contestant, workload, figure before, figure after) of what both have."""
    one, other = Answers(before), Answers(after)
    for question in QUESTIONS:
        for contestant in one.contestants:
            for workload in one.run.manifest["workloads"]:
                a = one.figure(question, contestant, workload)
                b = other.figure(question, contestant, workload) if contestant in other.contestants else None
                if a and b:
                    yield question, contestant, workload, a, b


def verdict(question: Question, a, b):
    """better, worse, or None where nothing is sure."""
    if not (a.clearly_less(b) or b.clearly_less(a)):
        return None
    return "better" if (b.value > a.value) == question.more_is_better else "worse"


def main():
    p = argparse.ArgumentParser(prog="lab/compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("before", help="a run's folder")
    p.add_argument("after", help="another one's")
    p.add_argument("--all", action="store_true", help="rows that did not change, too")
    args = p.parse_args()
    before, after = records.Run(args.before), records.Run(args.after)
    if before.manifest["machine"] != after.manifest["machine"]:
        print("the machines differ: compare ratios within each run, not these figures")
    counts = {"better": 0, "worse": 0, None: 0}
    for question, contestant, workload, a, b in rows(before, after):
        said = verdict(question, a, b)
        counts[said] += 1
        if said or args.all:
            print(f"{said or 'same':7} {question.metric}, {workload}, {contestant}: {show(a.value, question.unit)} -> {show(b.value, question.unit)} "
                  f"({b.value / a.value - 1 if a.value else 0:+.0%}; {a.rounds} and {b.rounds} rounds)")
    print(f"{counts['better']} better, {counts['worse']} worse, {counts[None]} not sure to have changed")
    return 0


if __name__ == "__main__":
    common.main_of("lab/compare", main)
