#!/usr/bin/env python3
"""mote serve under everything at once: full load, a worker killed every 5 s, a reload every 2 s,
clients that are slow, half-closed, malformed. Half a minute of it, or --minutes.

What must hold: only connections that a killed worker had may break; no connection is refused;
no answer carries another request's nonce; memory and descriptors are flat.

usage: soak.py MOTE MOTE_COMPILE GUEST.C [--minutes N]
"""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, finish, judge  # noqa: E402
from server import PATIENCE, Broken, Client, Server, folder, get, wait_until  # noqa: E402

SECONDS = 60 * float(sys.argv[sys.argv.index('--minutes') + 1]) if '--minutes' in sys.argv else 30
KILL_S, RELOAD_S, LATE_S = 5, 2, 4 # late: so long after a kill its victims may notice
WORKERS = 2


class Facts:
    """What all clients found out."""

    def __init__(self):
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.faults, self.killed, self.kills, self.reloads = [], set(), [0.0], [0.0]
        self.counts = {}

    def fault(self, words):
        with self.lock:
            self.faults.append(words)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def broke(self, worker, why):
        """worker: who answered last on that connection, '' where nobody has. A connection that went
        to another worker since, or was new, does not know whom it had."""
        time.sleep(0.3) # for who kills to say so
        now = time.monotonic()
        recent = now - self.kills[-1] < LATE_S
        moved = not worker or now - self.reloads[-1] < LATE_S + RELOAD_S
        if worker in self.killed or (recent and moved):
            self.count('connections broken by a kill')
        else:
            self.fault('a connection broke: %s, of worker %s, %.1f s after a kill' % (why, worker, now - self.kills[-1]))


facts = Facts()


def worker_of(fields):
    return fields.get('x-request-id', '').rsplit('-', 1)[0]


def connect():
    try:
        return Client(socket.create_connection(('127.0.0.1', port), timeout=PATIENCE))
    except OSError as why:
        facts.fault('connecting: %s' % why)
        time.sleep(0.2)
        return None


def steady(index):
    """Keeps a connection for a while; each answer must be its request's."""
    n, chance = 0, random.Random(index)
    while not facts.stopped.is_set():
        c, worker = connect(), ''
        try:
            for _ in range(chance.randrange(1, 2000)):
                n += 1
                nonce = 'n%d-%d-%d' % (index, n, chance.getrandbits(40))
                body = nonce * chance.choice([1, 1, 1, 1000])
                if n % 3:
                    c.send(get('/' + nonce))
                    wanted = 'hello /%s\n' % nonce
                else:
                    c.send(get('/echo', 'Content-Length: %d\r\n' % len(body), 'POST') + body)
                    wanted = body
                status, fields, have = c.answer()
                worker = worker_of(fields) or worker
                if status != 200 or have.decode('latin-1') != wanted:
                    facts.fault('%s: status %d, %r' % (nonce, status, have[:100]))
                facts.count('answers')
                if facts.stopped.is_set():
                    break
        except (Broken, OSError, AttributeError) as why:
            if c:
                facts.broke(worker, why)
        if c:
            c.close()


def half_closed(index):
    """Says at once that no more will come; the answer must come all the same."""
    n = 0
    while not facts.stopped.is_set():
        n += 1
        c = connect()
        try:
            nonce = 'h%d-%d' % (index, n)
            c.send(get('/' + nonce))
            c.socket.shutdown(socket.SHUT_WR)
            have = c.answer()
            if have[0] != 200 or have[2] != b'hello /%s\n' % nonce.encode():
                facts.fault('half-closed: %r' % (have,))
            facts.count('answers to half-closed connections')
        except (Broken, OSError, AttributeError) as why:
            if c:
                facts.broke('', why)
        if c:
            c.close()
        time.sleep(0.02)


def slow(index):
    """Sends a head byte by byte, and gives up before it is one; or reads nothing."""
    while not facts.stopped.is_set():
        c = connect()
        try:
            for byte in get('/slow', 'X-Slow: %s\r\n' % ('x' * 50))[:60]:
                c.send(byte)
                if facts.stopped.wait(0.2):
                    break
            if index % 2:
                c.send('\r\n\r\n' + get('/much?3000000'))
                facts.stopped.wait(2)
        except (Broken, OSError, AttributeError):
            facts.count('slow clients that were cut off')
        if c:
            c.close()


def malformed(index):
    chance = random.Random(-index)
    good = get('/x', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'POST') + '5\r\nhello\r\n0\r\n\r\n'
    while not facts.stopped.is_set():
        data = bytearray(good.encode())
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(len(data))
            data[at:at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(4)))
        c = connect()
        try:
            c.socket.settimeout(1)
            c.send(bytes(data))
            c.socket.shutdown(socket.SHUT_WR)
            while True:
                c.more()
        except (Broken, OSError, AttributeError):
            facts.count('malformed requests')
        if c:
            c.close()
        time.sleep(0.01)


def wrk():
    tool = shutil.which('wrk')
    while tool and not facts.stopped.is_set():
        subprocess.run([tool, '-t1', '-c16', '-d2', 'http://127.0.0.1:%d/load' % port], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


def pid_of(c):
    """The process that has the other end of a connection, by what /proc tells; or None."""
    mine = '%08X:%04X' % (0x0100007f, c.socket.getsockname()[1])
    with open('/proc/net/tcp', encoding='ascii') as f:
        inodes = [line.split()[9] for line in f if line.split()[2] == mine]
    for pid in server.workers():
        try:
            for fd in os.listdir('/proc/%d/fd' % pid):
                if os.readlink('/proc/%d/fd/%s' % (pid, fd)) in ['socket:[%s]' % inode for inode in inodes]:
                    return pid
        except OSError:
            pass
    return None


def killer():
    while not facts.stopped.wait(KILL_S):
        c = connect()
        try:
            worker, pid = worker_of(c.send(get('/victim')).answer()[1]), pid_of(c)
        except (Broken, OSError, AttributeError):
            continue
        if not pid:
            continue
        with facts.lock:
            facts.killed.add(worker)
            facts.kills.append(time.monotonic())
        try:
            os.kill(pid, signal.SIGKILL)
            facts.count('kills')
        except OSError:
            pass
        c.close()


def reloader():
    while not facts.stopped.wait(RELOAD_S):
        facts.reloads.append(time.monotonic())
        server.process.send_signal(signal.SIGHUP)
        facts.count('reloads asked for')


# --- memory and descriptors ------------------------------------------------------------------


def family(pid):
    out = subprocess.run(['ps', '-A', '-o', 'pid=,ppid='], stdout=subprocess.PIPE, check=False).stdout.decode()
    rows = [tuple(int(word) for word in line.split()) for line in out.splitlines()]
    found = [pid]
    for parent in found:
        found += [row[0] for row in rows if row[1] == parent]
    return found


def descriptors(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def memory(pid):
    with open('/proc/%d/smaps_rollup' % pid, encoding='ascii') as f:
        return int(re.search(r'Pss:\s+(\d+)', f.read()).group(1))


def rest():
    """(processes, descriptors by process, memory of all in kB) when nothing happens."""
    server.process.send_signal(signal.SIGHUP) # so that workers are fresh ones, as old as each other
    time.sleep(1)
    wait_until(lambda: len(family(server.process.pid)) == 2 + WORKERS, 60)
    pids = family(server.process.pid)
    try:
        return len(pids), [descriptors(pid) for pid in pids], sum(memory(pid) for pid in pids)
    except OSError:
        return rest()


def run(seconds):
    jobs = [threading.Thread(target=f, args=args) for f, args in
            [(steady, (i,)) for i in range(12)] + [(half_closed, (i,)) for i in range(2)] + [(slow, (i,)) for i in range(10)] +
            [(malformed, (i,)) for i in range(2)] + [(wrk, ()), (killer, ()), (reloader, ())]]
    facts.stopped.clear()
    for job in jobs:
        job.start()
    time.sleep(seconds)
    facts.stopped.set()
    for job in jobs:
        job.join()


server = Server(workers=WORKERS)
port = server.port()
if not judge('it starts', port):
    print(''.join(server.lines))
    finish()
run(6)
before = rest()
run(SECONDS)
after = rest()
for what in sorted(facts.counts):
    print('%8d %s' % (facts.counts[what], what))
print('%s at rest, then %s' % (before, after))
for words in facts.faults[:10]:
    print('    ' + words)
judge('only what a killed worker had breaks, and answers are their requests\'', not facts.faults)
judge('there was load', facts.counts.get('answers', 0) > 100 and facts.counts.get('kills', 0) >= SECONDS // KILL_S // 2)
judge('processes and descriptors are flat', before[:2] == after[:2])
judge('memory is', after[2] < before[2] * 1.25 + 1024)
served = re.findall(r'generation (\d+) serves', ''.join(server.lines))
print('%8d generations' % len(served))
judge('reloads came through', len(served) >= SECONDS // RELOAD_S // 4)
judge('it ends well', server.stop() == OK)

shutil.rmtree(folder, ignore_errors=True)
finish()
