"""Workloads: what is asked, and what the answer must be. The C source of each, NAME.c, is the
same for all contestants; NAME.mjs is the same job as Node's users would write it.

An expected answer is computed here by Python's own library, never by a contestant."""

import functools
import hashlib
import json
import random
import re
import sqlite3
import tempfile
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


def orders():
    draw = random.Random(1)
    found = [{"id": n, "customer": f"customer {draw.randrange(40):02d}",
              "items": [{"sku": f"a{draw.randrange(1000)}", "quantity": draw.randrange(1, 9), "price": draw.randrange(50, 90000)}
                        for _ in range(draw.randrange(1, 6))]} for n in range(200)]
    sums = {}
    for order in found:
        sums[order["customer"]] = sums.get(order["customer"], 0) + sum(item["quantity"] * item["price"] for item in order["items"])
    answer = json.dumps(dict(sorted(sums.items())), separators=(",", ":"))
    return [Case(answer.encode() + b"\n", "POST", body=json.dumps(found).encode()), Case(b"no list of orders\n", "POST", body=b"{", status=400)]


def picture(side=256, by=4):
    draw = random.Random(2)
    pixels = bytes(draw.randrange(256) for _ in range(3 * side * side))
    small = bytes(sum(pixels[3 * ((y * by + i // by) * side + x * by + i % by) + c] for i in range(by * by)) // (by * by)
                  for y in range(side // by) for x in range(side // by) for c in range(3))
    head = "P6 {0} {0} 255\n".format
    return [Case(head(side // by).encode() + small, "POST", body=head(side).encode() + pixels)]


def log():
    draw = random.Random(3)
    lines = [f'10.0.{draw.randrange(256)}.{draw.randrange(256)} - - [21/Nov/2026:08:00:{n % 60:02d} +0000] '
             f'"{draw.choice(["GET", "POST", "PUT"])} /{draw.choice(["api", "static"])}/{draw.choice(["users", "orders", "items"])}/{draw.randrange(10000)} HTTP/1.1" '
             f'{draw.choice([200, 200, 304, 404, 500, 503])} {draw.randrange(100000)}' for n in range(500)]
    pattern = re.compile(r'"(GET|POST) /api/[a-z]+/[0-9]+ HTTP/1\.[01]" 5[0-9][0-9] [0-9]+$')
    return [Case("".join(line + "\n" for line in lines if pattern.search(line)).encode(), "POST", body="\n".join(lines).encode() + b"\n")]


def backend(tenant):
    value = 2166136261
    for byte in tenant.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return f"backend-{value % 64:02d}\n".encode()


def shop():
    """(the file of a database, the answer to the query in sql.c)"""
    draw = random.Random(4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)")
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, product INTEGER, month INTEGER, quantity INTEGER)")
        database.executemany("INSERT INTO products VALUES (?, ?, ?)", [(n, f"product {n:03d}", draw.randrange(100, 9999)) for n in range(200)])
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)",
                             [(n, draw.randrange(200), draw.randrange(1, 13), draw.randrange(1, 9)) for n in range(5000)])
        database.execute("CREATE INDEX by_month ON orders (month)")
        database.commit()
        query = re.search(r"#define QUERY (.*?)\n\n", (HERE / "sql.c").read_text(encoding="utf-8"), re.DOTALL).group(1)
        rows = database.execute("".join(re.findall(r'"([^"]*)"', query))).fetchall()
        database.close()
        return path.read_bytes(), "".join(f"{name} {earned}\n" for name, earned in rows).encode()


SCRIPT = b"""
const words = [];
let x = 7;
for (let i = 0; i < 2000; i++) { x = (x * 48271) % 2147483647; words.push("w" + (x % 97)); }
const counts = new Map();
for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
[...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 5).map(([word, n]) => word + ":" + n).join(" ")
"""


def script_answer():
    """What SCRIPT says, computed by other means."""
    x, counts = 7, {}
    for _ in range(2000):
        x = x * 48271 % 2147483647
        counts[f"w{x % 97}"] = counts.get(f"w{x % 97}", 0) + 1
    return " ".join(f"{word}:{n}" for word, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:5]).encode() + b"\n"


def vector_answer(count=10_000_000):
    """What VECTOR was computed by: it takes seconds, so a test compares them and no run does."""
    x, before, total, squares, neighbours = 1, None, 0, 0, 0
    for _ in range(count):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        value = x >> 22
        shifted = value - 512
        total += value
        squares += shifted * shifted
        neighbours += shifted * before if before is not None else 0
        before = shifted
    return f"{total} {squares} {neighbours}\n".encode()


VECTOR = b'5116577022 874106271634 -139689866\n'


@functools.cache
def all_workloads():
    greeting, state = Case(b"hello\n"), Case(b"begin\n", path="/state")
    changes = [Case(b"kept\n", "PUT", "/state", body=b"changed\n"), Case(b"changed\n", path="/state"),
               Case(b"kept\n", "PUT", "/state", body=b"begin\n"), Case(b"not here\n", path="/elsewhere", status=404)]
    database, earned = shop()
    return [
        Workload("hello", "hello", [greeting], study=True),
        Workload("hash", "hash on the processor", [Case(chained_hash())], study=True),
        Workload("http", "service with / and /state", [greeting, state, *changes, state], load=[greeting, state], files={"state": b"begin\n"},
                 study=True),
        Workload("json", "sums of a list of orders in JSON, 40 KB", orders()),
        Workload("route", "routing by a header", [Case(backend("tenant-1"), route="tenant-1"), Case(backend("tenant-77"), route="tenant-77"),
                                                  Case(b"no such tenant\n", route="nobody", status=404)]),
        Workload("image", "a picture of 256 x 256 made smaller", picture()),
        Workload("regex", "a regular expression over 500 lines", log()),
        Workload("sql", "a query of SQLite", [Case(earned)], files={"shop.db": database}, libraries=("sqlite",)),
        Workload("script", "a script in JavaScript (QuickJS)", [Case(script_answer(), "POST", body=SCRIPT)], libraries=("quickjs",)),
        Workload("vector", "a data job of 10 million numbers", [Case(VECTOR)]),
    ]
