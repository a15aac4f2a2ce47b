#!/usr/bin/env python3
"""Guests that compute for ever, and the others' requests in the same worker.

usage: fairness.py MOTE MOTE_COMPILE GUEST.C SLOWFS
"""
import http.client
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import Command, finish, judge, skip  # noqa: E402

MOTE, COMPILER, SOURCE, SLOWFS = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:5])
CLANG = shutil.which(os.environ.get('CLANG', 'clang-19'))
if COMPILER == '-' or not CLANG:
    skip('there is no compiler')
    finish()
folder = tempfile.mkdtemp()
guest = os.path.join(folder, 'guest.wasm')
made = subprocess.run([CLANG, '--target=wasm32-wasi', '-O1', SOURCE, '-o', guest], stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, check=False)
if made.returncode:
    skip('clang has no wasm32-wasi: ' + made.stdout.decode(errors='replace')[:200])
    finish()
mote = Command(MOTE, folder, MOTE_COMPILE=COMPILER, MOTE_CACHE_DIR=os.path.join(folder, 'cache'), HOME='/nonexistent',
               ASAN_OPTIONS='detect_leaks=0')
PATIENCE = 120


def claim(words, good, have):
    if not judge(words, good):
        print('    have: %s' % have)


def wait_until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Server:
    def __init__(self, *words):
        self.lines = []
        self.process = mote.start('serve', *words, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)
        threading.Thread(target=self.read, daemon=True).start()
        wait_until(lambda: self.port() or self.process.poll() is not None)

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode(errors='replace'))

    def port(self):
        found = re.search(r'http://127\.0\.0\.1:(\d+)/', ''.join(self.lines))
        return int(found.group(1)) if found else None

    def ask(self, path, host='localhost', body=None):
        c = http.client.HTTPConnection('127.0.0.1', self.port(), timeout=PATIENCE)
        try:
            c.request('GET' if body is None else 'POST', path, body, {'Host': host})
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 'it did not end'


class Loops:
    """Requests for a path that does not answer, under way until their time is up."""

    def __init__(self, server, n, path='/loop', **how):
        self.answers = []
        self.threads = [threading.Thread(target=self.one, args=(server, path, how), daemon=True) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def one(self, server, path, how):
        try:
            self.answers.append(server.ask(path, **how)[0])
        except OSError as why:
            self.answers.append(str(why))

    def wait(self):
        for thread in self.threads:
            thread.join(PATIENCE)
        return self.answers


def others_are_answered_while_loops_run():
    server = Server('--addr', '127.0.0.1:0', '--workers', '1', '-W', 'timeout=20s', guest)
    loops = Loops(server, 4)
    time.sleep(0.5)
    good = [server.ask('/hello%d' % i) == (200, b'hello /hello%d\n' % i) for i in range(50)]
    claim('50 requests are answered while four loops run in the same worker', all(good) and not loops.answers,
          '%d good, loops: %s' % (sum(good), loops.answers))
    body = os.urandom(300000)
    claim('a body is streamed beside them', server.ask('/echo', body=body) == (200, body), 'it differs')
    slept = server.ask('/sleep?50')
    claim('one that sleeps is woken beside them', slept == (200, b'slept\n'), repr(slept))
    claim('loops end with 504 when their time is up', sorted(loops.wait()) == [504] * 4, repr(loops.answers))
    claim('the worker goes on', server.ask('/hello')[0] == 200, 'no answer')
    claim('it drains', server.stop() == 0, 'another end')


def loops_that_are_gone_are_not_run():
    server = Server('--addr', '127.0.0.1:0', '--workers', '1', guest)
    clients = []
    for _ in range(20):
        c = http.client.HTTPConnection('127.0.0.1', server.port(), timeout=PATIENCE)
        c.request('GET', '/loop')
        clients.append(c)
    claim('one beside twenty loops is answered', server.ask('/hello')[0] == 200, 'no answer')
    for c in clients:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)) # a reset: nobody reads any more
        c.close()
    start = time.monotonic()
    claim('it drains before their thirty seconds are over', server.stop() == 0 and time.monotonic() - start < 25,
          'it took %.1f s' % (time.monotonic() - start))


def processor_time_is_limited():
    server = Server('--addr', '127.0.0.1:0', '--workers', '1', '-W', 'timeout=60s,cpu-time=200ms', guest)
    loops = Loops(server, 2)
    slept = server.ask('/sleep?1000')
    claim('one that sleeps for longer than its processor time is answered', slept == (200, b'slept\n'), repr(slept))
    claim('loops end with 504 when their processor time is used up', loops.wait() == [504] * 2, repr(loops.answers))
    claim('the log says by how much', wait_until(lambda: re.search(
        r'processor time limit reached: 200\.000 ms and \d+\.\d+ ms more', ''.join(server.lines)), 20), server.lines)
    claim('it drains', server.stop() == 0, 'another end')


def files_that_are_there():
    data = os.path.join(folder, 'data')
    os.mkdir(data)
    whole = os.urandom(3000001)
    with open(os.path.join(data, 'large'), 'wb') as f:
        f.write(whole)
    server = Server('--addr', '127.0.0.1:0', '--workers', '1', '--dir', data + '::/data', guest)
    good = [server.ask('/file?large') == (200, whole) for _ in range(3)]
    claim('a large file is read whole', all(good), good)
    fd = os.open(os.path.join(data, 'large'), os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    claim('and when it has left memory', server.ask('/file?large') == (200, whole), 'other bytes')
    missing = server.ask('/file?missing')[0]
    claim('one that is missing is missing', missing == 502, missing)
    claim('it drains', server.stop() == 0, 'another end')


def slow_file_systems_hold_up_nobody_else():
    mounted = os.path.join(folder, 'slow')
    os.mkdir(mounted)
    if SLOWFS == '-':
        skip('slowfs was not built')
        return
    fs = subprocess.Popen([SLOWFS, mounted, '2000'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = fs.stdout.readline().decode()
    if line != 'mounted\n':
        skip('no file system can be mounted: ' + line.strip())
        fs.wait()
        return
    try:
        server = Server('--addr', '127.0.0.1:0', '--workers', '1', '--dir', mounted + '::/data:ro', guest)
        slow = Loops(server, 2, '/file?slow')
        time.sleep(0.3)
        good = [server.ask('/hello') == (200, b'hello /hello\n') for _ in range(10)]
        claim('10 requests are answered while two wait for a slow file system', all(good) and not slow.answers,
              '%d good, slow ones: %s' % (sum(good), slow.answers))
        claim('which are answered in the end', slow.wait() == [200, 200], repr(slow.answers))
        again = server.ask('/file?slow')
        claim('with what stands there', again == (200, b'slow but sure\n'), again)
        claim('it drains', server.stop() == 0, 'another end')
    finally:
        fs.stdin.close()
        fs.wait(PATIENCE)


processor_time_is_limited()
files_that_are_there()
slow_file_systems_hold_up_nobody_else()
others_are_answered_while_loops_run()
loops_that_are_gone_are_not_run()
finish()
