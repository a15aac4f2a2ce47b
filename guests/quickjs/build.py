"""QuickJS: the interpreter of JavaScript, from a crate that carries its source, by clang."""
import kit

VERSIONS = {"clang": kit.CLANG, "rquickjs-sys": "0.14.0"}
SOURCES = ["quickjs", "libregexp", "libunicode", "dtoa", "quickjs-libc", "qjs", "gen/repl", "gen/standalone"]


def build(guest):
    """The crate is Rust's binding of QuickJS-ng; only the C source in it is built."""
    compiler = [kit.clang(), "--target=wasm32-wasi"]
    source = kit.crate(guest.out, "rquickjs-sys", VERSIONS["rquickjs-sys"]) / "quickjs"
    objects = guest.compile_objects(compiler, [*[source / (name + ".c") for name in SOURCES], kit.POSIX / "posix.c"],
                                    ["-O2", "-w", "-D_GNU_SOURCE", f"-I{source}", *kit.POSIX_FLAGS])
    guest.link(compiler, objects, [*kit.POSIX_LIBS, *kit.STACK, "-Wl,--strip-debug"])
