"""bzip2: the command, from Debian's source, by clang."""
import kit

VERSIONS = {"clang": kit.CLANG}
SOURCES = ["blocksort", "huffman", "crctable", "randtable", "compress", "decompress", "bzlib", "bzip2"]


def build(guest):
    compiler = [kit.clang(), "--target=wasm32-wasi"]
    source = kit.debian_source(guest.out, "bzip2")
    objects = guest.compile_objects(compiler, [*[source / (name + ".c") for name in SOURCES], kit.POSIX / "posix.c"],
                                    ["-O2", "-w", *kit.POSIX_FLAGS])
    guest.link(compiler, objects, [*kit.POSIX_LIBS, "-Wl,--strip-debug"])
