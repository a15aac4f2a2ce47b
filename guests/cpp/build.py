"""C++: the small programs, by clang and libc++ of Debian, without exceptions."""
import kit

VERSIONS = {"clang": kit.CLANG}


def build(guest):
    version = kit.CLANG.removeprefix("clang-")
    include = f"/usr/lib/llvm-{version}/include/wasm32-wasi/c++/v1"
    library = f"/usr/lib/llvm-{version}/lib/wasm32-wasi"
    kit.require(f"{include}/vector", f"libc++-{version}-dev-wasm32")
    kit.require(f"{library}/libc++abi.a", f"libc++abi-{version}-dev-wasm32")
    compiler = [kit.clang(cxx=True), "--target=wasm32-wasi"]
    objects = guest.compile_objects(compiler, [guest.here / "tour.cc"],
                                    ["-O2", "-std=c++20", "-fno-exceptions", "-nostdinc++", "-isystem", include,
                                     "-Wall", "-Wextra", "-Werror"])
    guest.link(compiler, objects, [f"-L{library}", "-Wl,--strip-debug"])
