"""Rust: the small programs, by Debian's rustc-web, which builds its standard library too."""
import toolchains

VERSIONS = {"edition": "2021"}


def build(guest):
    toolchains.build_rust(guest.here, guest.work / "target", "tour", guest.wasm)
