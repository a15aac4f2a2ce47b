"""bench.py - all benchmarks, one after the other. With --quick they share 45 s, and only
Wasmtime stands beside mote where compiling and running take long; each alone shows more.
Status 1: one of them failed, or with --check, missed a goal."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import common                          # noqa: E402

# Each one's share of what --quick may take, the short ones first: what they leave over
# goes to those behind.
SHARES = {"calls": 3, "start": 5, "size": 4, "wasi": 6, "instances": 5, "guests": 4, "snapshot": 3, "compile": 7, "serve": 12, "kernels": 14}
MORE = {"compile": ["--engines", "mote,wasmtime"], "kernels": ["--engines", "mote,wasmtime"]}


def main():
    p = argparse.ArgumentParser(prog="lab/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="at most 45 s for all of them")
    p.add_argument("--json", action="store_true", help="one JSON object a line")
    p.add_argument("--check", action="store_true", help="status 1 if a goal is missed")
    p.add_argument("bench", nargs="*", metavar="BENCH", help=f"these only (default: {' '.join(SHARES)})")
    args = p.parse_args()
    names = args.bench or list(SHARES)
    unknown = set(names) - set(SHARES)
    if unknown:
        p.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    deadline, left, good = common.Deadline(common.quick_seconds() if args.quick else None), sum(SHARES[n] for n in names), True
    for name in names:
        words = [str(common.HERE / name / "run"), *(["--quick"] if args.quick else []), *(["--json"] if args.json else []),
                 *(["--check"] if args.check and name != "kernels" else []), *(MORE.get(name, []) if args.quick else [])]
        env = dict(os.environ)
        if args.quick:
            env["LAB_SECONDS"] = f"{max(1, deadline.left() * SHARES[name] / left):.1f}"
            left -= SHARES[name]
        if not args.json:
            print(f"\n=== {name}", flush=True)
        good = subprocess.run(words, env=env).returncode == 0 and good
    return int(not good)


common.main_of("lab/bench", main)
