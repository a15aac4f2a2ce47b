"""main.py - lab/run: plans, measures, reports."""

import argparse
import json
import time
from pathlib import Path

import common
from common import Unavailable
from study import campaign, plan as plans, records
from study.workloads import all_workloads

DESCRIPTION = """Measures native programs, containers, a micro-virtual machine, other runtimes and mote
side by side on this machine, and draws the result: lab/results/<time>/report.html.

Contestants take turns in rounds of random order; answers are verified; every raw sample is
kept. The plan and its time are printed first. docs/study.md says how, and what came out."""


def parser():
    p = argparse.ArgumentParser(prog="lab/run", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = p.add_argument_group("what to do (the full campaign, unless one of these)")
    what.add_argument("--quick", action="store_true", help="what is always there, in at most 3 minutes")
    what.add_argument("--install", action="store_true", help="installs what contestants and tools need (Debian, as root); alone contacts anything outside")
    what.add_argument("--list", action="store_true", help="contestants: those that are here, and how to get the others")
    what.add_argument("--plan", action="store_true", help="prints the plan and its time only")
    what.add_argument("--resume", metavar="FOLDER", help="goes on with a campaign that was interrupted")
    what.add_argument("--replay", metavar="FILE", help="draws the report again from a run's raw data (its folder, or its raw.jsonl)")
    what.add_argument("--publish", metavar="PAGE", help="with --replay: writes the report as a page of Markdown too, its pictures beside it")
    p.add_argument("--minutes", type=float, help="what the campaign may take (full: 45)")
    p.add_argument("--rounds", metavar="N", help="as many rounds of every kind; or KIND=N,...: of these kinds, the others not at all")
    p.add_argument("--seconds", type=int, metavar="N", help="of a fixed-time run in the kind core (5)")
    p.add_argument("--only", metavar="NAMES", help="these contestants, with semicolons between")
    p.add_argument("--workloads", metavar="NAMES", help="these workloads, with commas between")
    p.add_argument("--kinds", metavar="NAMES", help=f"these kinds of task: {', '.join(plans.PRIORITY)}")
    p.add_argument("--seed", type=int, default=1, help="of the order of tasks, and of intervals (1)")
    p.add_argument("--results", type=Path, metavar="FOLDER", help="where results lie (lab/results)")
    p.add_argument("--no-report", action="store_true", help="measures only")
    return p


def choose_workloads(scale, names):
    every = all_workloads()
    wanted = names.split(",") if names else scale.workloads
    unknown = set(wanted) - {w.name for w in every} if names else set()
    if unknown:
        raise Unavailable(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(w.name for w in every)}")
    return [w for w in every if not wanted or w.name in wanted or w.name == "hello"]


def read_rounds(text, kinds):
    try:
        if "=" not in text:
            return {kind: int(text) for kind in kinds}
        found = {kind: int(n) for kind, n in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise Unavailable(f"--rounds: want a number or KIND=NUMBER,..., have {text}") from None
    unknown = set(found) - set(plans.PRIORITY)
    if unknown:
        raise Unavailable(f"--rounds: no such kind: {', '.join(sorted(unknown))}; there are {', '.join(plans.PRIORITY)}")
    return found


def print_plan(plan, absent, say):
    say(f"plan: {len(plan.tasks)} tasks, about {plan.seconds / 60:.1f} minutes", keep=True)
    for kind, (n, rounds, seconds) in plan.counts().items():
        say(f"  {kind:10} {n:5} tasks in {rounds} rounds, {seconds / 60:5.1f} min", keep=True)
    for words in plan.cuts:
        say(f"  cut: {words} (priority: {', '.join(plans.PRIORITY)})", keep=True)
    for name, reason in absent.items():
        say(f"  absent: {name}: {reason}", keep=True)


def start_campaign(args, say):
    begin = time.monotonic()
    scale = plans.QUICK if args.quick else plans.FULL
    if args.rounds:
        scale.rounds = read_rounds(args.rounds, scale.rounds)
    if args.seconds:
        scale.seconds["core"] = args.seconds
    only = tuple(args.only.split(";")) if args.only else ()
    contestants, absent = campaign.survey(scale, only)
    if not contestants:
        raise Unavailable(f"no contestant is here: {absent or args.only}")
    workloads = choose_workloads(scale, args.workloads)
    guard = campaign.begin()
    parts, lacking = campaign.prepare(contestants, workloads, say)
    for contestant in contestants:     # what can't be built is not planned
        contestant.lacks = lambda workload, of=lacking.get(contestant.name, {}): of.get(workload.name)
    kinds = args.kinds.split(",") if args.kinds else None
    plan = plans.make(scale, contestants, workloads, args.seed, args.minutes and args.minutes * 60, kinds)
    print_plan(plan, absent, say)
    if args.plan:
        return None
    folder = records.new_folder(args.results)
    records.require_room(folder)
    facts = campaign.manifest(scale, args.seed, contestants, absent, parts, lacking, workloads, plan, kinds)
    (folder / "manifest.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    (folder / "raw.jsonl").touch()
    say(f"results: {folder}", keep=True)
    hard_s = scale.hard_s if not args.minutes else args.minutes * 60 * 1.1
    campaign.Campaign(folder, plan, say, common.Deadline(hard_s - (time.monotonic() - begin if args.quick else 0))).go()
    del guard
    return folder


def resume_campaign(folder, say):
    from study.tasks import Task
    run, guard = records.Run(folder), campaign.begin()
    contestants = {c.name: c for c in campaign.survey(only=tuple(run.manifest["contestants"]))[0]}
    workloads = {w.name: w for w in all_workloads()}
    campaign.prepare(contestants.values(), [workloads[name] for name in run.manifest["workloads"]], say)
    tasks = []
    for name in run.manifest["plan"]:
        number, kind, contestant, workload = name.split("/")[:4]
        if contestant in contestants and workload in workloads:
            tasks.append(Task(kind, contestants[contestant], workloads[workload], int(number), run.manifest["how"][name]))
    campaign.Campaign(run.folder, plans.Plan(tasks, 0), say).go()
    del guard
    return run.folder


def make_report(folder, publish=None):
    from study import report
    path = report.write(records.Run(folder))
    print(f"report: {path}")
    if publish:
        print(f"page: {report.publish(records.Run(folder), Path(publish))}")


def do(args):
    say = campaign.progress()
    if args.install:
        from study import install
        return install.install()
    lock = None if args.replay else campaign.alone(say)
    if args.list:
        contestants, absent = campaign.survey()
        for contestant in contestants:
            print(f"here    {contestant.name}: {contestant.version()}; {contestant.how}")
        for name, reason in absent.items():
            print(f"absent  {name}: {reason}")
        return 0
    if args.replay:
        path = Path(args.replay)
        folder = path if path.is_dir() else path.parent
    elif args.resume:
        folder = resume_campaign(Path(args.resume), say)
    else:
        folder = start_campaign(args, say)
    if folder and not args.no_report:
        make_report(folder, args.publish)
    del lock
    return 0


def run():
    common.main_of("lab/run", lambda: do(parser().parse_args()))
