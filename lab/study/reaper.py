"""reaper.py - removes what a lab left that was killed: processes, namespaces, cgroups and
mounts that bear its mark. The lab starts one that waits for its end (`watch`), and cleans up
once more when it begins. What belongs to a lab that lives is left alone."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from study import cgroup, network

MARK = "MOTE_LAB"                      # in the environment of all that a lab starts: its owner


def dead(name):
    return not cgroup.is_alive(name)


def marked_processes():
    """(pid, owner) of what was started by a lab."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            for word in (folder / "environ").read_bytes().split(b"\0"):
                if word.startswith(MARK.encode() + b"="):
                    yield int(folder.name), word.split(b"=", 1)[1].decode("ascii", "replace")
        except OSError:
            pass


def kill_marked(is_stray):
    for pid, name in list(marked_processes()):
        if is_stray(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


def remove_groups(is_stray):
    for folder in cgroup.mounts().values():
        for top in sorted((folder / cgroup.TOP).glob("*-*")):
            if not is_stray(top.name):
                continue
            for procs in top.rglob("cgroup.procs"):
                for pid in procs.read_text(encoding="ascii").split():
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except OSError:
                        pass
            cgroup.remove_tree(top)
        try:
            (folder / cgroup.TOP).rmdir()
        except OSError:
            pass


def remove_networks(is_stray):
    for name in network.leftovers():
        if is_stray(name[len(network.PREFIX):].rsplit("-", 1)[0]):
            subprocess.run(["ip", "netns", "delete", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def remove_folders(top, is_stray):
    """Scratch folders `top/<owner>`, and what is mounted below them."""
    for folder in sorted(top.glob("*-*")) if top.exists() else []:
        if not is_stray(folder.name):
            continue
        mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
        for point in sorted((p for p in mounted if p.startswith(f"{folder}/")), reverse=True):
            subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def reap(scratch, is_stray=dead):
    kill_marked(is_stray)
    remove_groups(is_stray)
    remove_networks(is_stray)
    remove_folders(scratch, is_stray)


def watch(scratch):
    """Starts a process that reaps when this one ends, however it ends. It is not marked."""
    read, write = os.pipe()
    os.set_inheritable(write, False)
    words = [sys.executable, "-B", "-c", "import sys; from study import reaper; reaper.wait(sys.argv[1], sys.argv[2])", str(scratch), cgroup.owner()]
    env = {name: value for name, value in os.environ.items() if name != MARK}
    subprocess.Popen(words, stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=env)
    os.close(read)
    return write                       # kept open as long as the lab lives


def wait(scratch, name):
    sys.stdin.buffer.read()
    reap(Path(scratch), lambda other: other == name or dead(other))
