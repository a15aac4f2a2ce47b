"""WAMR: its ahead-of-time compiler, and commands of WASI preview 1 under iwasm."""

from study import build
from study.contestants import Contestant, first_line, tool

GET = "build WAMR 2.4's product-mini and wamr-compiler from source with LLVM"


class Wamr(Contestant):
    name = "wamr"
    how = "iwasm FILE.aot, compiled before by wamrc: a command of WASI preview 1 (its sockets are an interface of its own)"
    fresh = "process"
    get = GET
    serves = False
    commands = True

    def find(self):
        tool("iwasm", GET)
        tool("wamrc", GET)

    def version(self):
        return first_line(["iwasm", "--version"])

    def compiled(self, workload):
        wasm, out = build.wasm(workload)[0], build.HOST / "wamr" / f"{workload.name}.aot"
        return build.timed_make(out, [tool("wamrc", GET), "-o", out, wasm], [wasm])

    def build(self, workload):
        return {"build": build.wasm(workload)[1], "compile": self.compiled(workload)[1]}

    def shipped(self, workload):
        return {"runtime": tool("iwasm", GET), "program": self.compiled(workload)[0]}

    def command(self, at):
        return [tool("iwasm", GET), f"--map-dir=/data::{at.data}", self.compiled(at.workload)[0]]


ALL = [Wamr()]
