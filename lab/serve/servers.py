"""servers.py - the contestants as processes: started, watched, ended."""

import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

from common import Unavailable


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children(pid):
    """Of a process, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text(encoding="ascii").split()]
        except OSError:
            pass
    return found + [pid for child in found for pid in children(child)]


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii")
    except OSError:
        return ""


class Server:
    """A command that serves on a port of the loopback address."""

    def __init__(self, command, port, deadline, log=None, patience_s=60):
        self.port = port
        self.log = open(log, "wb") if log else subprocess.DEVNULL
        begin = time.monotonic()
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True)
        try:
            self.await_answer(begin + patience_s, deadline)
        except Unavailable:
            self.stop()
            raise
        self.start_s = time.monotonic() - begin

    def await_answer(self, end, deadline):
        """Of whatever status: some listen before they can serve."""
        while time.monotonic() < end:
            deadline.check()
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    s.settimeout(min(end - time.monotonic(), deadline.left() or 3600))
                    s.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    if s.recv(1):
                        return
            except OSError:
                if self.process.poll() is not None:
                    raise Unavailable(f"{self.process.args[0]} ended with status {self.process.returncode}") from None
                time.sleep(0.002)
        raise Unavailable(f"{self.process.args[0]} does not answer")

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def workers(self):
        """mote's; others' processes are all of them workers."""
        found = children(self.process.pid)
        named = [pid for pid in found if name_of(pid).startswith("mote-worker")]
        return named or found

    def cpu_us(self):
        """Processor time of all its threads so far."""
        total = 0
        for pid in self.pids():
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(path.read_text(encoding="ascii").split()[0])
                except OSError:
                    pass
        return total / 1000

    def memory_kb(self, *names):
        """Sums lines of smaps_rollup, Pss if none is named, over all its processes."""
        total = 0
        for pid in self.pids():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            except OSError:
                continue
            total += sum(int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE).group(1)) for name in names or ("Pss",))
        return total

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        if self.log is not subprocess.DEVNULL:
            self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()


class Peak(threading.Thread):
    """The most memory that a server was seen to have, while the block runs."""

    def __init__(self, server, every_s=0.05):
        super().__init__(daemon=True)
        self.server, self.every_s, self.kb, self.over = server, every_s, 0, threading.Event()

    def run(self):
        while not self.over.wait(self.every_s):
            self.kb = max(self.kb, self.server.memory_kb())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *what):
        self.over.set()
        self.join()


def workers_of(server, clients):
    """Which worker accepted each connection, from this end's sockets; None: nobody yet."""
    inodes, owners = {}, {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == server.port:
            inodes[int(words[2].split(":")[1], 16)] = f"socket:[{words[9]}]"
    for pid in server.workers():
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                owners[os.readlink(fd)] = pid
            except OSError:
                pass
    return [owners.get(inodes.get(client.getsockname()[1])) for client in clients]


# ---- manifests -------------------------------------------------------------------------

def manifest(path, functions, **more):
    """Writes one: functions is {name: (module, route, {key: value})}; routes end with * for
    a prefix. Metrics and an access log are on, as in production."""
    lines = [f"listen: 127.0.0.1:{more.pop('port')}", "workers: 2"]
    if more.pop("operated", True):
        lines += [f"admin: 127.0.0.1:{free_port()}", "logs:", f"  access: {path.with_suffix('.log')}"]
    tenants = more.pop("tenants", 0)
    lines += [f"{key}: {value}" for key, value in more.items()]
    if tenants:
        lines += ["tenants:", *(f"  t{i}: {{}}" for i in range(tenants))]
    lines.append("functions:")
    for number, (name, (module, _, keys)) in enumerate(functions.items()):
        lines += [f"  {name}:", f"    module: {module}", *(f"    {key}: {value}" for key, value in keys.items())]
        if tenants:
            lines.append(f"    tenant: t{number % tenants}")
    lines.append("routes:")
    for name, (_, route, _) in functions.items():
        kind = "prefix" if route.endswith("*") else "path"
        lines.append(f"  - {{{kind}: {route.rstrip('*')}, function: {name}}}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
