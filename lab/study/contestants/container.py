"""Containers by an OCI runtime directly: the native program alone in a root file system that is
built on the spot, in the network that the study gives it."""

import json
import os
import shutil

from common import Unavailable
from study import build
from study.cgroup import mounts
from study.contestants import WORKERS, Contestant, first_line, tool


def root_folder(workload):
    """The file system of a container: one static program and a folder for data."""
    program = build.native(workload)[0]
    folder = build.HOST / "rootfs" / workload.name
    for name in ("data", "proc", "dev", "sys", "tmp", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    server = folder / "server"
    if not server.exists() or server.stat().st_mtime_ns != program.stat().st_mtime_ns:
        shutil.copy2(program, server)
    return folder


def configuration(at, words):
    """A config.json: namespaces of its own but for the network, no capability, nothing shared
    but the data."""
    return {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": [str(word) for word in words], "env": ["PATH=/"], "cwd": "/",
                    "noNewPrivileges": True, "capabilities": {}},
        "root": {"path": str(root_folder(at.workload)), "readonly": True},
        "hostname": "study",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
                   {"destination": "/data", "type": "bind", "source": str(at.data), "options": ["bind", "rw"]}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")], "cgroupsPath": f"{at.group.path}/{at.number}",
                  "maskedPaths": ["/proc/kcore", "/proc/keys"], "readonlyPaths": ["/proc/sys"]},
    }


class Container(Contestant):
    fresh = "nothing"
    detached = True
    commands = True
    seconds = 0.4

    def __init__(self, runtime):
        self.name, self.main = runtime, runtime == "runc"
        self.get = f"install {runtime}"
        self.how = f"{runtime} run --detach, the native program in namespaces of its own (the study's network); processes live on"

    def find(self):
        tool(self.name, self.get)
        if os.geteuid() != 0:
            raise Unavailable("needs root")
        if self.name == "crun" and {"", "cpuacct"} <= set(mounts()):
            raise Unavailable("crun refuses hosts with cgroups of both versions, as this one is")

    def version(self):
        return first_line([tool(self.name, self.get), "--version"])

    def build(self, workload):
        return {"build": build.native(workload)[1] + build.native(workload, "cgi")[1]}

    def shipped(self, workload):
        return {"image": root_folder(workload), "runtime": tool(self.name, self.get)}

    def words(self, at):
        return [tool(self.name, self.get), "--root", at.scratch / "state"]

    def bundle(self, at, words):
        folder = at.scratch / f"bundle-{at.number}"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(configuration(at, words)), encoding="utf-8")
        return folder

    def start(self, at):
        bundle = self.bundle(at, ["/server", at.listen, at.port, WORKERS])
        return [*self.words(at), "run", "--detach", "--bundle", bundle, f"study-{at.number}"]

    def stop(self, at):
        return [*self.words(at), "delete", "--force", f"study-{at.number}"]

    def command(self, at):
        shutil.copy2(build.native(at.workload, "cgi")[0], root_folder(at.workload) / "cgi")
        return [*self.words(at), "run", "--bundle", self.bundle(at, ["/cgi"]), f"study-{at.number}"]


ALL = [Container("runc"), Container("crun")]
