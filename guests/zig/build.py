"""Zig: the small programs, by PyPI's ziglang."""
import kit
import toolchains

VERSIONS = {"zig": toolchains.ZIG}


def build(guest):
    zig = toolchains.find_zig(guest.out)
    kit.run([zig, "build-exe", guest.here / "tour.zig", "-target", "wasm32-wasi", "-O", "ReleaseSafe",
             f"-femit-bin={guest.wasm}"], cwd=guest.work, env=toolchains.zig_env(guest.out))
