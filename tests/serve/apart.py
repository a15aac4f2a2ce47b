#!/usr/bin/env python3
"""mote serve with tenants that have workers of their own (isolate: true).

usage: apart.py MOTE MOTE_COMPILE GUEST.C
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, finish, judge  # noqa: E402
from server import MOTE, Server, folder, get, mote, wait_until, want  # noqa: E402

CONTROL = os.path.join(folder, 'control.sock')
manifest = os.path.join(folder, 'app.yaml')
for name in ('ours', 'theirs'):
    os.mkdir(os.path.join(folder, name))


def write_manifest(isolate):
    with open(manifest, 'w', encoding='ascii') as f:
        f.write('''workers: 2
control: %s
listen: 127.0.0.1:0
tenants:
  acme: {isolate: %s}
  zeta: {isolate: %s}
functions:
  f: {module: guest.wasm, env: {MINE: secret-of-f-%s}, folders: [{host: ours, guest: /data, writable: true}]}
  a: {module: guest.wasm, tenant: acme, env: {MINE: secret-of-a-%s}, folders: [{host: theirs, guest: /data, writable: true}]}
  z: {module: guest.wasm, tenant: zeta}
routes:
  - {prefix: /, function: f}
  - {prefix: /, host: acme.test, function: a}
  - {prefix: /, host: zeta.test, function: z}
''' % (CONTROL, isolate, isolate, 'x' * 8, 'y' * 8))


class Manifest(Server):
    def __init__(self):
        self.lines = []
        self.process = mote.start('serve', manifest, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_until(lambda: self.port() or self.process.poll() is not None)


def told(*words):
    have = mote.run('ctl', '--socket', CONTROL, '--json', *words)
    return json.loads(have.stdout) if have.returncode == OK else None


def of(host, path, fields='', method='GET'):
    return get(path, fields, method).replace('Host: localhost', 'Host: ' + host)


def pids_of(tenant):
    return [row['pid'] for row in told('status')['workers'] if row['tenant'] == tenant]


write_manifest('true')
server = Manifest()
if not judge('it starts', server.port()):
    print(''.join(server.lines))
    finish()
judge('workers for all, and for each', [len(pids_of(t)) for t in ('all', 'acme', 'zeta')] == [2, 2, 2])
c = server.connect()
for host in ('localhost', 'acme.test', 'acme.test', 'zeta.test', 'localhost', 'zeta.test', 'acme.test'):
    have = c.send(of(host, '/x')).answer()
    want('a connection goes from worker to worker: ' + host, have, 200, b'hello /x\n')
    judge('and is kept', 'connection' not in have[1])
c.send(of('acme.test', '/1') + of('localhost', '/2') + of('zeta.test', '/3') + of('localhost', '/nowhere') + of('acme.test', '/4'))
judge('requests in a row', [c.answer()[2] for _ in range(5)] == [b'hello /1\n', b'hello /2\n', b'hello /3\n', b'hello /nowhere\n', b'hello /4\n'])
body = bytes(i % 251 for i in range(3 << 20))
for host in ('localhost', 'acme.test', 'zeta.test'):
    c.send(of(host, '/echo', 'Content-Length: %d\r\n' % len(body), 'POST').encode())
    sender = threading.Thread(target=c.send, args=(body,))
    sender.start()
    have = c.answer()
    sender.join()
    judge('a body of megabytes of ' + host, have[0] == 200 and have[2] == body)
want('its environment', c.send(of('acme.test', '/env')).answer(), 200)
judge('is its own', b'MINE=secret-of-a' in c.send(of('acme.test', '/env')).answer()[2])
want('its folder', c.send(of('acme.test', '/append')).answer(), 200, b'1\n')
judge('is its own, too', os.path.exists(folder + '/theirs/log') and not os.path.exists(folder + '/ours/log'))

slow = server.connect().send(of('acme.test', '/sleep?2000'))
other = server.connect().send(of('zeta.test', '/sleep?60000'))
time.sleep(0.5)
for pid in pids_of('all') + pids_of('zeta'):
    os.kill(pid, signal.SIGSEGV)
want('others\' workers may crash', slow.answer(), 200, b'slept\n')
judge('and those that run on them end', other.ended() in ('end', 'reset'))
judge('successors', wait_until(lambda: all(row['state'] == 'serves' for row in told('status')['workers']), 30))
want('serve', server.connect().send(of('zeta.test', '/x')).answer(), 200)


def holds(pid, words):
    """Are these words in its memory?"""
    with open('/proc/%d/maps' % pid, encoding='ascii') as maps, open('/proc/%d/mem' % pid, 'rb') as memory:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(word, 16) for word in area.split('-'))
            if 'r' not in rights or end - start > 64 << 20:
                continue
            try:
                memory.seek(start)
                if words in memory.read(end - start):
                    return True
            except (OSError, ValueError):
                pass
    return False


def folders_of(pid):
    names = set()
    for fd in os.listdir('/proc/%d/fd' % pid):
        try:
            names.add(os.path.basename(os.readlink('/proc/%d/fd/%s' % (pid, fd))))
        except OSError:
            pass
    return names & {'ours', 'theirs'}


if os.geteuid() == 0:
    judge('no descriptor of others\' folders', all(folders_of(pid) == {'theirs'} for pid in pids_of('acme')) and
          all(folders_of(pid) == {'ours'} for pid in pids_of('all')) and all(not folders_of(pid) for pid in pids_of('zeta')))
    secrets = b'secret-of-f-' + b'x' * 8, b'secret-of-a-' + b'y' * 8
    judge('its own variables', all(holds(pid, secrets[1]) for pid in pids_of('acme')))
    # A sanitizer keeps what was freed.
    judge('none of others', 'sanitize' in MOTE or not any(holds(pid, secrets[0]) for pid in pids_of('acme') + pids_of('zeta')) and
          not any(holds(pid, secrets[1]) for pid in pids_of('all') + pids_of('zeta')))

# --- reloads ------------------------------------------------------------------------------

kept = [server.connect() for _ in range(6)]
for i, c in enumerate(kept):
    want('kept', c.send(of(('acme.test', 'zeta.test', 'localhost')[i % 3], '/x')).answer(), 200)
slow = server.connect().send(of('acme.test', '/sleep?1000') + of('zeta.test', '/z'))
time.sleep(0.3)
for isolate in ('true', 'false', 'true', 'true'):
    write_manifest(isolate)
    judge('a reload, isolate: ' + isolate, told('reload') is not None)
    for i, c in enumerate(kept):
        want('serves them', c.send(of(('zeta.test', 'localhost', 'acme.test')[i % 3], '/y')).answer(), 200, b'hello /y\n')
want('what was begun', slow.answer(), 200, b'slept\n')
want('and what came behind it', slow.answer(), 200, b'hello /z\n')
judge('it ends well', server.stop() == OK)

shutil.rmtree(folder, ignore_errors=True)
finish()
