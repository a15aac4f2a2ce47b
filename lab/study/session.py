"""session.py - one contestant with one workload, started with its surroundings, and ended
with everything that it started.

    with Session(contestant, workload) as s:
        cold = s.start()               microseconds: spawned, connected, answered
        s.verify()
        ...
        s.stop()                       it may be started again

A failure is one of three: it answers wrongly, it ended, it does not answer in time."""

import copy
import ctypes
import dataclasses
import http.client
import itertools
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from common import Unavailable
from study import build, cgroup, reaper
from study.network import Network

SCRATCH = Path(tempfile.gettempdir()) / f"mote-lab-{os.geteuid()}"
START_MS = 20000
NUMBERS = itertools.count(1)


class Failed(Exception):
    """What went wrong with a contestant: kind is `wrong answer`, `crashed` or `hung`."""

    def __init__(self, kind, reason):
        super().__init__(reason)
        self.kind = kind


def marked_environment():
    return dict(os.environ, **{reaper.MARK: cgroup.owner(), "MOTE_CACHE_DIR": str(build.MOTE_CACHE)})


class Keeper:
    """A command under keeper.c: it and what it starts end with this process at the latest."""

    def __init__(self, words, group, network, log, probe=None, detached=False, env=None, limit_ms=START_MS):
        options = ["--log", log, *(word for folder in group.folders.values() for word in ("--cgroup", folder))]
        for name, file in (("--netns", network.file()), ("--client-netns", network.client_file())):
            options += [name, file] if file else []
        options += ["--detached"] if detached else []
        options += ["--limit", limit_ms]
        options += ["--probe", *probe] if probe else []
        self.process = subprocess.Popen([str(word) for word in [build.keeper(), *options, "--", *words]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=dict(marked_environment(), **(env or {})))
        group.root = group.root or self.process.pid
        self.log = Path(log)
        self.pid, *self.times = self._ready(self._line(limit_ms / 1000 + 5))

    def _line(self, limit_s):
        if not select.select([self.process.stdout], [], [], limit_s)[0]:
            self.end()
            raise Failed("hung", "the keeper says nothing")
        return self.process.stdout.readline().strip()

    def _ready(self, line):
        word, _, rest = line.partition(" ")
        if word != "ready":
            self.end()
            kind = "hung" if "no good answer" in rest else "crashed"
            raise Failed(kind, f"{rest}{self.last_words()}")
        return [int(part) for part in rest.split()]

    def last_words(self):
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()] if self.log.exists() else []
        return f" ({lines[-1][:200]})" if lines else ""

    def ask(self, word, limit_s=START_MS / 1000 + 5):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self._line(limit_s)

    def probe(self, limit_ms=START_MS):
        """Microseconds until it answers; None if it does not."""
        word, _, rest = self.ask(f"probe {limit_ms}").partition(" ")
        return int(rest.split()[3]) if word == "ready" else None

    def check(self):
        line = self.ask("status")
        if line != "alive":
            raise Failed("crashed", f"{line}{self.last_words()}")

    def end(self):
        """Closes what it reads; it then ends all that it started, and itself."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Session:
    def __init__(self, contestant, workload, network=None, port_offset=0):
        self.contestant, self.workload = contestant, workload
        self.number = next(NUMBERS)
        self.scratch = SCRATCH / cgroup.owner() / str(self.number)
        self.data = self.scratch / "data"
        self.own_network = network is None
        self.network = network
        self.port_offset = port_offset
        self.group, self.kept, self.planes = None, None, []
        self.loading = 0.0             # seconds that it took to load the program
        self.together = {}             # {path: workload} of a server that has several

    def __enter__(self):
        try:
            self.network = self.network or Network()
            self.data.mkdir(parents=True)
            for name, contents in self.workload.files.items():
                (self.data / name).write_bytes(contents)
            (self.scratch / "probe").write_bytes(self.workload.cases[0].bytes())
            self.group = cgroup.Group(str(self.number))
            for words, ready in self.contestant.plane(self):
                self.planes.append(Keeper(words, self.group, self.network, self.scratch / f"plane{len(self.planes)}.log", env=self.environment()))
                self._await(ready)
            begin = time.monotonic()
            self.contestant.load(self)
            self.loading = time.monotonic() - begin
        except BaseException:
            self.__exit__()
            raise
        return self

    def _await(self, ready):
        last = time.monotonic() + START_MS / 1000
        while not ready():
            self.planes[-1].check()
            if time.monotonic() > last:
                raise Failed("hung", "its surroundings don't become ready")
            time.sleep(0.02)

    def __exit__(self, *_):
        try:
            self.stop()
            for plane in reversed(self.planes):
                plane.end()
        finally:
            if self.group:
                self.group.remove()
            if self.network and self.own_network:
                self.network.remove()
            unmount_below(self.scratch)
            shutil.rmtree(self.scratch, ignore_errors=True)

    # ---- what a contestant asks ----------------------------------------------------

    @property
    def listen(self):
        return "0.0.0.0" if self.network.file() else "127.0.0.1"

    @property
    def address(self):
        return self.contestant.address(self) if hasattr(self.contestant, "address") else self.network.address

    @property
    def port(self):
        return self.network.port + self.port_offset

    def environment(self):
        return {"STUDY_DATA": str(self.data)}

    def run(self, words, limit_s=60):
        """A command of the contestant's, among its processes and in its network."""
        enter = "".join(f"echo 0 > {folder}/cgroup.procs; " for folder in self.group.folders.values()) + 'exec "$@"'
        try:
            done = subprocess.run([str(word) for word in [*self.network.server(), "sh", "-c", enter, "sh", *words]], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit_s,
                                  env=dict(marked_environment(), **self.environment()), check=False)
        except subprocess.TimeoutExpired:
            raise Failed("hung", f"{words[0]} takes longer than {limit_s} s") from None
        if done.returncode != 0:
            raise Failed("crashed", f"{Path(str(words[0])).name}: status {done.returncode}: {done.stdout.strip()[-200:]}")
        return done.stdout

    # ---- its life ------------------------------------------------------------------

    def start(self, words=None):
        """Starts it, by words of its own if they are given, and waits for its first good answer;
        microseconds since the start."""
        words = words or self.contestant.start(self)
        self.contestant.started = [str(word) for word in words]
        self.kept = Keeper(words, self.group, self.network, self.scratch / "log",
                           probe=(self.address, self.port, self.scratch / "probe"), detached=self.contestant.detached, env=self.environment(),
                           limit_ms=self.contestant.limit_ms)
        return self.kept.times

    def stop(self):
        if not self.kept:
            return
        kept, self.kept = self.kept, None
        try:
            words = self.contestant.stop(self)
            if words:
                self.run(words)
        finally:
            kept.end()

    def verify(self):
        """Asks for every case; a wrong answer voids all that is measured."""
        for case in self.workload.cases:
            status, got = self.ask(case)
            if (status, got) != (case.status, case.expected):
                raise Failed("wrong answer", f"{case.method} {case.path}: {status} {got[:60]!r}, wanted {case.status} {case.expected[:60]!r}")

    def ask(self, case):
        """One request from the client's side: (status, body)."""
        answer = {}

        def exchange():
            enter(self.network.client_file())
            connection = http.client.HTTPConnection(self.address, self.port, timeout=30)
            try:
                connection.request(case.method, case.path, body=case.body or None, headers={"X-Route": case.route} if case.route else {})
                response = connection.getresponse()
                answer["got"] = (response.status, response.read())
            except (OSError, http.client.HTTPException) as error:
                answer["error"] = error
            finally:
                connection.close()

        thread = threading.Thread(target=exchange)     # a thread can be in another namespace than its process
        thread.start()
        thread.join()
        if "got" not in answer:
            error = answer.get("error")
            self.kept.check()
            raise Failed("hung" if isinstance(error, TimeoutError) else "wrong answer", f"{case.method} {case.path}: {error}")
        return answer["got"]

    # ---- others beside it ------------------------------------------------------------

    def sibling(self, n):
        """One more of the same contestant, among the same processes, on a port of its own."""
        other = copy.copy(self)
        other.number, other.port_offset, other.kept = f"{self.number}-{n}", n, None
        return other

    def at_path(self, path):
        """The same server, asked at another path only."""
        other = copy.copy(self)
        other.workload = copy.copy(self.together[path])
        other.workload.cases = other.workload.load = [dataclasses.replace(other.workload.cases[0], path=path)]
        return other

    def listeners(self):
        """Its processes that hold a socket which listens at the port, the oldest first."""
        pids = self.group.pids()
        try:
            rows = [line.split() for line in Path(f"/proc/{pids[0]}/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        except (OSError, IndexError):
            return []
        sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{self.port:04X}")}
        return sorted((pid for pid in pids if sockets & links_of(pid)), key=lambda pid: int(cgroup.start_time(pid)))

    def kill(self, pid):
        if pid is None:
            raise Unavailable("no process of it listens here")
        os.kill(pid, signal.SIGKILL)


def links_of(pid):
    """What a process's descriptors are."""
    found = set()
    try:
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            try:
                found.add(os.readlink(descriptor.path))
            except OSError:
                pass
    except OSError:
        pass
    return found


def enter(file):
    """Moves this thread to a network namespace. os.setns() is newer than Debian 12's Python."""
    if not file:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(file, os.O_RDONLY)
    try:
        if libc.setns(fd, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


def unmount_below(folder):
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    for point in sorted((p for p in mounted if p.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL, check=False)
