"""Rust: the small programs, by Debian's rustc-web, which builds its standard library too."""
import os
import shutil
from pathlib import Path

import kit

VERSIONS = {"edition": "2021"}
SOURCE = Path("/usr/lib/rustlib/src/rust")


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


def build(guest):
    kit.clang()                        # for what it links with
    rustc, cargo = find_rustc()
    flags = ["-Clink-self-contained=no", "-Clinker=wasm-ld-19", f"-Lnative={kit.WASI_LIBC}",
             f"-Clink-arg={kit.WASI_LIBC / 'crt1-command.o'}"]
    target = guest.work / "target"
    kit.run([cargo, "build", "--quiet", "--release", "--target", "wasm32-wasip1", "--target-dir", target,
             "-Zbuild-std=std,panic_abort"], cwd=guest.here,
            env={"RUSTC": rustc, "RUSTC_BOOTSTRAP": "1", "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)})
    shutil.copyfile(target / "wasm32-wasip1" / "release" / "tour.wasm", guest.wasm)
