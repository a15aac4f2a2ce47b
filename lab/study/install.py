"""install.py - lab/run --install: what the study takes from Debian and from a registry. It is
the only part that contacts anything outside."""

import os
import subprocess
import tempfile
from pathlib import Path

from common import Unavailable
from study import build

PACKAGES = {
    "clang-19": "native programs and guests", "lld-19": "links guests", "wasi-libc": "guests", "libclang-rt-19-dev-wasm32": "guests",
    "python3-matplotlib": "pictures (with NumPy)", "wrk": "load", "nghttp2-client": "h2load: load whose every sample is kept", "hyperfine": "commands, timed",
    "nftables": "firewall conditions", "iproute2": "network namespaces", "util-linux": "nsenter", "runc": "containers", "crun": "containers",
    "docker.io": "Docker's engine", "qemu-system-x86": "a micro-virtual machine", "cpio": "its file system", "nodejs": "Node",
    "chromium-headless-shell": "the test that opens the report", "dpkg-dev": "unpacks SQLite's source", "tcl": "SQLite's one-file form",
    "cargo": "fetches QuickJS's source and Wasmtime's adapter",
}
PROVIDED = {"nodejs": "node", "cargo": "cargo", "docker.io": "dockerd", "chromium-headless-shell": "chromium"}   # by something else, perhaps
KERNEL = "linux-image-cloud-amd64"


def run(words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(words[:3])}: {done.stdout.strip()[-300:]}")
    return done.stdout


def missing():
    found = []
    for name in PACKAGES:
        state = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
        provided = PROVIDED.get(name) and subprocess.run(["sh", "-c", f"command -v {PROVIDED[name]}"], stdout=subprocess.DEVNULL, check=False).returncode == 0
        if state != "install ok installed" and not provided:
            found.append(name)
    return found


def install():
    if not Path("/etc/debian_version").exists():
        raise Unavailable(f"this is not Debian; what is needed: {', '.join(PACKAGES)}")
    wanted = missing()
    if wanted and os.geteuid() != 0:
        raise Unavailable(f"only root can install what is missing: {' '.join(wanted)}")
    if wanted:
        for name in wanted:
            print(f"installing {name}: {PACKAGES[name]}")
        run(["apt-get", "update", "-q"])
        run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *wanted], env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    unpack_kernel()
    fetch_sources()
    print("all is there; lab/run --list shows the contestants, with how to get those that no package has")
    return 0


def unpack_kernel():
    """Debian's kernel for virtual machines, unpacked and not installed."""
    folder = build.HOST / "kernel"
    if list(folder.glob("boot/vmlinuz-*")):
        return
    depends = run(["apt-cache", "depends", KERNEL])
    name = next(line.split()[-1] for line in depends.splitlines() if "Depends:" in line)
    print(f"unpacking {name}: the micro-virtual machine's kernel")
    with tempfile.TemporaryDirectory() as at:
        run(["apt-get", "download", name], cwd=at)
        folder.mkdir(parents=True, exist_ok=True)
        run(["dpkg", "-x", next(str(path) for path in Path(at).glob("*.deb")), str(folder)])


def fetch_sources():
    """Each is fetched when it is first built, too; here, so that nothing is fetched later."""
    from study.contestants import wasmtime
    for what, fetch in (("the adapter of Wasmtime's project (a crate)", wasmtime.adapter), *((f"the source of {name}", lambda f=f: f("wasm")) for name, f in build.LIBRARIES.items())):
        print(f"fetching {what}")
        try:
            fetch()
        except Unavailable as reason:
            print(f"  not here: {reason}")
