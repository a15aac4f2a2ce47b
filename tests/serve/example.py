#!/usr/bin/env python3
"""The example application's functions, in each language: right answers, bad input, and a
counter that stays right while workers are killed.

usage: example.py MOTE MOTE_COMPILE BUILT

BUILT is where examples/app/build put Go's and Rust's modules; what is not there is skipped.
C's are built here.
"""
import hashlib
import http.client
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))
from command import OK, Command, finish, judge, skip  # noqa: E402
import png  # noqa: E402

MOTE, COMPILER, BUILT = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:4])
PATIENCE = 300
if COMPILER == '-':
    skip('there is no compiler')
    finish()
folder = tempfile.mkdtemp()
# Modules come and go in a cache that outlives the test: Go's takes a minute to compile.
mote = Command(MOTE, folder, MOTE_COMPILE=COMPILER, MOTE_CACHE_DIR=os.path.join(BUILT, 'cache'), HOME='/nonexistent',
               ASAN_OPTIONS='detect_leaks=0')


class Server:
    def __init__(self, module, *words, workers=2):
        self.text = b''
        self.process = mote.start('serve', '--addr', '127.0.0.1:0', '--workers', str(workers), *words, module,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.port = None
        for line in self.process.stderr:
            self.text += line
            found = re.search(rb'http://127\.0\.0\.1:(\d+)/', line)
            if found:
                self.port = int(found.group(1))
                break
        self.reader = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.reader.start()

    def ask(self, method, path, body=None, fields=None):
        """(status, fields, body)"""
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE)
        try:
            c.request(method, path, body, fields or {}, encode_chunked=not isinstance(body, (bytes, type(None))))
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            c.close()

    def workers(self):
        """Processes of the newest generation that serve."""
        out = subprocess.run(['ps', '-A', '-o', 'pid=,ppid=,comm='], stdout=subprocess.PIPE, check=False)
        rows = [line.split(None, 2) for line in out.stdout.decode().splitlines()]
        parents = [int(row[0]) for row in rows if int(row[1]) == self.process.pid]
        return [int(row[0]) for row in rows if int(row[1]) in parents and row[2].startswith('mote-worker')]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def want(claim, have, status, body=None):
    if not judge(claim, have[0] == status and body in (None, have[2])):
        print('    have %s %r' % (have[0], have[2][:200]))


# --- one function each -------------------------------------------------------------------


def try_hello(server, language):
    for query, name in (('', 'world'), ('?name=Ada', 'Ada')):
        want('hello' + query, server.ask('GET', '/' + query), 200, b'Hello, %s, from %s.\n' % (name.encode(), language))


def try_hash(server):
    for size in (0, 1, 55, 56, 63, 64, 65, 65536, 1000003):
        data = random.Random(size).randbytes(size)
        wanted = hashlib.sha256(data).hexdigest().encode() + b'\n'
        want('hash of %d bytes' % size, server.ask('POST', '/hash', data), 200, wanted)
    parts = [random.Random(n).randbytes(n) for n in (1, 7, 100000, 63, 2)]
    want('hash of a body of unknown length', server.ask('POST', '/hash', iter(parts), {'Transfer-Encoding': 'chunked'}), 200,
         hashlib.sha256(b''.join(parts)).hexdigest().encode() + b'\n')


def red_and_blue(x, y):
    return bytes([255, 0, 0] if x < 40 else [0, 0, 255])


def try_image(server):
    """What a picture looks like is judged by its colours, for each codec keeps channels as it likes."""
    for channels, pixel in ((1, b'\x80'), (3, b'\xff\x10\x20'), (4, b'\x40\x50\x60\xff')):
        have = server.ask('POST', '/image?width=50', png.plain(300, 120, channels, pixel))
        want('image of %d channels' % channels, have, 200)
        width, height, n, rows = png.read(have[2])
        judge('is 50 x 20', (width, height) == (50, 20) and have[1]['Content-Type'] == 'image/png')
        shown = pixel * 3 if n > 2 and channels == 1 else pixel[:3]
        judge('in its colour', all(row[i:i + len(shown)] == shown for row in rows for i in range(0, len(row), n)))
    width, height, n, rows = png.read(server.ask('POST', '/image?width=8', png.make(80, 40, 3, red_and_blue))[2])
    judge('left and right stay', all(row[:3] == b'\xff\0\0' and row[7 * n:7 * n + 3] == b'\0\0\xff' for row in rows))
    width, height, n, rows = png.read(server.ask('POST', '/image', png.plain(10, 1, 3, b'\1\2\3'))[2])
    judge('wider than it was', (width, height) == (200, 20) and rows[19][:3] == b'\1\2\3')


def try_bad_image(server):
    good = png.plain(64, 64, 3, b'\1\2\3')
    want('not a picture', server.ask('POST', '/image', b'hello' * 1000), 415)
    want('no body', server.ask('POST', '/image', b''), 415)
    want('only its mark', server.ask('POST', '/image', png.MARK), 400)
    for cut in (20, 40, len(good) - 30):
        want('cut short at %d' % cut, server.ask('POST', '/image', good[:cut]), 400)
    spoiled = bytearray(good)
    spoiled[45] ^= 0xff
    want('spoiled', server.ask('POST', '/image', bytes(spoiled)), 400)
    for width in ('0', '-1', '9999999', 'x', ''):
        want('width=' + width, server.ask('POST', '/image?width=' + width, good), 400)
    want('16 million pixels in a few bytes', server.ask('POST', '/image', png.plain(4000, 4000, 1, b'\0')), 413)
    have = server.ask('POST', '/image', png.head(60000, 60000, 4) + png.chunk(b'IEND', b''))
    judge('a head that promises more than memory has', have[0] in (400, 413))
    want('tall and thin, made wide', server.ask('POST', '/image?width=2000', png.plain(1, 10000, 1, b'\0')), 413)
    want('9 MiB', server.ask('POST', '/image', good + b'\0' * (9 << 20)), 413)
    want('and it serves on', server.ask('POST', '/image?width=10', good), 200)


def try_state(server, state):
    want('nobody was counted', server.ask('GET', '/state'), 200, b'0\n')
    for n in range(1, 4):
        want('%d' % n, server.ask('POST', '/state'), 200, b'%d\n' % n)
    want('GET counts nothing', server.ask('GET', '/state'), 200, b'3\n')
    have = server.ask('DELETE', '/state')
    want('another method', have, 405)
    judge('says which there are', have[1].get('Allow') == 'GET, HEAD, POST')
    os.remove(os.path.join(state, 'count'))


# --- the counter, while workers are killed ------------------------------------------------------


class Poster(threading.Thread):
    """Posts one after the other until told to end; a number that was answered is kept, a
    request that broke is counted, for nobody knows whether its byte was appended before."""

    def __init__(self, server):
        super().__init__()
        self.server, self.ends, self.found, self.broken, self.bad = server, False, [], 0, []

    def run(self):
        c = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=PATIENCE)
        while not self.ends:
            try:
                c.request('POST', '/state')
                answer = c.getresponse()
                body = answer.read()
                if answer.status == 200:
                    self.found.append(int(body))
                else:
                    self.bad.append((answer.status, body))
            except (OSError, http.client.HTTPException):
                self.broken += 1
                c.close()


def kill_some(server, posters, times):
    """A worker at a time, at random moments, until enough were killed and enough was posted."""
    kills, end = 0, time.monotonic() + PATIENCE
    while (kills < times or sum(len(p.found) for p in posters) < 2000) and time.monotonic() < end:
        time.sleep(random.uniform(0.1, 0.8))
        for pid in server.workers()[:kills < times]:
            try:
                os.kill(pid, signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
    return kills


def try_kill(server, state):
    """A worker that is killed has appended its byte or not, and whoever saw a number saw it
    after the byte: so there are as many bytes as answers at least, as requests at most, and
    no number was given twice."""
    posters = [Poster(server) for _ in range(16)]
    for p in posters:
        p.start()
    kills = kill_some(server, posters, 8)
    for p in posters:
        p.ends = True
    for p in posters:
        p.join()
    found, broken = [number for p in posters for number in p.found], sum(p.broken for p in posters)
    bad = [words for p in posters for words in p.bad]
    size = os.path.getsize(os.path.join(state, 'count'))
    judge('workers were killed: %d' % kills, kills == 8)
    judge('all others were counted: %r' % bad[:3], not bad)
    judge('no number was given twice', len(found) == len(set(found)) >= 2000)
    judge('%d answered <= %d counted <= %d answered or broken' % (len(found), size, len(found) + broken),
          max(len(found), *found) <= size <= len(found) + broken)
    want('the count outlives them all', server.ask('GET', '/state'), 200, b'%d\n' % size)


# --- languages ------------------------------------------------------------------------------------


def serve(module, *words, **how):
    server = Server(module, *words, **how)
    if server.port is None:
        judge('%s is served' % os.path.basename(module), False)
        print(server.text.decode(errors='replace'))
    return server


def try_c():
    built = os.path.join(folder, 'c')
    made = subprocess.run([sys.executable, os.path.join(ROOT, 'examples', 'app', 'build'), '--only', 'c', '--out', built],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    words = made.stdout.decode(errors='replace')
    judge('C builds', made.returncode == 0)
    for line in words.splitlines():
        if line.startswith('skipped'):
            skip(line)
        elif line.startswith('failed'):
            print('    ' + line)
    state = os.path.join(folder, 'c-state')
    os.mkdir(state)
    for name, test in (('hello', lambda server: try_hello(server, b'C')), ('hash', try_hash),
                       ('state', lambda server: (try_state(server, state), try_kill(server, state))),
                       ('image', lambda server: (try_image(server), try_bad_image(server)))):
        module = os.path.join(built, 'c-%s.wasm' % name)
        if not os.path.exists(module):
            continue
        server = serve(module, '--dir', state + '::/state')
        if server.port:
            test(server)
            judge('%s: SIGTERM ends it' % name, server.stop() == OK)


def try_language(name, title):
    module = os.path.join(BUILT, name + '.wasm')
    if not os.path.exists(module):
        skip('%s (examples/app/build makes it)' % module)
        return
    state = os.path.join(folder, name + '-state')
    os.mkdir(state)
    server = serve(module, '-O', '0', '--dir', state + '::/state')
    if not server.port:
        return
    try_hello(server, title)
    try_hash(server)
    try_image(server)
    try_bad_image(server)
    try_state(server, state)
    try_kill(server, state)
    judge('%s: SIGTERM ends it' % title.decode(), server.stop() == OK)


try_c()
if 'sanitize' in MOTE:
    skip('Go and Rust: compiling them takes a sanitized compiler minutes')
else:
    try_language('rust', b'Rust')
    try_language('go', b'Go')
shutil.rmtree(folder, ignore_errors=True)
finish()
