"""cases.py - what each guest is run with; expected/ has what must come of it."""

import random
from dataclasses import dataclass, field

SMALL = ["c", "cpp", "zig", "go", "rust", "assemblyscript"]


@dataclass
class Step:
    args: list
    stdin: bytes = b""
    env: dict = field(default_factory=dict)
    grant: bool = False                # the case's folder, as /data
    scripts: bool = False              # the folder scripts/, as /scripts
    stderr: bool = True                # whether it is compared; a trap's words are an engine's


@dataclass
class Case:
    name: str
    steps: list
    files: dict = field(default_factory=dict)
    varies: list = field(default_factory=list)       # files whose bytes a guest's version decides


def words(n, seed=1):
    """n bytes of text that compresses."""
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(500)]
    line = " ".join(draw.choices(vocabulary, k=n // 3))
    return line[:n].replace(" a", "\na").encode()


HOME = {"HOME": "/data"}
SEED = {"seed.txt": b"one\ntwo\n"}
HUGE = words(300_000)


def tour(name, *steps, files=None):
    return Case("tour-" + name, list(steps), files or {})


def small():
    """Every language's small programs, which do and print the same (guests/README.md)."""
    return [
        tour("args", Step(["args"]), Step(["args", "", "two words", "--", "-x", "--dir", "\u00e9\u2603"])),
        tour("env", Step(["env"]), Step(["env"], env={"B": "x=y", "A": "1", "EMPTY": "", "WORDS": "two words"})),
        tour("copy", Step(["copy"]), Step(["copy"], stdin=b"some\nlines\nno end"), Step(["copy"], stdin=HUGE)),
        tour("exit", Step(["exit", "0"]), Step(["exit", "3"]), Step(["exit", "125"])),
        tour("trap", Step(["trap"], stderr=False)),
        tour("clock", Step(["clock"])),
        tour("random", Step(["random"])),
        tour("usage", Step(["nonsense"])),
        tour("files", Step(["files", "/data"], grant=True), files=SEED),
        tour("twice", Step(["files", "/data"], grant=True), Step(["args", "again"], grant=True), files=SEED),
        tour("no-folder", Step(["files", "/data"], stderr=False), files=SEED),
    ]


def step(*args, **more):
    """A step that has the case's folder. A home, for SQLite's shell else says that it has none."""
    return Step(list(args), grant=True, env=HOME, **more)


def bzip2():
    return [
        Case("bzip2-files", [step("-k", "-9", "/data/text"), step("-t", "/data/text.bz2"),
                             step("-dc", "/data/text.bz2"), step("--best", "/data/empty"),
                             step("-d", "/data/empty.bz2")],
             {"text": HUGE, "empty": b""}),
        Case("bzip2-pipe", [Step(["-c"], stdin=b"some words"), Step(["-dc"], stdin=b"not compressed")]),
        Case("bzip2-errors", [step("/data/none"), step("-d", "/data/text"), step("/data/folder"),
                              step("-k", "/data/there")],
             {"text": b"plain text", "folder/x": b"", "there": b"a", "there.bz2": b"b"}),
    ]


FRAME = "28b52ffd04589d000068736f6d6520776f7264732c200a0100574a121c7f9423"


def zstd():
    return [
        Case("zstd-files", [step("-q", "-19", "-k", "/data/text"), step("-q", "-t", "/data/text.zst"),
                            step("-q", "-dc", "/data/text.zst"), step("-q", "--rm", "-1", "/data/more"),
                            step("-q", "-d", "/data/more.zst", "-o", "/data/back")],
             {"text": HUGE, "more": words(50_000, 2)}, ["*.zst"]),
        Case("zstd-pipe", [Step(["-q", "-dc"], stdin=bytes.fromhex(FRAME)),
                           Step(["-q", "-dc"], stdin=b"no frame", stderr=False)]),
        Case("zstd-errors", [step("-q", "/data/none", stderr=False),
                             step("-q", "-d", "/data/text.zst", stderr=False),
                             step("-q", "/data/folder", stderr=False)],
             {"text.zst": b"plain text", "folder/x": b""}),
    ]


FILL = b"""create table squares (n integer primary key, square integer, words text);
begin;
with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < 100000)
  insert into squares select i, i * i, printf('number %d', i) from numbers;
commit;
select count(*) from squares;
"""
QUERY = b"""pragma integrity_check;
select count(*), sum(square), max(words) from squares;
select * from squares where n in (1, 777, 100000);
create index by_words on squares (words);
select n from squares where words = 'number 4711';
explain query plan select n from squares where words = 'number 4711';
delete from squares where n % 10 <> 0;
vacuum;
select count(*) from squares;
"""


def sqlite():
    return [
        Case("sqlite-rows", [step("/data/rows.db", stdin=FILL), step("/data/rows.db", stdin=QUERY),
                             step("-readonly", "/data/rows.db", "insert into squares values (1, 1, '')", stderr=False)],
             varies=["*.db"]),
        Case("sqlite-files", [step("/data/new.db", ".mode csv", ".import /data/in.csv people",
                                   "select * from people", ".once /data/out.csv",
                                   "select name, length(name) from people order by name"),
                              step("/data/not.db", "select 1 from t", stderr=False),
                              step("/data/none/x.db", "create table t(a)", stderr=False),
                              step("/data/new.db", "create table people(a)", stderr=False)],
             {"in.csv": b"name,age\nAda,36\nGrace,85\n", "not.db": b"this is not a database" * 100}, ["new.db"]),
        Case("sqlite-memory", [step(":memory:", stdin=b"select upper('x'), 7 / 2.0, hex(zeroblob(2));\n.exit 5\n")]),
    ]


def script(name, *args, **more):
    return Step([*more.pop("before", []), "/scripts/" + name, *args], grant=True, scripts=True, **more)


def lua():
    return [
        Case("lua-language", [script("language.lua", "one", "two")]),
        Case("lua-files", [script("files.lua")], {"in.txt": b"first\nsecond\nthird\n"}),
        Case("lua-errors", [script("fail.lua"), script("none.lua"), Step(["-e", "os.exit(9)"]),
                            Step(["-"], stdin=b"print(io.read('a'))")]),
    ]


def quickjs():
    module = {"before": ["-m"]}
    return [
        Case("quickjs-language", [script("language.js", "one", "two", **module)]),
        Case("quickjs-files", [script("files.js", **module)], {"in.txt": b"first\nsecond\nthird\n"}),
        Case("quickjs-errors", [script("fail.js", **module, stderr=False), script("none.js", **module)]),
    ]


def cpython():
    return [
        Case("cpython-language", [script("language.py", "one", "two")]),
        Case("cpython-data", [script("data.py", stdin=b'{"b": [1, 2.5, null], "a": "\xc3\xa9"}')]),
        Case("cpython-files", [script("files.py")], {"in.csv": b"name,age\nAda,36\nGrace,85\n"}),
        Case("cpython-errors", [script("fail.py"), Step(["-c", "import sys; sys.exit(7)"]), script("none.py")]),
    ]


def of(guest):
    return small() if guest in SMALL else globals()[guest]()
