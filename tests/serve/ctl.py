#!/usr/bin/env python3
"""mote ctl: a server that runs is asked, told, and clears functions that crashed its workers;
manifests that change what sockets and workers there are.

usage: ctl.py MOTE MOTE_COMPILE GUEST.C
"""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, SYSTEM, USAGE, finish, judge  # noqa: E402
from server import PATIENCE, Client, Server, ask, folder, get, guest, mote, wait_until, want  # noqa: E402

CONTROL = os.path.join(folder, 'control.sock')


def ctl(*words, path=CONTROL):
    return mote.run('ctl', '--socket', path, *words)


def told(*words):
    """An answer as JSON, or None."""
    have = ctl('--json', *words)
    return json.loads(have.stdout) if have.returncode == OK else None


def refused(claim, code, words, *args, **how):
    have = ctl(*args, **how)
    judge(claim, have.returncode == code and words.encode() in have.stderr and len(have.stderr.splitlines()) == 1, have)


# --- asking ------------------------------------------------------------------------------

refused('nobody is there', SYSTEM, 'No such file', 'status')
server = Server('--control', CONTROL, workers=2)
mode = os.stat(CONTROL).st_mode
judge('the socket is its owner\'s', stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600)
have = told('status')
judge('status', have['server'][0]['state'] == 'serves' and have['server'][0]['pid'] == server.process.pid and
      have['server'][0]['generation'] == 1)
judge('its listeners', [row['address'] for row in have['listeners']] == ['127.0.0.1:%d' % server.port()])
judge('its workers', sorted(row['pid'] for row in have['workers']) == sorted(server.workers()) and
      all(row['state'] == 'serves' for row in have['workers']))
conns = [server.connect().send(get('/x')) for _ in range(6)]
judge('connections', all(c.answer()[0] == 200 for c in conns))
counted = sorted(row['connections'] for row in told('status')['workers'])
judge('are spread and counted: %s' % counted, sum(counted) == 6 and counted[0] >= 2)
have = ctl('status')
judge('for people', have.returncode == OK and b'generation' in have.stdout and b'connections' in have.stdout, have)
judge('functions', told('functions')['functions'] == [
    {'function': 'guest.wasm', 'tenant': 'default', 'state': 'ok', 'running': 0, 'module': guest}])
running = server.connect().send(get('/sleep?3000'))
judge('what runs', wait_until(lambda: told('functions')['functions'][0]['running'] == 1, 20))
judge('a reload', told('reload') == {'reloaded': [{'generation': 2}]})
judge('what the old generation runs counts, too', told('functions')['functions'][0]['running'] == 1)
want('until it has answered', running.answer(), 200, b'slept\n')
judge('then nothing does', wait_until(lambda: told('functions')['functions'][0]['running'] == 0, 20))
judge('and its generation ends', wait_until(lambda: len(told('status')['generations']) == 1, 20))

refused('no word', USAGE, 'usage')
refused('an unknown word', USAGE, 'did you mean status', 'statsu')
refused('too many words', USAGE, 'want status', 'status', 'all')
refused('clear what', USAGE, 'want status', 'clear')
refused('clear nobody', SYSTEM, 'no such function', 'clear', 'nobody')
refused('too long', USAGE, 'too long', 'clear', 'x' * 1000)
refused('a path that is too long', SYSTEM, 'too long', 'status', path='/tmp/' + 'x' * 200)


def raw(data):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(PATIENCE)
    s.connect(CONTROL)
    s.sendall(data)
    return s


judge('an unknown line', raw(b'what\n').recv(100).startswith(b'error: want'))
try:
    have = raw(b'x' * 1000).recv(100)
except ConnectionResetError:
    have = b''
judge('a line without an end', have == b'')
silent = [raw(b'') for _ in range(8)]
time.sleep(0.2)
refused('too many who say nothing', SYSTEM, 'did not answer', 'status')
for s in silent:
    s.close()
judge('make room again', wait_until(lambda: told('status'), 20))
judge('the server served on', ask(server, get('/x'))[0] == 200)
second = mote.run('serve', '--addr', '127.0.0.1:0', '--control', CONTROL, guest)
judge('another server cannot take the socket', second.returncode == SYSTEM and b'in use' in second.stderr, second)
judge('which is still there', told('status')['server'][0]['pid'] == server.process.pid)

# --- quarantine -----------------------------------------------------------------------------

os.kill(server.workers()[0], signal.SIGSEGV)
judge('a crash while nothing runs', wait_until(lambda: sum(row['restarts'] for row in told('status')['workers']) == 1, 20))
for turn in range(3):
    judge('it serves', ask(server, get('/x'))[0] == 200)
    c = server.connect().send(get('/sleep?60000'))
    judge('it runs', wait_until(lambda: told('functions')['functions'][0]['running'] == 1, 20))
    for pid in server.workers():
        os.kill(pid, signal.SIGSEGV)
    judge('and is gone', c.ended() in ('end', 'reset'))
    judge('what it held is given back', wait_until(lambda: told('functions')['functions'][0]['running'] == 0, 20))
judge('three workers that crash: quarantine', told('functions')['functions'][0]['state'] == 'quarantined')
judge('which is logged', server.logged('guest.wasm is quarantined'))
want('others get 503', ask(server, get('/x')), 503)
judge('a reload does not change that', told('reload') and told('functions')['functions'][0]['state'] == 'quarantined')
judge('clear', told('clear', 'guest.wasm') == {'cleared': [{'cleared': 1}]})
want('lets it run again', ask(server, get('/x')), 200)
judge('once', told('clear', 'guest.wasm') == {'cleared': [{'cleared': 0}]})
for turn in range(4):
    before = set(server.workers())
    c = server.connect().send(get('/sleep?60000'))
    time.sleep(0.3)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    judge('successors', wait_until(lambda: len(set(server.workers()) - before) == 2, 30))
judge('who is killed has not crashed', told('functions')['functions'][0]['state'] == 'ok')
judge('drain', ctl('drain').returncode == OK)
judge('ends it', server.process.wait(PATIENCE) == OK)
judge('and removes the socket', not os.path.exists(CONTROL))

server = Server('--control', CONTROL)
server.process.kill()
server.process.wait()
judge('one that is killed leaves it', os.path.exists(CONTROL))
refused('where nobody answers', SYSTEM, 'refused', 'status')
server = Server('--control', CONTROL)
judge('the next takes its place', told('status')['server'][0]['pid'] == server.process.pid)
server.stop()

# --- other sockets, other numbers of workers ----------------------------------------------------

manifest = os.path.join(folder, 'app.yaml')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def write_manifest(workers, ports, more=''):
    with open(manifest + '.new', 'w', encoding='ascii') as f:
        f.write('workers: %d\ncontrol: %s\nlisten: [%s]\n%s'
                'functions:\n  f: {module: guest.wasm}\nroutes:\n  - {prefix: /, function: f}\n' %
                (workers, CONTROL, ', '.join('"127.0.0.1:%d"' % p for p in ports), more))
    os.rename(manifest + '.new', manifest)


class Manifest(Server):
    def __init__(self):
        import threading
        self.lines = []
        self.process = mote.start('serve', manifest, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_until(lambda: self.port() or self.process.poll() is not None)


one, two = free_port(), free_port()


def connect(port):
    return Client(socket.create_connection(('127.0.0.1', port), timeout=PATIENCE))


def stop_workers():
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)


def go_on(pids):
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


write_manifest(2, [one])
server = Manifest()
if not judge('a manifest', server.port() == one):
    print(''.join(server.lines))
    finish()
for workers in (4, 1, 3, 1, 2):
    old = server.workers()
    stop_workers()
    queued = [connect(one).send(get('/%d' % i)) for i in range(40)]
    write_manifest(workers, [one])
    judge('%d workers' % workers, told('reload') is not None)
    go_on(old)
    judge('serve', wait_until(lambda: len(told('status')['generations']) == 1 and len(told('status')['workers']) == workers, 30))
    judge('what was queued is answered', [c.answer()[2] for c in queued] == [b'hello /%d\n' % i for i in range(40)])
    judge('and kept', all(c.send(get('/k')).answer()[2] == b'hello /k\n' for c in queued))
    for c in queued:
        c.close()
write_manifest(2, [one, two])
judge('one more address', told('reload') is not None)
kept = connect(two)
want('is served', kept.send(get('/x')).answer(), 200)
taken = socket.socket()
taken.bind(('127.0.0.1', 0))
taken.listen()
write_manifest(2, [one, taken.getsockname()[1]])
refused('an address that is taken', SYSTEM, 'in use', 'reload')
want('refuses the reload', kept.send(get('/x')).answer(), 200)
write_manifest(2, [one], 'nonsense: 1\n')
refused('a bad manifest', SYSTEM, 'nonsense', 'reload')
judge('is remembered', 'nonsense' in told('status')['server'][0]['last_refusal'])
write_manifest(2, [one])
judge('an address less', told('reload') is not None)


def closed(port):
    try:
        connect(port).close()
        return False
    except ConnectionRefusedError:
        return True


judge('is closed', wait_until(lambda: closed(two), 20))
want('its connections go on', kept.send(get('/x')).answer(), 200)
judge('it ends', server.stop() == OK)

shutil.rmtree(folder, ignore_errors=True)
finish()
