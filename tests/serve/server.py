"""server.py - mote serve and its clients, for tests from outside: sets up the guest that
sys.argv names (MOTE MOTE_COMPILE GUEST.C), or ends the test as skipped."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import Command, finish, judge, skip  # noqa: E402

MOTE, COMPILER, SOURCE = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:4])
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


def wait_until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Server:
    """mote serve with its log; the port is the system's choice."""

    def __init__(self, *words, module=guest, workers=1):
        self.lines = []
        if not module.endswith('.yaml'): # a manifest says it itself
            words = ('--addr', '127.0.0.1:0', '--workers', str(workers), *words)
        self.process = mote.start('serve', *words, module,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_until(lambda: self.port() or self.process.poll() is not None)

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode(errors='replace'))

    def port(self):
        for line in self.lines:
            found = re.search(r'http://127\.0\.0\.1:(\d+)/', line)
            if found:
                return int(found.group(1))
        return None

    def logged(self, pattern):
        return wait_until(lambda: re.search(pattern, ''.join(self.lines)), 20)

    def connect(self):
        s = socket.create_connection(('127.0.0.1', self.port()), timeout=PATIENCE)
        return Client(s)

    def workers(self):
        """Processes of the newest generation that serve."""
        out = subprocess.run(['ps', '-A', '-o', 'pid=,ppid=,comm='], stdout=subprocess.PIPE, check=False)
        rows = [line.split(None, 2) for line in out.stdout.decode().splitlines()]
        parents = [int(row[0]) for row in rows if int(row[1]) == self.process.pid]
        return [int(row[0]) for row in rows if int(row[1]) in parents and row[2].startswith('mote-worker')]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = 'it did not end'
        self.reader.join(10)
        return status


class Client:
    def __init__(self, s):
        self.socket, self.held = s, bytearray()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            raise Broken('reset') from None
        if not data:
            raise Broken('end')
        self.held += data

    def until(self, end):
        while end not in self.held:
            self.more()
        n = self.held.index(end)
        return self.exactly(n + len(end))[:n]

    def exactly(self, n):
        while len(self.held) < n:
            self.more()
        found = bytes(self.held[:n])
        del self.held[:n]
        return found

    def answer(self, head_only=False):
        """(status, {field: value}, body); Broken where it is not complete."""
        lines = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        status = int(lines[0].split()[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines[1:])}
        if status == 100:
            return self.answer(head_only)
        if head_only or status in (204, 304):
            return status, fields, b''
        if 'content-length' in fields:
            return status, fields, self.exactly(int(fields['content-length']))
        if fields.get('transfer-encoding') == 'chunked':
            body = bytearray()
            while True:
                size = int(self.until(b'\r\n'), 16)
                body += self.exactly(size)
                if self.exactly(2) != b'\r\n':
                    raise Broken('chunk')
                if size == 0:
                    return status, fields, bytes(body)
        try:
            while True:
                self.more()
        except Broken as why:
            if str(why) != 'end':
                raise
        return status, fields, bytes(self.held)

    def ended(self):
        """How the other end ended: 'end' or 'reset'; 'open' if it sent something."""
        try:
            self.more()
        except Broken as why:
            return str(why)
        return 'open'

    def close(self):
        self.socket.close()


class Broken(Exception):
    pass


def get(path, fields='', method='GET', version='1.1'):
    return '%s %s HTTP/%s\r\nHost: localhost\r\n%s\r\n' % (method, path, version, fields)


def ask(server, request, **how):
    c = server.connect()
    try:
        return c.send(request).answer(**how)
    except Broken as why:
        return str(why), {}, c.held
    finally:
        c.close()


def want(claim, have, *wanted):
    """have is (status, fields, body)."""
    good = have[0] == wanted[0] and (len(wanted) < 2 or have[2] == wanted[1])
    if not judge(claim, good):
        print('    have %s %s %r' % (have[0], have[1], have[2][:200]))
    return good
