"""Docker's engine: a daemon of our own, without bridge and rules, with the driver vfs, its
state in the session's folder; an image of the native program alone."""

import os
import subprocess
import tarfile

from common import Unavailable
from study import build
from study.contestants import WORKERS, Contestant, first_line, tool
from study.contestants.container import root_folder

GET = "install docker.io"


class Docker(Contestant):
    name = "docker"
    how = "docker run --detach --network host, the native program in an image of its own; daemon with vfs, no bridge; processes live on"
    get = GET
    detached = True
    commands = True
    seconds = 2.0

    def find(self):
        for name in ("dockerd", "containerd", "docker", "runc"):
            tool(name, GET)
        if os.geteuid() != 0:
            raise Unavailable("needs root")

    def version(self):
        return first_line([tool("dockerd", GET), "--version"])

    def build(self, workload):
        return {"build": build.native(workload)[1] + build.native(workload, "cgi")[1]}

    def shipped(self, workload):
        return {"image": root_folder(workload), "daemons": tool("dockerd", GET), "containerd": tool("containerd", GET)}

    def client(self, at):
        return [tool("docker", GET), "--host", f"unix://{at.scratch}/docker.sock"]

    def plane(self, at):
        words = [tool("dockerd", GET), "--data-root", at.scratch / "docker", "--exec-root", at.scratch / "exec", "--pidfile", at.scratch / "docker.pid",
                 "--host", f"unix://{at.scratch}/docker.sock", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
                 "--cgroup-parent", at.group.path, "--exec-opt", "native.cgroupdriver=cgroupfs"]
        return [(words, lambda: subprocess.run([*self.client(at), "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0)]

    def load(self, at):
        root, image = root_folder(at.workload), at.scratch / "image.tar"
        with tarfile.open(image, "w") as tar:
            tar.add(build.native(at.workload)[0], "server")
            tar.add(build.native(at.workload, "cgi")[0], "cgi")
            tar.add(root / "data", "data")
        at.run([*self.client(at), "import", image, "study"])

    def start(self, at):
        return [*self.client(at), "run", "--detach", "--network", "host", "--volume", f"{at.data}:/data", "--name", f"study-{at.number}", "--restart", "always", "study",
                "/server", at.listen, at.port, WORKERS]

    def stop(self, at):
        return [*self.client(at), "rm", "--force", f"study-{at.number}"]

    def command(self, at):
        return [*self.client(at), "run", "--rm", "--network", "none", "study", "/cgi"]


ALL = [Docker()]
