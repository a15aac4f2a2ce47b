"""Resets in need of memory: reset_random.c in a memory cgroup that is smaller than what it
takes, its pages pushed out to swap besides. Needs root, a memory cgroup and swap; where the
machine has no swap, MOTE_TEST_SWAP=1 permits a file of 64 MiB for the time of the test."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

LIMIT = 12 << 20
SWAP = 64 << 20


class Skip(Exception):
    pass


def swap_is_on():
    return len(pathlib.Path("/proc/swaps").read_text().splitlines()) > 1


def make_swap(folder):
    path = pathlib.Path(folder) / "swap"
    with open(path, "wb") as f:
        for _ in range(SWAP >> 20):
            f.write(bytes(1 << 20))
    path.chmod(0o600)
    for command in (["mkswap", str(path)], ["swapon", str(path)]):
        try:
            r = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise Skip(f"{command[0]} is not here")
        if r.returncode:
            raise Skip(f"{command[0]}: {r.stderr.strip()}")
    return path


def make_cgroup():
    """Version 1's memory controller, or version 2's where it is handed down."""
    name = f"mote-test-{os.getpid()}"
    for parent, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = pathlib.Path(parent) / name
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(LIMIT))
            return group
        except OSError:
            group.rmdir()
    raise Skip("no cgroup with a memory controller can be made")


def remove_cgroup(group):
    for _ in range(100):
        try:
            return group.rmdir()
        except OSError:
            time.sleep(0.05)


def swapped_out():
    return int(re.search(r"^pswpout (\d+)", pathlib.Path("/proc/vmstat").read_text(), re.M)[1])


def run(program, group):
    before = swapped_out()
    r = subprocess.run([program], capture_output=True, text=True, env=dict(os.environ, RESET_PAGE_OUT="1", RESET_MODULES="12"),
                       preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
    sys.stderr.write(r.stderr)
    sys.stdout.write(r.stdout)
    pages = swapped_out() - before
    print(f"{pages} pages were swapped out")
    return r.returncode == 0 and pages > 1000 and re.search(r"^[1-9]\d* passed, 0 failed", r.stdout, re.M)


def main():
    swap = group = None
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        try:
            if os.geteuid() != 0:
                raise Skip("only root can make cgroups")
            group = make_cgroup()
            if not swap_is_on():
                if not os.environ.get("MOTE_TEST_SWAP"):
                    raise Skip("there is no swap (MOTE_TEST_SWAP=1: a file for the time of this test)")
                swap = make_swap(folder)
            good = run(sys.argv[1], group)
            print(f"{int(bool(good))} passed, {int(not good)} failed, 0 skipped")
            return 0 if good else 1
        except Skip as why:
            print(f"skipped: {why}\n0 passed, 0 failed, 1 skipped")
            return 0
        finally:
            if group:
                remove_cgroup(group)
            if swap:
                subprocess.run(["swapoff", str(swap)])


sys.exit(main())
