"""Contestants, one small file each: how to find, build, start, stop and version one.

A file's ALL lists its forms, each in the fastest configuration that its documentation
recommends; `how` says it in words. An absent one is listed as absent, with how to get it."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from common import Unavailable

FILES = ("native", "container", "docker", "microvm", "mote", "wasmtime", "wamr", "wasmedge", "wasmcloud", "spin", "node", "python")
WORKERS = str(os.cpu_count())


class Contestant:
    name = ""
    how = ""                           # its configuration, in words
    fresh = "nothing"                  # per request: process, instance or nothing
    get = ""                           # how to get it where it is absent
    detached = False                   # its command ends and leaves a service
    serves = True                      # False: it only runs commands
    started = ()                       # the words of its last start
    limit_ms = 20000                   # a start that takes longer counts as hung
    seconds = 0.2                      # that starting it takes, about, its surroundings too
    main = True                        # False: another form of one that is; it is asked for hello alone
    alone = False                      # True: a second one beside it needs what the lab has not
    commands = False                   # True: command() works

    def find(self):
        """Raises Unavailable, with the reason, where it can't run here."""

    def version(self):
        return ""

    def lacks(self, workload):
        """Why it can't serve this workload, or None."""
        return None

    def build(self, workload):
        """Makes what it needs: {part of a cold start: seconds}. Called once per campaign."""
        return {}

    def shipped(self, workload):
        """{what: file or folder} that must be there to serve."""
        return {}

    def plane(self, at):
        """Commands that must run before and beside it, [(words, ready())]; they are started
        in order, each until ready() is true."""
        return []

    def load(self, at):
        """Brings the program into the control plane, where there is one."""

    def start(self, at):
        """The command that serves at at.address, at.port."""
        raise NotImplementedError

    def stop(self, at):
        """A command that ends what a detached start left, or None."""
        return None

    def command(self, at):
        """Words that run at.workload once, as a command that prints GET /'s answer."""
        raise NotImplementedError

    def together(self, at, workloads):
        """The command that serves several workloads at once, {path: workload}; None where a
        server of its own is what another function takes."""
        return None

    def victim(self, at):
        """The process that kill -9 hits when recovery is measured: the oldest that listens."""
        return next(iter(at.listeners()), None)


def tool(name, get, env=""):
    """The path of a program; env names a variable that may hold it."""
    found = os.environ.get(env) if env else None
    found = found or shutil.which(name) or next((f"{folder}/{name}" for folder in ("/usr/sbin", "/sbin") if os.access(f"{folder}/{name}", os.X_OK)), None)
    if not found:
        raise Unavailable(f"no {name} on PATH ({get})")
    return found


def first_line(words):
    """What a program says of its version."""
    try:
        done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown version"
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return lines[0][:100] if lines and done.returncode == 0 and re.search(r"\d", lines[0]) else "unknown version"


def size_of(path):
    path = Path(path)
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size


def all_contestants():
    """Those of this folder, and of the folder that LAB_CONTESTANTS names."""
    modules = [importlib.import_module(f"study.contestants.{name}") for name in FILES]
    more = os.environ.get("LAB_CONTESTANTS")
    modules += [load_file(path) for path in sorted(Path(more).glob("*.py"))] if more else []
    return [contestant for module in modules for contestant in module.ALL]


def load_file(path):
    spec = importlib.util.spec_from_file_location(f"contestant_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
