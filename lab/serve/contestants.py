"""contestants.py - what the benchmark of serving needs built, and how each is started."""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import common
from common import ROOT, Unavailable
from servers import Server, free_port, manifest

HERE, OUT = Path(__file__).resolve().parent, common.OUT / "serve"
APP = ROOT / "examples" / "app" / "c"
NUMBER = 0x7A5B3C1D                    # as tiny.c has it

NGINX = """worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log; keepalive_requests 1000000000; default_type text/plain;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port} reuseport; location / {{ return 200 "hello from /\\n"; }} }}
}}
"""


# ---- what is built ------------------------------------------------------------------------

def compile_wasi(source, out, deadline, flags=()):
    return common.make(out, [common.CLANG, "--target=wasm32-wasi", "-O2", *flags, source, "-o", out],
                       [source, *APP.glob("*.h")], deadline)


def compile_native(name, deadline):
    """By clang where there is one: /hash is compared with the same code compiled by LLVM."""
    compiler = common.CLANG if shutil.which(common.CLANG) else common.CC
    source, out = HERE / f"{name}.c", OUT / name
    return common.make(out, [compiler, "-O2", "-std=gnu17", "-Wall", "-Wextra", f"-I{APP}", source, "-o", out, "-lm"],
                       [source, *APP.glob("*.h")], deadline)


def leb(number):
    """In five bytes, as the number in tiny.wasm is."""
    return bytes([(number >> 7 * i & 0x7F) | (0x80 if i < 4 else 0) for i in range(5)])


def many_modules(n, deadline):
    """A folder with n modules, each of other code: a constant differs."""
    source, tiny, folder = HERE / "tiny.c", OUT / "tiny.wasm", OUT / "many"
    common.compile_guest(source, tiny, deadline, ["-Wl,--strip-all", "-Wl,--stack-first", "-Wl,-z,stack-size=16384"])
    contents, here = tiny.read_bytes(), leb(NUMBER)
    if contents.count(here) != 1:
        raise Unavailable("tiny.wasm does not have its number once")
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        path, wanted = folder / f"{i}.wasm", contents.replace(here, leb(0x70000000 + i))
        if not path.exists() or path.read_bytes() != wanted:
            path.write_bytes(wanted)
    return folder


def compile_component(deadline, built_only):
    """wasi:http's hello, by Rust and wasm-tools."""
    sys.path.insert(0, str(ROOT / "guests"))
    import kit                         # pylint: disable=import-outside-toplevel
    import toolchains                  # pylint: disable=import-outside-toplevel
    if not shutil.which("wasm-tools"):
        raise Unavailable("no wasm-tools on PATH, which makes the component")
    folder, target = HERE / "component", OUT / "component"
    try:
        rustc, cargo = toolchains.find_rustc()
    except kit.Missing as reason:
        raise Unavailable(reason) from None
    sources = [folder / name for name in ("hello.rs", "Cargo.toml")]
    core, out = target / "wasm32-unknown-unknown" / "release" / "hello.wasm", OUT / "hello-component.wasm"
    env = ["env", f"RUSTC={rustc}", "RUSTC_BOOTSTRAP=1", "CARGO_ENCODED_RUSTFLAGS=-Clinker=wasm-ld-19"]
    common.make(core, [*env, cargo, "build", "--quiet", "--release", "--target", "wasm32-unknown-unknown", "--target-dir", target,
                       "-Zbuild-std=std,panic_abort", "--manifest-path", folder / "Cargo.toml"], sources, deadline, built_only)
    return common.make(out, ["wasm-tools", "component", "new", core, "-o", out], [core], deadline)


# ---- how each is started ------------------------------------------------------------------

class Lab:
    """One run: what was built, time, and where figures go."""

    def __init__(self, figures, args, deadline):
        self.figures, self.deadline, self.quick = figures, deadline, args.quick
        self.rounds = args.rounds or (2 if args.quick else 7)
        self.seconds = 1 if args.quick else 4
        OUT.mkdir(parents=True, exist_ok=True)
        self.bare_path = compile_native("bare", deadline)
        self.load_path = compile_native("load", deadline)
        self.transfer_path = compile_native("transfer", deadline)
        self.mote_path = common.find_mote()
        self.env = {}

    def bare(self, workers=2):
        port = free_port()
        return Server([self.bare_path, port, workers], port, self.deadline)

    def mote(self, name, functions, patience_s=120, **more):
        """functions as in servers.manifest(); the cache is the lab's own."""
        port = free_port()
        path = manifest(OUT / f"{name}.yaml", functions, port=port, **more)
        os.environ["MOTE_CACHE_DIR"] = str(OUT / "cache")
        (OUT / "cache").mkdir(mode=0o700, exist_ok=True)
        return Server([self.mote_path, "serve", path], port, self.deadline, OUT / f"{name}.err", patience_s)

    def nginx(self):
        found = os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
        if not found:
            raise Unavailable("no nginx (Debian has a package; the variable NGINX names one)")
        port, folder = free_port(), OUT / "nginx"
        folder.mkdir(exist_ok=True)
        (folder / "conf").write_text(NGINX.format(port=port, folder=folder), encoding="ascii")
        return Server([found, "-c", folder / "conf", "-p", folder, "-e", folder / "error.log"], port, self.deadline)

    def wasmtime(self):
        found = shutil.which("wasmtime")
        if not found:
            raise Unavailable("no wasmtime on PATH")
        component, port = compile_component(self.deadline, self.quick), free_port()
        return Server([found, "serve", "--addr", f"127.0.0.1:{port}", component], port, self.deadline)

    def guest(self, name):
        return compile_wasi(HERE / f"{name}.c", OUT / f"{name}.wasm", self.deadline)

    # ---- load ---------------------------------------------------------------------------

    def load(self, server, path="/", connections=32, seconds=None, rate=None, numbers=None, each_once=False, may_fail=False):
        """{name: value} of load.c; what was never answered counts with the time that it was waited for."""
        words = [self.load_path, "-c", connections, "-d", seconds or self.seconds]
        words += ["-r", rate] if rate else []
        words += ["-f", numbers] if numbers else []
        words += ["-e"] if each_once else []
        found = {case: values[0][0] for case, values in common.run_lines([*words, server.port, path], self.deadline).items()}
        if not found["requests"] or (found["errors"] and not may_fail):
            raise Unavailable(f"{found['errors']:.0f} of {found['requests']:.0f} requests failed ({path})")
        return found

    def transfer(self, server, *words):
        return common.run_lines([self.transfer_path, server.port, *words], self.deadline)["seconds"][0][0]

    def has_time(self, seconds):
        return self.deadline.left() is None or self.deadline.left() > seconds


def touch_all(lab, functions, patience_s):
    """Has everything compiled into the cache: a server that is ready has it."""
    with lab.mote("fill", functions, patience_s, operated=False):
        pass


def parallel(work, things):
    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(work, things))
