"""WasmEdge: commands of WASI preview 1, compiled ahead and interpreted."""

from study import build
from study.contestants import Contestant, first_line, tool

GET = "build WasmEdge 0.17 from source with LLVM"


class WasmEdge(Contestant):
    name = "wasmedge"
    how = "wasmedge run --run-mode aot FILE, compiled before: a command of WASI preview 1"
    fresh = "process"
    get = GET
    serves = False
    commands = True
    mode = ("--run-mode", "aot")

    def find(self):
        tool("wasmedge", GET)

    def version(self):
        return first_line(["wasmedge", "--version"])

    def program(self, workload):
        wasm, out = build.wasm(workload)[0], build.HOST / "wasmedge" / f"{workload.name}.so"
        return build.timed_make(out, [tool("wasmedge", GET), "compile", wasm, out], [wasm])

    def build(self, workload):
        return {"build": build.wasm(workload)[1], "compile": self.program(workload)[1]}

    def shipped(self, workload):
        return {"runtime": tool("wasmedge", GET), "program": self.program(workload)[0]}

    def command(self, at):
        return [tool("wasmedge", GET), "run", *self.mode, "--dir", f"/data:{at.data}", self.program(at.workload)[0]]


class Interpreter(WasmEdge):
    name = "wasmedge, interpreter"
    how = "wasmedge run --run-mode interpreter FILE.wasm: a command of WASI preview 1"
    mode = ("--run-mode", "interpreter")

    def program(self, workload):
        return build.wasm(workload)


ALL = [WasmEdge(), Interpreter()]
