"""Workloads: what is asked, and what the answer must be. The C source of each, NAME.c, is the
same for all contestants; NAME.mjs is the same job as Node's users would write it.

An expected answer is computed here by Python's own library, never by a contestant."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Case:
    """A request and its answer."""
    expected: bytes
    method: str = "GET"
    path: str = "/"
    route: str = ""
    body: bytes = b""
    status: int = 200

    def bytes(self, close=True):
        fields = [f"{self.method} {self.path} HTTP/1.1", "Host: study"]
        fields += [f"X-Route: {self.route}"] if self.route else []
        fields += [f"Content-Length: {len(self.body)}"] if self.body or self.method != "GET" else []
        fields += ["Connection: close"] if close else []
        return "\r\n".join(fields).encode() + b"\r\n\r\n" + self.body


@dataclass
class Workload:
    name: str
    title: str
    cases: list                        # all are verified, the first one is how a start is seen
    load: list = field(default_factory=list)          # those that load is made of; default: the first
    files: dict = field(default_factory=dict)         # what lies in the data folder: {name: bytes}
    study: bool = False                # one of the published study's three
    libraries: tuple = ()              # of build.LIBRARIES

    def __post_init__(self):
        self.load = self.load or self.cases[:1]

    def source(self):
        return HERE / f"{self.name}.c"

    def script(self):
        path = HERE / f"{self.name}.mjs"
        return path if path.exists() else None


def chained_hash():
    h = bytes(32)
    for _ in range(4000):
        h = hashlib.sha256(h).digest()
    return h.hex().encode() + b"\n"


def all_workloads():
    greeting, state = Case(b"hello\n"), Case(b"begin\n", path="/state")
    changes = [Case(b"kept\n", "PUT", "/state", body=b"changed\n"), Case(b"changed\n", path="/state"),
               Case(b"kept\n", "PUT", "/state", body=b"begin\n"), Case(b"not here\n", path="/elsewhere", status=404)]
    return [
        Workload("hello", "hello", [greeting], study=True),
        Workload("hash", "hash on the processor", [Case(chained_hash())], study=True),
        Workload("http", "service with / and /state", [greeting, state, *changes, state], load=[greeting, state], files={"state": b"begin\n"},
                 study=True),
    ]
