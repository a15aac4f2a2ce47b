"""The study: contestants x workloads x metrics, measured in turns, and drawn.

    plan.py       what is to be measured, in which order, how long it takes, what is cut
    campaign.py   carries a plan out; what interrupts it can be resumed
    tasks.py      one measurement each: core, sweep, rich, open, run, ...
    session.py    one contestant, started with its surroundings, and ended with all it started
    records.py    raw samples, one JSON object a line; all that follows reads only them
    stats.py      medians and their intervals
    words.py      findings, in sentences made from numbers
    pictures.py   one picture per question
    report.py     the report, as one HTML file or as a page of docs/
    compare.py    two runs beside each other

contestants/ and workloads/ have one file each; front/ is what serves a workload in C."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
