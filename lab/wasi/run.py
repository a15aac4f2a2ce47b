"""run.py - what a guest's calls of the system cost.

clock_time_get       the monotonic clock
fd_write, fd_read    one byte to /dev/null, from /dev/zero
random_get           32 bytes
path_open            of an empty file, with the fd_close of it
copy                 1 GiB (--quick: 256 MiB) through 64 KiB reads and writes, file to file

One source makes the loops; a guest of wasi-libc runs under `mote run` and `wasmtime run`,
native makes the naked system calls. All time themselves. Contestants run in processes of
their own, in turns (A B C, A B C); each measures rounds of 500 calls, the cases in turns,
and the median of all rounds is reported. The files lie in memory (/dev/shm) if there is such
a folder."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                          # noqa: E402
from common import Deadline, Figures, Unavailable        # noqa: E402

BENCH = "lab/wasi"
HERE, OUT = Path(__file__).resolve().parent, common.OUT / "wasi"
ENGINES = ["native", "mote", "wasmtime"]
UNITS = {"clock_time_get": "ns", "fd_write": "ns", "fd_read": "ns", "random_get": "ns", "path_open": "ns", "copy": "ms"}
ROUNDS = "100"                         # in one process
FROM_MIB = 64
REDIRECTED = 'cd "$0" && exec "$@" </dev/zero 2>&1 >/dev/null'


def make_folder():
    """Where the files are that guests open."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="mote-lab-", dir=memory if os.access(memory, os.W_OK) else OUT))
    (folder / "empty").touch()
    for name in ("from", "to"):
        (folder / name).write_bytes(os.urandom(1 << 20) * FROM_MIB)
    return folder


def prepare(figures, deadline):
    """{engine: command}, in the order of turns."""
    OUT.mkdir(parents=True, exist_ok=True)
    commands = {"native": [common.compile_c(HERE / "native.c", OUT / "native", deadline)]}
    guest = OUT / "guest.wasm"
    try:
        command = [common.CLANG, "--target=wasm32-wasi", "-O2", HERE / "guest.c", "-o", guest]
        common.make(guest, command, [HERE / "guest.c", HERE / "rounds.h"], deadline)
    except Unavailable as reason:
        for engine in ENGINES[1:]:
            figures.absent(engine, reason)
        return commands
    try:
        commands["mote"] = [common.find_mote(), "run", "--dir", ".", guest]
    except Unavailable as reason:
        figures.absent("mote", reason)
    wasmtime = shutil.which("wasmtime")
    if wasmtime:
        commands["wasmtime"] = [wasmtime, "run", "--dir", ".", guest]
        figures.say("wasmtime", common.run_tool([wasmtime, "--version"], deadline).strip())
    else:
        figures.absent("wasmtime", "not on PATH")
    return commands


def measure(commands, figures, turns, mib, deadline):
    """{(engine, case): [values]}"""
    found, folder = {}, make_folder()
    try:
        for _ in range(turns):
            for engine, command in list(commands.items()):
                words = ["sh", "-c", REDIRECTED, folder, *command, ROUNDS, mib]
                try:
                    for case, values in common.run_lines(words, deadline).items():
                        found.setdefault((engine, case), []).extend(value for value, in values)
                except Unavailable as reason:
                    if (engine, "copy") not in found:
                        figures.absent(engine, reason)
                    del commands[engine]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def goals(figures):
    figures.goal("mote", "clock_time_get", 60, "ns")
    for case, most in {"fd_write": lambda native: native + 80, "fd_read": lambda native: native + 80,
                       "random_get": lambda native: native * 1.2, "path_open": lambda native: native * 1.3,
                       "copy": lambda native: native * 1.1}.items():
        native = figures.value("native", case)
        if native is not None:
            figures.goal("mote", case, most(native), UNITS[case], f" (native: {native:,.1f})")


def main():
    args = common.parser("lab/wasi/run", __doc__).parse_args()
    deadline = Deadline(common.quick_seconds() if args.quick else None)
    figures = Figures(BENCH, args, ENGINES)
    commands = prepare(figures, deadline)
    found = measure(commands, figures, args.rounds or (3 if args.quick else 9), "256" if args.quick else "1024", deadline)
    for case, unit in UNITS.items():
        for engine in ENGINES:
            if (engine, case) in found:
                figures.put_all(engine, case, unit, found[engine, case], 1)
    goals(figures)
    figures.table()
    return int(args.check and not figures.all_reached())


common.main_of("lab/wasi/run", main)
