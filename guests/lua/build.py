"""Lua: the interpreter, from Debian's source, by zig cc; setjmp through final exceptions."""
import kit
import toolchains

VERSIONS = {"zig": toolchains.ZIG}
NOT_THE_COMMAND = {"luac"}
FLAGS = ["-O2", "-w", "-DL_tmpnam=20", "-mllvm", "-wasm-enable-sjlj", "-mllvm", "-wasm-use-legacy-eh=false"]


def build(guest):
    env = toolchains.zig_env(guest.out)
    compiler = [toolchains.find_zig(guest.out), "cc", "-target", "wasm32-wasi", "-mexception-handling"]
    source = kit.debian_source(guest.out, "lua5.4")
    sources = [path for path in sorted((source / "src").glob("*.c")) if path.stem not in NOT_THE_COMMAND]
    objects = guest.compile_objects(compiler, [*sources, guest.here / "tag.s", kit.POSIX / "posix.c"],
                                    [*FLAGS, "-I", guest.here, *kit.POSIX_FLAGS], env)
    guest.link(compiler, objects, [*kit.POSIX_LIBS, "-Wl,-z,stack-size=1048576", "-s"], env)
