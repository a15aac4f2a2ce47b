"""cgroup.py - who belongs to a contestant, what they took: by cgroups of either version,
both at once too (hybrid hosts), or by the tree of processes where there are none.

    <mount>/mote-lab/<owner>/<session>      owner: the lab's process, `pid-starttime`"""

import os
import signal
import time
from pathlib import Path

TOP = "mote-lab"
TICK = os.sysconf("SC_CLK_TCK")


def mounts():
    """{controller: folder} of version 1; "" names version 2's."""
    found = {}
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, folder, kind, options = line.split()[:4]
        if kind == "cgroup2":
            found[""] = Path(folder)
        elif kind == "cgroup":
            for word in options.split(","):
                if word in ("cpuacct", "memory", "cpu", "cpuset", "devices", "freezer", "blkio", "pids", "net_cls", "net_prio", "hugetlb",
                            "perf_event", "rdma", "misc") or word.startswith("name="):
                    found[word] = Path(folder)
    return found


def version_1(found):
    return "cpuacct" in found and "memory" in found


def allow_controllers(folder):
    """Version 2: what a folder's children may count; what cannot be had is left out."""
    for word in ("+cpu", "+memory"):
        try:
            (folder / "cgroup.subtree_control").write_text(word, encoding="ascii")
        except OSError:
            pass


def owner():
    """A name for this process that no later one will have."""
    return f"{os.getpid()}-{start_time(os.getpid())}"


def start_time(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[19]


def is_alive(name):
    pid, _, started = name.partition("-")
    try:
        return start_time(pid) == started
    except OSError:
        return False


class Group:
    """The processes of one session. Without cgroups, those that descend from `root`."""

    def __init__(self, name):
        found, self.root = mounts(), None
        self.path = f"/{TOP}/{owner()}/{name}"
        self.folders = {}
        wanted = ("cpuacct", "memory") if version_1(found) else ("",)
        try:
            for controller in wanted:
                folder = found[controller]
                for part in self.path.strip("/").split("/"):
                    if controller == "":
                        allow_controllers(folder)
                    folder = folder / part
                    folder.mkdir(exist_ok=True)
                self.folders[controller] = folder
        except (OSError, KeyError):
            self.remove()
            self.folders = {}

    def how(self):
        return {"cpuacct": "cgroups, version 1", "": "cgroups, version 2", None: "the process tree in /proc"}[next(iter(self.folders), None)]

    def _folder(self, controller):
        return self.folders.get(controller) or self.folders.get("")

    def pids(self):
        if self.folders:
            folder = next(iter(self.folders.values()))
            return sorted({int(pid) for procs in folder.rglob("cgroup.procs") for pid in procs.read_text(encoding="ascii").split()})
        return descendants(self.root) if self.root else []

    def cpu_us(self):
        folder = self._folder("cpuacct")
        try:
            if "cpuacct" in self.folders:
                return int((folder / "cpuacct.usage").read_text(encoding="ascii")) / 1000
            if folder:
                return float(dict(line.split() for line in (folder / "cpu.stat").read_text(encoding="ascii").splitlines())["usage_usec"])
        except (OSError, KeyError):
            pass
        return sum(process_cpu_us(pid) for pid in self.pids())

    def memory(self):
        """Proportional memory of all processes, bytes: what they share counts once."""
        return sum(proportional(pid) for pid in self.pids())

    def charged(self):
        """What the kernel charges the group: its own memory for it and cached files too."""
        folder = self._folder("memory")
        for name in ("memory.usage_in_bytes", "memory.current"):
            if folder and (folder / name).exists():
                return int((folder / name).read_text(encoding="ascii"))
        return None

    def remove(self):
        for pid in (self.pids() if self.folders else []):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        for folder in mounts().values():
            remove_tree(folder / self.path.strip("/"))


def remove_tree(top):
    """Removes a folder of cgroups, the deepest first; waits until ended processes left."""
    last = time.monotonic() + 5
    while top.exists():
        for folder in sorted((path for path in top.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)) + [top]:
            try:
                folder.rmdir()
            except OSError:
                pass
        if time.monotonic() > last:
            return
        if top.exists():
            time.sleep(0.02)


# ---- processes -----------------------------------------------------------------------

def parents():
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = int((folder / "stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                pass
    return found


def descendants(root):
    """Those below a process, without it."""
    found, known = {root}, parents()
    while True:
        more = {pid for pid, parent in known.items() if parent in found} - found
        if not more:
            return sorted(found - {root})
        found |= more


def process_cpu_us(pid):
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(word) for word in words[11:15]) * 1e6 / TICK


def proportional(pid):
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
