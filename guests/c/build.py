"""C: the small programs, by clang and wasi-libc of Debian."""
import kit

VERSIONS = {"clang": kit.CLANG}


def build(guest):
    compiler = [kit.clang(), "--target=wasm32-wasi"]
    objects = guest.compile_objects(compiler, [guest.here / "tour.c"],
                                    ["-O2", "-std=gnu17", "-Wall", "-Wextra", "-Werror"])
    guest.link(compiler, objects, ["-Wl,--strip-debug"])
