#!/usr/bin/env python3
"""Logs: what lines say, that nobody can make one up, files moved away, full disks, slow pipes, processes
that are killed; ids and traces of requests; proxies that are believed.

usage: access_log.py MOTE MOTE_COMPILE GUEST.C
"""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, finish, judge, skip  # noqa: E402
from server import PATIENCE, Server, ask, folder, get, guest, wait_until, want  # noqa: E402


def serve(name, more, workers=1):
    path = os.path.join(folder, name + '.yaml')
    with open(path, 'w', encoding='ascii') as f:
        f.write('listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: %d\n%s\nfunctions:\n  hello: {module: %s}\n'
                'routes:\n  - {prefix: /, function: hello}\n' % (workers, more, guest))
    server = Server(module=path)
    if not judge(name + ': the server starts', server.port() is not None):
        print(''.join(server.lines))
        finish()
    return server


def read(path):
    try:
        with open(path, 'rb') as f:
            return f.read()
    except OSError:
        return b''


def lines_of(path, n):
    wait_until(lambda: read(path).count(b'\n') >= n, 20)
    return read(path).decode().splitlines()


def metric(server, name):
    for line in server.lines:
        found = re.search(r'metrics on http://127\.0\.0\.1:(\d+)/', line)
        if found:
            body = subprocess.run([sys.executable, '-c', 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())',
                                   'http://127.0.0.1:%s/metrics' % found.group(1)], stdout=subprocess.PIPE, check=False).stdout.decode()
            return sum(float(line.split()[-1]) for line in body.splitlines() if line.startswith(name))
    return -1


def environment(server, fields='', path='/env'):
    status, got, body = ask(server, get(path, fields))
    return status, got, dict(line.split('=', 1) for line in body.decode('latin-1').splitlines() if '=' in line)


# --- JSON -------------------------------------------------------------------------------

access, errors = os.path.join(folder, 'access.log'), os.path.join(folder, 'error.log')
server = serve('json', 'logs: {access: %s, error: %s, format: json}\nproxies: [10.0.0.0/8, "::1"]' % (access, errors))
ask(server, get('/x?a=b', 'User-Agent: me\r\nReferer: http://there/\r\n'))
ask(server, get('/echo', 'Content-Length: 5\r\n', 'POST') + '12345')
ask(server, get('/trap'))
ask(server, 'nonsense\r\n\r\n')
rows = [json.loads(line) for line in lines_of(access, 4)]
first = rows[0]
judge('a line: %s' % first, first['method'] == 'GET' and first['target'] == '/x?a=b' and first['status'] == 200 and
      first['client'] == '127.0.0.1' and first['host'] == 'localhost' and first['protocol'] == 'HTTP/1.1' and first['agent'] == 'me' and
      first['referer'] == 'http://there/' and first['function'] == 'hello' and first['tenant'] == 'default' and
      first['out'] == len('hello /x\n') and first['us'] > 0)
judge('its time', re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$', first['time']))
judge('bodies are counted', rows[1]['in'] == 5 and rows[1]['out'] == 5)
judge('what failed is there', rows[2]['status'] == 500 and rows[3]['status'] == 400 and 'method' not in rows[3])
judge('the error log is a file, too', b'trap: unreachable' in read(errors) and not any('unreachable' in line for line in server.lines))
judge('requests have the same id there', rows[2]['id'].encode() in read(errors))
judge('files are not for everybody', os.stat(access).st_mode & 0o007 == 0)

nasty = 'x"\\\tz\xe4"}{"a":"b'
ask(server, get('/%0a%0dhidden', 'User-Agent: %s\r\n' % nasty).encode('latin-1'))
ask(server, get('/u', 'User-Agent: gr\u00fc\u00df\r\n').encode())
ask(server, get('/x?' + 'y' * 7000))
before = len(rows)
rows = [json.loads(line) for line in lines_of(access, before + 3)]
judge('quotes and control characters are escaped: %r' % rows[-3]['agent'], len(rows) == before + 3 and rows[-3]['agent'] == nasty and 'a' not in rows[-3])
judge('UTF-8 stays', rows[-2]['agent'] == 'gr\u00fc\u00df')
judge('what is long is cut', 1000 < len(rows[-1]['target']) < 3000 and rows[-1]['status'] == 200)

# --- ids and traces ---------------------------------------------------------------------------

status, fields, env = environment(server)
last = json.loads(lines_of(access, len(rows) + 1)[-1])
judge('the client, the program and the log have one id', fields.get('x-request-id') == env['HTTP_X_REQUEST_ID'] == last['id'])
parts = env['HTTP_TRACEPARENT'].split('-')
judge('a trace begins', parts[0] == '00' and parts[1] == last['trace'] and parts[2] == last['span'] and parts[3] == '00')
given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
status, fields, env = environment(server, 'Traceparent: %s\r\nTracestate: a=1\r\nTracestate: b=2\r\n' % given)
parts = env['HTTP_TRACEPARENT'].split('-')
judge('a trace goes on', parts[1] == given.split('-')[1] and parts[2] != given.split('-')[2] and parts[3] == '01' and env['HTTP_TRACESTATE'] == 'a=1, b=2')
for bad in ('', '00-0' * 9, given.upper(), given + '-', '00-' + '0' * 32 + '-00f067aa0ba902b7-01', 'ff' + given[2:], given[:-1] + 'g'):
    status, fields, env = environment(server, 'Traceparent: %s\r\nTracestate: a=1\r\n' % bad)
    judge('not this one: %r' % bad, env['HTTP_TRACEPARENT'].split('-')[1] != given.split('-')[1] and 'HTTP_TRACESTATE' not in env)
status, fields, env = environment(server, 'Traceparent: cc%s-more\r\n' % given[2:])
judge('a later version', env['HTTP_TRACEPARENT'].split('-')[:2] == ['00', given.split('-')[1]])
status, fields, env = environment(server, 'X-Request-Id: mine\r\n')
judge("nobody else's id", env['HTTP_X_REQUEST_ID'] != 'mine' and fields['x-request-id'] != 'mine')

# --- proxies -------------------------------------------------------------------------------------

FORWARDED = 'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nForwarded: for=1.2.3.4\r\n'
status, fields, env = environment(server, FORWARDED)
judge('who is no proxy is not believed', env['REMOTE_ADDR'] == '127.0.0.1' and env['REQUEST_SCHEME'] == 'http' and 'HTTPS' not in env and
      env['SERVER_NAME'] == 'localhost' and not any('FORWARDED' in name for name in env))
judge('it ends well', server.stop() == OK)
server = serve('proxied', 'logs: {access: %s}\nproxies: [127.0.0.0/8, 10.0.0.0/8]' % access)
n = len(lines_of(access, 1))
status, fields, env = environment(server, FORWARDED)
judge('a proxy is believed', env['REMOTE_ADDR'] == '203.0.113.9' and env['REQUEST_SCHEME'] == 'https' and env['HTTPS'] == 'on' and
      env['SERVER_NAME'] == 'shop.example' and 'REMOTE_PORT' not in env and not any('FORWARDED' in name for name in env))
judge('in the log, too', json.loads(lines_of(access, n + 1)[-1])['client'] == '203.0.113.9')
for words, address in (('6.6.6.6, 203.0.113.9', '203.0.113.9'), ('6.6.6.6, 203.0.113.9, 10.1.2.3', '203.0.113.9'),
                       ('10.9.9.9, 10.1.2.3', '10.9.9.9'), ('evil, 203.0.113.9', '203.0.113.9'), ('203.0.113.9, evil', '127.0.0.1'),
                       ('[2001:db8::1]:1234', '2001:db8::1'), ('203.0.113.9:80', '203.0.113.9'), ('', '127.0.0.1'),
                       ('6.6.6.6\r\nX-Forwarded-For: 203.0.113.9', '203.0.113.9'), ('evil, 10.1.2.3', '10.1.2.3')):
    status, fields, env = environment(server, 'X-Forwarded-For: %s\r\n' % words)
    judge('%r is %s' % (words, address), env.get('REMOTE_ADDR') == address)
status, fields, env = environment(server, 'X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a/b\r\nProxy: http://evil/\r\n')
judge('what makes no sense is not believed', env['REQUEST_SCHEME'] == 'http' and env['SERVER_NAME'] == 'localhost' and 'HTTP_PROXY' not in env)
status, fields, env = environment(server, 'X-Request-Id: abc-123\r\n')
judge("a proxy's id goes on", env['HTTP_X_REQUEST_ID'] == fields['x-request-id'] == 'abc-123')
status, fields, env = environment(server, 'X-Request-Id: a b\r\n')
judge('if it is one', env['HTTP_X_REQUEST_ID'] != 'a b')
judge('ends', server.stop() == OK)

# --- combined, moved away, killed --------------------------------------------------------------------

os.remove(access)
server = serve('combined', 'logs: {access: %s, format: combined}' % access, workers=2)
ask(server, get('/x', 'User-Agent: a"b\\c\x01d\r\n'.replace('\x01', '\t')))
line = lines_of(access, 1)[0]
judge('combined: ' + line, re.match(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /x HTTP/1\.1" 200 9 "-" '
                                    r'"a\\x22b\\x5cc\\x09d" [0-9a-f]{12}-\d+$', line))
moved = access + '.1'
os.rename(access, moved)
ask(server, get('/before'))
server.process.send_signal(signal.SIGUSR1)
judge('SIGUSR1 opens another', wait_until(lambda: os.path.exists(access), 20))
ask(server, get('/after'))
judge('where lines go', any('/after' in line for line in lines_of(access, 1)) and wait_until(lambda: b'/before' in read(moved) + read(access), 20))
logger = [int(pid) for pid in os.listdir('/proc') if pid.isdigit() and read('/proc/%s/comm' % pid).startswith(b'mote-logger') and
          read('/proc/%s/stat' % pid)]
mine = set()
for pid in logger:
    parent = int(read('/proc/%d/stat' % pid).rsplit(b')', 1)[1].split()[1])
    if int(read('/proc/%d/stat' % parent).rsplit(b')', 1)[1].split()[1] or 0) == server.process.pid:
        mine.add(pid)
if judge('there is a process that writes', len(mine) == 1):
    os.kill(mine.pop(), signal.SIGKILL)
    for i in range(50):
        ask(server, get('/killed%d' % i))
    judge('it is started again, and lines wait for it', wait_until(lambda: read(access).count(b'/killed') == 50, 20))
n = read(access).count(b'\n')
for i in range(20): # a line is written though its worker is dead
    ask(server, get('/last%d' % i))
for pid in server.workers():
    os.kill(pid, signal.SIGKILL)
judge('lines outlive their workers', wait_until(lambda: read(access).count(b'/last') == 20, 20))
wait_until(lambda: len(server.workers()) == 2)
ask(server, get('/theend'))
judge('ends', server.stop() == OK)
judge('with the last line written', b'/theend' in read(access))

# --- readers that are slow, or gone ------------------------------------------------------------------------

fifo = os.path.join(folder, 'fifo')
os.mkfifo(fifo)
reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
server = serve('slow', 'logs: {access: %s}' % fifo)
c = server.connect()
for _ in range(4000):
    c.send(get('/x', 'User-Agent: %s\r\n' % ('x' * 400))).answer()
judge('who reads nothing holds up nobody', True)
judge('what has no room is counted', wait_until(lambda: metric(server, 'mote_access_log_lines_dropped_total') > 0, 20))
got = bytearray()
end = time.monotonic() + 60
while time.monotonic() < end and got.count(b'\n') < 500:
    try:
        got += os.read(reader, 1 << 16)
    except BlockingIOError:
        time.sleep(0.02)
whole = got[:got.rfind(b'\n')].decode().splitlines()
judge('and the rest arrives, in whole lines', len(whole) >= 400 and all(json.loads(line) for line in whole))
os.close(reader)
for _ in range(50):
    c.send(get('/x')).answer()
judge('nor who is gone', wait_until(lambda: metric(server, 'mote_log_write_failures_total') > 0, 20))
want('requests go on', ask(server, get('/x')), 200)
c.close()
judge('ends', server.stop() == OK)

# --- a full disk ---------------------------------------------------------------------------------------------

disk = os.path.join(folder, 'disk')
os.mkdir(disk)
if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], stderr=subprocess.DEVNULL, check=False).returncode:
    skip('no file system of its own can be mounted here')
else:
    try:
        log = os.path.join(disk, 'access.log')
        server = serve('full', 'logs: {access: %s}' % log)
        c = server.connect()
        for _ in range(400):
            c.send(get('/x', 'User-Agent: %s\r\n' % ('x' * 400))).answer()
        judge('a full disk is told once', server.logged(r'access log: No space left on device'))
        judge('and counted', wait_until(lambda: metric(server, 'mote_log_write_failures_total') > 0, 20))
        want('and ends no service', c.send(get('/x')).answer(), 200)
        c.send(get('/again')).answer()
        got = bytearray()
        for _ in range(40): # what waits fills it more than once
            got += read(log)
            os.truncate(log, 0)
            if b'/again' in got:
                break
            time.sleep(1.2)
        judge('where there is room again it goes on', server.logged('access log: written again'))
        judge('with the lines that waited', b'/again' in got and all(json.loads(line) for line in got.decode().splitlines()))
        c.close()
        judge('ends', server.stop() == OK)
    finally:
        subprocess.run(['umount', '-l', disk], check=False)

# --- what cannot be opened --------------------------------------------------------------------------------------

path = os.path.join(folder, 'bad.yaml')
with open(path, 'w', encoding='ascii') as f:
    f.write('listen: 127.0.0.1:0\nlogs: {access: /nonexistent/x/access.log}\nfunctions: {a: {module: %s}}\nroutes: [{prefix: /, function: a}]\n' % guest)
server = Server(module=path)
judge('a log that cannot be opened is one line', server.process.wait(PATIENCE) != OK and server.logged(r'/nonexistent/x/access\.log: No such file'))
finish()
