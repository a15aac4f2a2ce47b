"""run.py - how many requests are served, and how fast.

hello      a C program that prints a value of the request, a fresh instance for each request
           (mote serve), beside an epoll server in C that answers constant bytes (bare), nginx
           with a constant answer, and `wasmtime serve` with a component that does the same;
           wrk with one thread and 32 connections, on the same processors; then one connection
           (load.c). cpu is processor time of all the server's processes per request.
many       10,000 functions of 50 tenants, each of other code, at random, and beside it one of
           them; cold: one that this process never ran, its artifact in the cache; also with 64
           slots a worker, where every request binds one anew
loops      four requests that never end, under an open-loop load of half the greatest rate
           measured without them
hash       SHA-256 of 1 MiB, beside the same code native in the bare server
bodies     1 GiB up and down, declared and chunked, beside a client that reads 1 MB/s
imbalance  how 4, 8 and 32 connections spread over two workers

All with two workers. Contestants take turns (A B, A B); medians of all rounds are reported.
mote has its default configuration, with metrics and an access log in a file. The first full
run compiles 10,000 modules into the lab's own cache, which takes some minutes."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402
from cases import CASES                # noqa: E402
from contestants import Lab            # noqa: E402

BENCH = "lab/serve"
ENGINES = ["bare", "nginx", "mote", "wasmtime"]


def main():
    p = common.parser("lab/serve/run", __doc__)
    p.add_argument("case", nargs="*", metavar="CASE", help=f"these only (default: {' '.join(CASES)})")
    args = p.parse_args()
    unknown = set(args.case) - set(CASES)
    if unknown:
        p.error(f"no such case: {', '.join(sorted(unknown))}")
    if not shutil.which("wrk"):
        raise Unavailable("wrk is not on PATH (Debian has a package)")
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    lab = Lab(figures, args, deadline)
    for name in args.case or CASES:
        measure, least_s = CASES[name]
        if not lab.has_time(least_s / 2):
            figures.absent(name, "out of time")
            continue
        try:
            measure(lab)
        except Unavailable as reason:
            figures.absent(name, reason)
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/serve/run", main)
