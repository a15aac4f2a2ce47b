"""mote: serve (a module, an artifact, a snapshot) and run."""

import json
import os
import shutil
import subprocess

import common
from study import build
from study.contestants import WORKERS, Contestant, first_line


def compiled(wasm, options=(), name=None):
    """An artifact of a module: (file, seconds)."""
    mote, out = common.find_mote(), build.HOST / "mote" / f"{name or wasm.stem}.mote"
    return build.timed_make(out, [mote, "compile", *options, wasm, "-o", out], [wasm], tools=[mote.with_name("mote-compile")])


class Serve(Contestant):
    name = "mote serve"
    how = "mote serve FILE.wasm, compiled and in the cache; one worker per processor, a fresh instance for every request"
    fresh = "instance"
    get = "make"
    commands = True
    main = False

    def find(self):
        common.find_mote()

    def version(self):
        return first_line([common.find_mote(), "--version"])

    def program(self, workload):
        return build.wasm(workload)[0]

    def build(self, workload):
        wasm, seconds = build.wasm(workload)
        self.warm(wasm)
        return {"build": seconds, "compile": compiled(wasm)[1]}

    def warm(self, wasm):
        """Fills mote's cache, by running the module once as a command."""
        subprocess.run([common.find_mote(), "run", wasm], env=dict(os.environ, MOTE_CACHE_DIR=str(build.MOTE_CACHE)), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def shipped(self, workload):
        mote = common.find_mote()
        return {"runtime": mote, "compiler": mote.with_name("mote-compile"), "program": self.program(workload)}

    def start(self, at):
        return [common.find_mote(), "serve", "--addr", f"{at.listen}:{at.port}", "--workers", WORKERS, "--dir", f"{at.data}::/data",
                self.program(at.workload)]

    def command(self, at):
        return [common.find_mote(), "run", "--dir", f"{at.data}::/data", self.program(at.workload)]


class Precompiled(Serve):
    name = "mote serve, precompiled"
    main = True
    how = "mote serve FILE.mote, compiled before; one worker per processor, a fresh instance for every request"

    def program(self, workload):
        return compiled(build.wasm(workload)[0])[0]

    def build(self, workload):
        wasm, seconds = build.wasm(workload)
        return {"build": seconds, "compile": compiled(wasm)[1]}

    def shipped(self, workload):
        return {"runtime": common.find_mote(), "program": self.program(workload)}


    def together(self, at, workloads):
        """A manifest with a function, and an artifact of its own, for each path."""
        at.together, functions, routes = workloads, {}, []
        for number, (path, workload) in enumerate(workloads.items()):
            artifact = at.scratch / f"{number}.mote"
            shutil.copy(self.program(workload), artifact)
            functions[f"f{number}"] = {"module": str(artifact), "folders": [{"host": str(at.data), "guest": "/data", "writable": True}]}
            routes.append({"path": path, "function": f"f{number}"})
        manifest = {"listen": f"{at.listen}:{at.port}", "workers": int(WORKERS), "functions": functions, "routes": routes}
        (at.scratch / "app.yaml").write_text(json.dumps(manifest), encoding="utf-8")
        return [common.find_mote(), "serve", at.scratch / "app.yaml"]

    def victim(self, at):
        """The youngest: a worker, for the supervisor holds the sockets too."""
        return next(reversed(at.listeners()), None)


class Snapshot(Precompiled):
    name = "mote serve, snapshot"
    how = "mote serve FILE.mote, snapshotted after its initialiser and compiled before; a fresh instance for every request"
    OPTIONS = ("--snapshot", "--rename-func", "_start=resume", "--dir", f"{build.HOST}::/data", "--allow", "clock,random")

    def lacks(self, workload):
        return None if workload.name in ("hello", "script") else "the initialiser of this workload does nothing"

    def program(self, workload):
        return self.make(workload)[0]

    def make(self, workload):
        wasm, seconds = build.wasm(workload, more=("-DSNAPSHOT",))
        out, more = compiled(wasm, self.OPTIONS)
        return out, seconds, more

    def build(self, workload):
        _, seconds, more = self.make(workload)
        return {"build": seconds, "compile": more}


class Run(Serve):
    name = "mote run"
    main = True
    how = "the C server as a WASI program under mote run -S tcplisten: one process, one instance that lives on"
    fresh = "nothing"
    commands = False

    def program(self, workload):
        return compiled(build.wasm(workload, "server")[0])[0]

    def build(self, workload):
        wasm, seconds = build.wasm(workload, "server")
        return {"build": seconds, "compile": compiled(wasm)[1]}

    def start(self, at):
        return [common.find_mote(), "run", "-S", f"tcplisten={at.listen}:{at.port}", "--dir", f"{at.data}::/data",
                "-W", "max-memory-size=1g", self.program(at.workload)]


ALL = [Serve(), Precompiled(), Snapshot(), Run()]
