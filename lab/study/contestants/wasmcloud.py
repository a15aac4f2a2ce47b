"""wasmCloud: listed, for a study of this kind asks for it; how it is driven is not known here
well enough to measure it fairly."""

from common import Unavailable
from study.contestants import Contestant, tool

GET = "cargo install wash, with a NATS server beside it"


class WasmCloud(Contestant):
    name = "wasmcloud"
    how = "wash, with a component of wasi:http"
    fresh = "instance"
    get = GET

    def find(self):
        tool("wash", GET)
        raise Unavailable("wash is here, but the lab does not drive it yet")


ALL = [WasmCloud()]
