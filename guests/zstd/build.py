"""zstd: the command, from Debian's source, by clang."""
import kit

VERSIONS = {"clang": kit.CLANG}
PROGRAM = ["zstdcli", "zstdcli_trace", "fileio", "fileio_asyncio", "util", "timefn"]


def build(guest):
    compiler = [kit.clang(), "--target=wasm32-wasi"]
    source = kit.debian_source(guest.out, "libzstd")
    sources = [path for part in ("common", "compress", "decompress")
               for path in sorted((source / "lib" / part).glob("*.c"))]
    sources += [source / "programs" / (name + ".c") for name in PROGRAM]
    flags = ["-O2", "-w", "-DZSTD_NOBENCH", "-DZSTD_NODICT", "-DZSTD_NOTRACE", f"-I{source / 'lib'}",
             f"-I{source / 'lib' / 'common'}", *kit.POSIX_FLAGS]
    objects = guest.compile_objects(compiler, [*sources, kit.POSIX / "posix.c"], flags)
    guest.link(compiler, objects, [*kit.POSIX_LIBS, "-Wl,--strip-debug"])
