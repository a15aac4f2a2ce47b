"""mote: serve (a module, an artifact, a snapshot) and run."""

import common
from study import build
from study.contestants import WORKERS, Contestant, first_line


class Serve(Contestant):
    name = "mote serve"
    how = "mote serve FILE.wasm, compiled and in the cache; one worker per processor, a fresh instance for every request"
    fresh = "instance"
    get = "make"
    commands = True
    words = ("run",)

    def find(self):
        common.find_mote()

    def version(self):
        return first_line([common.find_mote(), "--version"])

    def program(self, workload):
        return build.wasm(workload)[0]

    def build(self, workload):
        wasm, seconds = build.wasm(workload)
        return {"build": seconds, "compile": build.timed_make(
            build.HOST / "mote" / f"{workload.name}.mote", [common.find_mote(), "compile", wasm, "-o", build.HOST / "mote" / f"{workload.name}.mote"],
            [wasm], tools=[common.find_mote().with_name("mote-compile")])[1]}

    def shipped(self, workload):
        mote = common.find_mote()
        return {"runtime": mote, "compiler": mote.with_name("mote-compile"), "program": self.program(workload)}

    def start(self, at):
        return [common.find_mote(), "serve", "--addr", f"{at.listen}:{at.port}", "--workers", WORKERS, "--dir", f"{at.data}::/data",
                self.program(at.workload)]

    def command(self, workload, folder):
        return [common.find_mote(), *self.words, "--dir", f"{folder}::/data", self.program(workload)]


class Precompiled(Serve):
    name = "mote serve, precompiled"
    how = "mote serve FILE.mote, compiled before; one worker per processor, a fresh instance for every request"

    def program(self, workload):
        return build.HOST / "mote" / f"{workload.name}.mote"

    def shipped(self, workload):
        return {"runtime": common.find_mote(), "program": self.program(workload)}


class Run(Serve):
    name = "mote run"
    how = "the C server as a WASI program under mote run -S tcplisten: one process, one instance that lives on"
    fresh = "nothing"
    commands = False

    def program(self, workload):
        return build.wasm(workload, "server")[0]

    def build(self, workload):
        return {"build": build.wasm(workload, "server")[1]}

    def start(self, at):
        return [common.find_mote(), "run", "-S", f"tcplisten={at.listen}:{at.port}", "--dir", f"{at.data}::/data",
                "-W", "max-memory-size=1g", self.program(at.workload)]


ALL = [Serve(), Precompiled(), Run()]
