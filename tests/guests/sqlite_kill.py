"""sqlite_kill.py - SQLite's shell, killed in the middle of a transaction."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import cases

ROWS = 20000
# So small a cache that a transaction of this size must write to the database before it ends.
TRANSACTION = f"""pragma cache_size = 10;
begin;
with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < {ROWS})
  insert into t select i, 'half' from numbers;
update t set b = 'changed' where b = 'kept';
select 'in the middle';
"""
QUESTION = "pragma integrity_check; select count(*), sum(b = 'kept'), sum(b = 'half') from t;"


def start_and_kill(mote, wasm, folder):
    """Kills the shell where it waits for the rest of a transaction."""
    words = mote.words(wasm, cases.Step(["/data/t.db"], grant=True, env=cases.HOME), folder)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=mote.env) as shell:
        shell.stdin.write(TRANSACTION.encode())
        shell.stdin.flush()
        said = shell.stdout.readline()
        os.kill(shell.pid, signal.SIGKILL)
    return said


def check(mote, wasm, count):
    with tempfile.TemporaryDirectory() as folder:
        def ask(sql):
            return mote.run(wasm, cases.Step(["/data/t.db", sql], grant=True, env=cases.HOME), folder)

        ask("create table t(a, b);" + "".join(f"insert into t values({i}, 'kept');" for i in range(10)))
        database, before = Path(folder, "t.db"), Path(folder, "t.db").read_bytes()
        said = start_and_kill(mote, wasm, folder)
        halfway = (said == b"in the middle\n" and database.read_bytes() != before
                   and Path(folder, "t.db-journal").exists())
        count("passed" if halfway else "failed", "sqlite: killed when a transaction was half in its files", repr(said))
        code, out, err = ask(QUESTION)
        good = code == 0 and out == b"ok\n10|10|0\n"
        count("passed" if good else "failed", "sqlite: intact after kill -9, nothing of the transaction is left",
              f"exit code {code}: {out + err!r}")
        count("passed" if database.read_bytes() == before else "failed", "sqlite: every byte as before the transaction")
