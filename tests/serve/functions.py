#!/usr/bin/env python3
"""Many functions of many tenants: nothing of one request reaches another, instances change functions, limits of
functions and tenants hold, requests wait in order, initialisers run before requests.

usage: functions.py MOTE MOTE_COMPILE GUEST.C
"""
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import many  # noqa: E402
from server import (Broken, Server, ask, finish, folder, get, guest, judge, mote, want, wait_until)  # noqa: E402
from command import OK  # noqa: E402
from many import HEAD, NAME_AT, PREVIEW1, const, store32  # noqa: E402
from wasm import END, I32, functype, leb, name, section, vec, wasi  # noqa: E402


def manifest(text):
    path = os.path.join(folder, 'app.yaml')
    with open(path, 'w', encoding='ascii') as f:
        f.write('listen: 127.0.0.1:0\n' + text)
    return path


class Served(Server):
    """mote serve of a manifest."""

    def __init__(self, text):
        self.lines = []
        self.process = mote.start('serve', manifest(text), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_until(lambda: self.port() or self.process.poll() is not None)


def post(path, body):
    return 'POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s' % (path, len(body), body)


# --- many ---------------------------------------------------------------------------------------------------

COUNT = 60
many.write_all(folder, COUNT)
tenants = ''.join('  t%d: {}\n' % i for i in range(7))
functions = ''.join('  f%d: {module: %05d.wasm, tenant: t%d}\n' % (i, i, i % 7) for i in range(COUNT))
routes = ''.join('  - {path: /f/%d, function: f%d}\n' % (i, i) for i in range(COUNT))
server = Served('workers: 2\nslots: 5\ntenants:\n%sfunctions:\n%sroutes:\n%s' % (tenants, functions, routes))
judge('sixty functions are served', re.search('serving 60 functions', ''.join(server.lines)))
wrong = []


def ask_many(seed):
    numbers = random.Random(seed)
    c = server.connect()
    for i in range(150):
        n, nonce = numbers.randrange(COUNT), '%d-%d-%x' % (seed, i, numbers.getrandbits(64))
        try:
            have = c.send(post('/f/%d' % n, nonce)).answer()
        except Broken as why:
            have = (str(why), {}, b'')
        if have[0] != 200 or have[2] != (many.name_of(n) + nonce).encode():
            wrong.append((n, nonce, have))
            return
    c.close()


threads = [threading.Thread(target=ask_many, args=(seed,)) for seed in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
if not judge('each answer is of its own request and function, in an instance nobody used', not wrong):
    print('    ' + str(wrong[:2]))
for i in range(20):
    want('a function that stays is as new, too', ask(server, post('/f/3', 'again')), 200, many.name_of(3).encode() + b'again')
want('no such path', ask(server, get('/g')), 404)
c = server.connect()
judge('a refusal keeps the connection', c.send(get('/g')).answer()[0] == 404 and
      c.send(post('/f/1', 'x')).answer()[2] == many.name_of(1).encode() + b'x')
judge('it ends well', server.stop() == OK)

# --- limits ---------------------------------------------------------------------------------------------------

os.makedirs(os.path.join(folder, 'data'), exist_ok=True)
server = Served('''workers: 1
timeouts: {queue: 700ms}
on_module_error: skip
tenants:
  small: {limits: {requests: 1, queue: 0}}
functions:
  one: {module: %(guest)s, folders: [{host: data, guest: /data, writable: true}], limits: {requests: 1, queue: 4}}
  a: {module: %(guest)s, tenant: small}
  b: {module: %(guest)s, tenant: small}
  other: {module: %(guest)s, limits: {output: 1k, log: 10, body: 10}}
  gone: {module: gone.wasm}
routes:
  - {prefix: /one, function: one}
  - {prefix: /a, function: a}
  - {prefix: /b, function: b}
  - {prefix: /other/, method: [GET, POST], function: other}
  - {prefix: /gone, function: gone}
''' % {'guest': guest})


def hold(path):
    """One that is under way for a while."""
    c = server.connect().send(get(path))
    time.sleep(0.2)
    return c


running = hold('/one/sleep?500')
waiting = []
for i in range(4):
    waiting.append(server.connect().send(get('/one/append')))
    time.sleep(0.05)
have = ask(server, get('/one/append'))
want('the queue is full', have, 503)
judge('say when to come again', have[1].get('retry-after') == '1')
judge('the first is answered', running.answer()[2] == b'slept\n')
judge('the others come in their order', [int(c.answer()[2]) for c in waiting] == [1, 2, 3, 4])

running = hold('/one/sleep?500')
gone, stays = server.connect().send(get('/one/append')), server.connect()
time.sleep(0.1)
gone.close()
time.sleep(0.1)
stays.send(get('/one/append'))
judge('one that went away left the queue', stays.answer()[2] == b'5\n')
running.answer()

running = hold('/one/sleep?2500')
begin = time.monotonic()
want('nobody waits for ever', ask(server, get('/one/append')), 503)
judge('nor for as long as the other takes', time.monotonic() - begin < 2.2)
running.answer()
want('then there is room', ask(server, get('/one/append')), 200, b'6\n')

running = hold('/a/sleep?700')
want("a tenant's functions share its limit", ask(server, get('/b/x')), 503)
want("others' do not", ask(server, get('/other/x')), 200)
running.answer()
want('it is free again', ask(server, get('/b/x')), 200)

want('an answer within its limit', ask(server, get('/other/much?900')), 200)
want('one beyond it', ask(server, get('/other/much?2000')), 502)
judge('why is logged', server.logged('more output than its limit'))
want('a body beyond its limit', ask(server, post('/other/echo', 'x' * 11)), 413)
want('a log beyond its limit', ask(server, get('/other/stderr')), 200)
judge('is cut, with a word', server.logged('other: stderr: one') and server.logged('more than 10 bytes'))
have = ask(server, get('/other/x', method='PUT'))
want('another method', have, 405)
judge('which ones there are', sorted(re.split(', *', have[1].get('allow', ''))) == ['GET', 'HEAD', 'POST'])
want('the path without what is below', ask(server, get('/other')), 404)
want('a module that is not there', ask(server, get('/gone')), 503)
judge('was told', server.logged(r'app\.yaml:\d+: function gone: .*No such file'))
for variable, value in (('SCRIPT_NAME', b'/one'), ('PATH_INFO', b'/env')):
    judge('of the path, what is ' + variable, b'\n%s=%s\n' % (variable.encode(), value) in ask(server, get('/one/env'))[2])
judge('it ends well, too', server.stop() == OK)

have = mote.run('serve', manifest('functions:\n  gone: {module: gone.wasm}\nroutes: [{prefix: /, function: gone}]\n'))
judge('or the whole is refused', have.returncode != OK and b'function gone' in have.stderr)


# --- initialisers -----------------------------------------------------------------------------------------------

def initialised(asks):
    """Says what its initialiser left ('made' or 'none') and eight random bytes, in hexadecimal."""
    n = len(PREVIEW1)
    imports = PREVIEW1 + [('wasi_snapshot_preview1', 'random_get', [I32, I32], [I32])]
    n, at = len(imports), NAME_AT + len(HEAD)
    random_get = const(1024) + const(8) + b'\x10' + leb(n - 1) + b'\x1a'
    digits = b''
    for i in range(16):
        nibble = const(1024 + i // 2) + b'\x2d\0\0' + (const(4) + b'\x76' if i % 2 == 0 else const(15) + b'\x71')
        digits += const(at + 4 + i) + const(97) + nibble + b'\x6a' + b'\x3a\0\0'
    start = (random_get + digits + store32(32, const(NAME_AT)) + store32(36, const(len(HEAD) + 20)) +
             wasi('fd_write', const(1), const(32), const(1), const(16)) + b'\x1a')
    init = (random_get if asks else b'') + store32(at, const(int.from_bytes(b'made', 'little')))
    types = [functype(i[2], i[3]) for i in imports] + [functype([], [])]
    codes = [b'\0' + body + END for body in (start, init)]
    return (b'\0asm\1\0\0\0' + section(1, vec(types)) +
            section(2, vec([name(i[0]) + name(i[1]) + b'\0' + leb(k) for k, i in enumerate(imports)])) +
            section(3, vec([leb(n), leb(n)])) + section(5, vec([b'\0\2'])) +
            section(7, vec([name('_start') + b'\0' + leb(n), name('wizer-initialize') + b'\0' + leb(n + 1), name('memory') + b'\2\0'])) +
            section(10, vec([leb(len(c)) + c for c in codes])) +
            section(11, vec([b'\0' + const(NAME_AT) + END + leb(len(HEAD) + 4) + HEAD + b'none'])))


for kind, asks in (('made', False), ('none', True)):
    with open(os.path.join(folder, kind + '.wasm'), 'wb') as f:
        f.write(initialised(asks))
for start in ('first', 'cached'):
    server = Served('''workers: 1
functions:
  made: {module: made.wasm}
  none: {module: none.wasm}
routes: [{path: /made, function: made}, {path: /none, function: none}]
''')
    for kind in ('made', 'none'):
        answers = [ask(server, get('/' + kind)) for _ in range(8)]
        judge('%s start: what the initialiser left (%s)' % (start, kind), all(a[0] == 200 and a[2][:4] == kind.encode() for a in answers))
        judge('%s start: random bytes differ all the same' % start, len({a[2] for a in answers}) == 8)
    if start == 'first':
        judge('that one asked is told', server.logged('none.wasm: its initialiser does not run before requests: it asked for random_get'))
    server.process.send_signal(signal.SIGTERM)
    server.stop()
finish()
