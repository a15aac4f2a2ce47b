"""Wasmtime: serve with a component of wasi:http (as Wasm and compiled ahead), and run."""

import sys

import common
from common import Unavailable
from study import build
from study.contestants import Contestant, first_line, tool

ADAPTER = ("wasi-preview1-component-adapter-provider", "48.0.0")
GET = "cargo install wasmtime-cli --version ^48 --locked"
GET_TOOLS = "cargo install wasm-tools --locked"


def adapter():
    """What lets a module of preview 1 be a component; a crate of Wasmtime's project has it."""
    sys.path.insert(0, str(common.ROOT / "guests"))
    import kit
    try:
        folder = kit.crate(common.ROOT / "build" / "guests", *ADAPTER)
    except (kit.Missing, kit.Failed) as error:
        raise Unavailable(f"the crate {ADAPTER[0]}: {error} (lab/run --install fetches it)") from None
    return folder / "artefacts" / "wasi_snapshot_preview1.reactor.wasm"


def component(workload):
    """The workload behind wasi:http: (file, seconds)."""
    tools, wit, folder = tool("wasm-tools", GET_TOOLS), build.FRONT / "wit", build.HOST / "component"
    module, seconds = build.wasm(workload, "component", ("-mexec-model=reactor",))
    embedded, out = folder / f"{workload.name}.embedded.wasm", folder / f"{workload.name}.wasm"
    seconds += build.timed_make(embedded, [tools, "component", "embed", wit, "--world", "service", module, "-o", embedded],
                                [module, *sorted(wit.rglob("*.wit"))])[1]
    seconds += build.timed_make(out, [tools, "component", "new", embedded, "--adapt", f"wasi_snapshot_preview1={adapter()}", "-o", out],
                                [embedded, adapter()])[1]
    return out, seconds


def compiled(wasm):
    out = wasm.with_suffix(".cwasm")
    return build.timed_make(out, [tool("wasmtime", GET), "compile", wasm, "-o", out], [wasm])


class Serve(Contestant):
    name = "wasmtime serve"
    how = "wasmtime serve FILE.wasm, its cache warm; a component of wasi:http from the same C source, a fresh instance for every request"
    fresh = "instance"
    get = GET
    ahead = False
    main = False

    def find(self):
        tool("wasmtime", GET)
        tool("wasm-tools", GET_TOOLS)

    def version(self):
        return first_line(["wasmtime", "--version"])

    def program(self, workload):
        wasm = component(workload)[0]
        return compiled(wasm)[0] if self.ahead else wasm

    def build(self, workload):
        wasm, seconds = component(workload)
        return {"build": seconds, "compile": compiled(wasm)[1]}

    def shipped(self, workload):
        return {"runtime": tool("wasmtime", GET), "program": self.program(workload)}

    def start(self, at):
        return [tool("wasmtime", GET), "serve", "-C", "cache=y", *(["--allow-precompiled"] if self.ahead else []), "-S", "cli",
                "--dir", f"{at.data}::/data", "--addr", f"{at.listen}:{at.port}", self.program(at.workload)]


class ServeAhead(Serve):
    name = "wasmtime serve, precompiled"
    how = "wasmtime serve FILE.cwasm, compiled before; a component of wasi:http from the same C source, a fresh instance for every request"
    ahead = True
    main = True


class Run(Contestant):
    name = "wasmtime run"
    how = "wasmtime run FILE.cwasm, compiled before: a command of WASI preview 1 (it has no way to listen there)"
    fresh = "process"
    get = GET
    serves = False
    commands = True

    def find(self):
        tool("wasmtime", GET)

    def version(self):
        return first_line(["wasmtime", "--version"])

    def build(self, workload):
        wasm, seconds = build.wasm(workload)
        return {"build": seconds, "compile": self.compiled(wasm)[1]}

    def compiled(self, wasm):
        out = build.HOST / "wasmtime" / (wasm.stem + ".cwasm")
        return build.timed_make(out, [tool("wasmtime", GET), "compile", wasm, "-o", out], [wasm])

    def shipped(self, workload):
        return {"runtime": tool("wasmtime", GET), "program": self.compiled(build.wasm(workload)[0])[0]}

    def command(self, at):
        return [tool("wasmtime", GET), "run", "--allow-precompiled", "--dir", f"{at.data}::/data", self.compiled(build.wasm(at.workload)[0])[0]]


ALL = [Serve(), ServeAhead(), Run()]
