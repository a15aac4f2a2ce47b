"""Spin: the same component of wasi:http as wasmtime serve has, under a manifest of Spin's."""

from study.contestants import Contestant, first_line, tool
from study.contestants.wasmtime import GET_TOOLS, component

GET = "cargo install spin-cli from its source, or its release of version 3"
MANIFEST = """spin_manifest_version = 2
[application]
name = "study"
version = "1.0.0"
[[trigger.http]]
route = "/..."
component = "service"
[component.service]
source = "{source}"
"""


class Spin(Contestant):
    name = "spin"
    how = "spin up with a component of wasi:http from the same C source, a fresh instance for every request"
    fresh = "instance"
    get = GET

    def find(self):
        tool("spin", GET)
        tool("wasm-tools", GET_TOOLS)

    def version(self):
        return first_line(["spin", "--version"])

    def lacks(self, workload):
        return "its files can't be written by a component" if workload.files else None

    def build(self, workload):
        return {"build": component(workload)[1]}

    def shipped(self, workload):
        return {"runtime": tool("spin", GET), "program": component(workload)[0]}

    def start(self, at):
        (at.scratch / "spin.toml").write_text(MANIFEST.format(source=component(at.workload)[0]), encoding="utf-8")
        return [tool("spin", GET), "up", "--quiet", "-f", at.scratch / "spin.toml", "--listen", f"{at.listen}:{at.port}"]


ALL = [Spin()]
