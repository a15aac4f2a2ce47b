#!/usr/bin/env python3
"""Health, readiness and metrics: the text is what Prometheus reads, counts are right over several
workers, after kill -9 and over reloads; the page of documentation lists what is told.

usage: metrics.py MOTE MOTE_COMPILE GUEST.C
"""
import os
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, finish, judge  # noqa: E402
from server import PATIENCE, Broken, Client, Server, ask, folder, get, guest, wait_until, want  # noqa: E402

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'operating.md')
NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
SAMPLE = re.compile(r'(%s)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|\+Inf|NaN)$' % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


# --- a reader of the format ----------------------------------------------------------------

class Bad(Exception):
    pass


def base_of(name, types):
    for suffix in ('_bucket', '_sum', '_count'):
        if name.endswith(suffix) and types.get(name[:-len(suffix)]) == 'histogram':
            return name[:-len(suffix)]
    return name


def check_histogram(name, samples):
    series = {}
    for (at, labels), value in samples.items():
        if at.startswith(name + '_'):
            rest = tuple(pair for pair in labels if pair[0] != 'le')
            series.setdefault(rest, {})[at[len(name) + 1:], dict(labels).get('le')] = value
    for rest, parts in series.items():
        buckets = sorted((float(le), value) for (what, le), value in parts.items() if what == 'bucket')
        if not buckets or buckets[-1][0] != float('inf') or ('sum', None) not in parts:
            raise Bad('%s%s: no +Inf or no sum' % (name, rest))
        if [value for _, value in buckets] != sorted(value for _, value in buckets) or buckets[-1][1] != parts['count', None]:
            raise Bad('%s%s: buckets are not cumulative' % (name, rest))


def parse(text):
    """{(name, ((label, value), ...)): number}; Bad where Prometheus would refuse it, or wonder."""
    types, helps, samples, done, current = {}, {}, {}, set(), None
    if not text.endswith('\n'):
        raise Bad('no newline at the end')
    for line in text[:-1].split('\n'):
        found = re.match(r'# (HELP|TYPE) (%s) (.*)$' % NAME, line)
        if found:
            what, name, rest = found.groups()
            table = types if what == 'TYPE' else helps
            if name in table or name in done or (what == 'TYPE' and rest not in ('counter', 'gauge', 'histogram', 'summary', 'untyped')):
                raise Bad(line)
            if current and name != current:
                done.add(current)
            table[name], current = rest, name
            continue
        found = SAMPLE.match(line)
        if not found:
            raise Bad(line)
        name, labels, value = found.groups()
        family = base_of(name, types)
        if family != current or family not in types or family not in helps:
            raise Bad('%s stands among %s' % (line, current))
        key = (name, tuple(LABEL.findall(labels or '')))
        if key in samples or len(set(label for label, _ in key[1])) != len(key[1]):
            raise Bad('twice: ' + line)
        if types[family] == 'counter' and (not name.endswith('_total') or float(value) < 0):
            raise Bad('a counter: ' + line)
        samples[key] = float(value)
    for name, kind in types.items():
        if kind == 'histogram':
            check_histogram(name, samples)
    return samples, types


for bad in ('x 1', 'x{a="b} 1\n', '# TYPE x counter\n# HELP x y\nx 1\n', 'x{a="b"} 1\n', '# TYPE x gauge\n# HELP x y\nx 1\nx 1\n',
            '# TYPE x gauge\n# HELP x y\nx one\n'):
    try:
        parse(bad)
        judge('the reader refuses %r' % bad, False)
    except Bad:
        pass


# --- a server ----------------------------------------------------------------------------------

class Operated(Server):
    """From a manifest, with an admin listener."""

    def __init__(self, text, name='app.yaml'):
        self.path = os.path.join(folder, name)
        with open(self.path, 'w', encoding='ascii') as f:
            f.write('listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n' + text)
        super().__init__(module=self.path)
        wait_until(lambda: self.admin_port() or self.process.poll() is not None)

    def admin_port(self):
        for line in self.lines:
            found = re.search(r'metrics on http://127\.0\.0\.1:(\d+)/', line)
            if found:
                return int(found.group(1))
        return None

    def admin(self, request, **how):
        try:
            with socket.create_connection(('127.0.0.1', self.admin_port()), timeout=PATIENCE) as s:
                return Client(s).send(request).answer(**how)
        except (Broken, OSError) as why:
            return str(why), {}, b''

    def metrics(self):
        status, _, body = self.admin(get('/metrics'))
        try:
            return parse(body.decode())[0] if status == 200 else {}
        except Bad as why:
            judge('metrics are well-formed: %s' % why, False)
            return {}


def total(samples, name, **labels):
    return sum(value for (at, have), value in samples.items() if at == name and set(labels.items()) <= set(have))


def settles(server, name, number, **labels):
    """Counts come when a request is over, which a client may learn a little earlier."""
    good = wait_until(lambda: total(server.metrics(), name, **labels) == number, 20)
    return good or (print('    have', total(server.metrics(), name, **labels), 'want', number) and False)


MANIFEST = '''
workers: 2
timeouts: {drain: 20s}
tenants: {acme: {}, other: {}}
functions:
  one: {module: %s, tenant: acme, limits: {timeout: 1s, body: 1k}}
  two: {module: %s, tenant: other, limits: {requests: 1, queue: 0}}
routes:
  - {prefix: /one, function: one}
  - {prefix: /two, function: two}
''' % (guest, guest)
server = Operated(MANIFEST)
if not server.port():
    judge('the server starts', False)
    print(''.join(server.lines))
    finish()

want('healthy', server.admin(get('/healthz')), 200, b'ok\n')
want('ready', server.admin(get('/readyz')), 200, b'ready\n')
want('nothing else', server.admin(get('/')), 404)
want('GET only', server.admin(get('/metrics', method='DELETE')), 405)
have = server.admin(get('/metrics', method='HEAD'), head_only=True)
judge('HEAD', have[0] == 200 and int(have[1].get('content-length', 0)) > 0)
want('no request', server.admin('nonsense\r\n\r\n'), 400)
want('a head that is too long', server.admin('GET / HTTP/1.1\r\nA: ' + 'a' * 9000), 431)
want('it is no route', ask(server, get('/metrics')), 404)
status, fields, body = server.admin(get('/metrics'))
judge('the type of the text', fields.get('content-type', '').startswith('text/plain; version=0.0.4'))
_, types = parse(body.decode())

# --- counts ------------------------------------------------------------------------------------

for i in range(30):
    want('a request', ask(server, get('/one/x')), 200) if i == 0 else ask(server, get('/one/x'))
ask(server, get('/one/status?404'))
ask(server, get('/one/status?302'))
ask(server, get('/one/trap'))
ask(server, get('/one/loop'))
want('too large', ask(server, get('/one/echo', 'Content-Length: 2000\r\n', 'POST') + 'x' * 2000), 413)
judge('a truncated answer', ask(server, get('/one/traplate'))[0] in ('reset', 200))
ask(server, get('/nowhere'))
ask(server, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
f = {'tenant': 'acme', 'function': 'one'}
judge('2xx', settles(server, 'mote_requests_total', 31, code='2xx', **f))
judge('3xx', settles(server, 'mote_requests_total', 1, code='3xx', **f))
judge('4xx', settles(server, 'mote_requests_total', 2, code='4xx', **f))
judge('5xx', settles(server, 'mote_requests_total', 2, code='5xx', **f))
judge('without a function', settles(server, 'mote_requests_total', 3, function='(none)', code='4xx'))
judge('truncated', settles(server, 'mote_requests_truncated_total', 1, **f))
judge('the time limit', settles(server, 'mote_limit_hits_total', 1, limit='wall', **f))
judge("the body's limit", settles(server, 'mote_limit_hits_total', 1, limit='body', **f))
m = server.metrics()
acquires = {kind: total(m, 'mote_instance_acquires_total', kind=kind, **f) for kind in ('warm', 'bound', 'cold')}
judge('acquires %s' % acquires, 1 <= acquires['cold'] <= 2 and sum(acquires.values()) == 35)
judge('resets took time', total(m, 'mote_reset_seconds_total', **f) > 0 and total(m, 'mote_reset_pages_total', **f) > 0)
judge('durations', total(m, 'mote_request_duration_seconds_count', **f) == 36 and total(m, 'mote_request_duration_seconds_sum', **f) > 1)
judge('bodies', total(m, 'mote_response_body_bytes_total', **f) > 30 * len('hello /x\n'))
judge('nothing runs', total(m, 'mote_requests_running') == 0 and total(m, 'mote_requests_queued') == 0)
judge('processes', total(m, 'mote_workers') == 2 and total(m, 'mote_ready') == 1 and total(m, 'mote_workers_memory_bytes') > 1e5 and
      total(m, 'mote_connections_accepted_total') >= 36)

# --- what runs, and a place for one only ----------------------------------------------------------

slow = server.connect().send(get('/two/sleep?3000'))
t = {'function': 'two'}
judge('one runs', settles(server, 'mote_requests_running', 1, **t))
want('beyond its share', ask(server, get('/two/')), 503)
judge('is a limit that was met', settles(server, 'mote_limit_hits_total', 1, limit='queue', **t))
want('and the first is answered', slow.answer(), 200)
slow.close()
judge('none runs any more', settles(server, 'mote_requests_running', 0, **t))

# --- kill -9 ----------------------------------------------------------------------------------------

slow = [server.connect().send(get('/two/sleep?20000'))]
judge('a request runs', settles(server, 'mote_requests_running', 1, **t))
before = server.metrics()
for pid in server.workers():
    os.kill(pid, signal.SIGKILL)
judge('workers are started again', settles(server, 'mote_worker_restarts_total', 2))
judge('what the dead ran is over', settles(server, 'mote_requests_running', 0, **t))
wait_until(lambda: total(server.metrics(), 'mote_workers') == 2, 20)
want('and its place is free', ask(server, get('/two/')), 200)
after = server.metrics()
judge('no total went back', all(after.get(key, 0) >= value for key, value in before.items()
                                if key[0].endswith(('_total', '_count', '_bucket', '_sum'))))
for c in slow:
    c.close()

# --- a reload ------------------------------------------------------------------------------------------

with open(server.path, encoding='ascii') as f_:
    text = f_.read()
with open(server.path, 'w', encoding='ascii') as f_: # function two is gone, three is new
    f_.write(text.replace('  two:', '  three:').replace('function: two', 'function: three'))
before = server.metrics()
server.process.send_signal(signal.SIGHUP)
judge('it reloads', server.logged('generation 2 serves'))
want('the new one', ask(server, get('/two/')), 200)
judge('is counted', settles(server, 'mote_requests_total', 1, function='three'))
after = server.metrics()
for name in ('mote_requests_total', 'mote_limit_hits_total', 'mote_request_duration_seconds_sum', 'mote_worker_restarts_total'):
    judge('%s: the sum goes on' % name, total(after, name) >= total(before, name) > 0)
judge("the former function's are its tenant's", total(after, 'mote_requests_total', function='(other)') >= total(before, 'mote_requests_total', **t) > 0)
judge("the other's go on", total(after, 'mote_requests_total', **f) == total(before, 'mote_requests_total', **f))

# --- many at once, while somebody reads --------------------------------------------------------------------


def load():
    c = server.connect()
    for _ in range(200):
        c.send(get('/one/x')).answer()
    c.close()


start = total(server.metrics(), 'mote_requests_total', **f)
threads = [threading.Thread(target=load) for _ in range(4)]
for thread in threads:
    thread.start()
steps = [start]
while any(thread.is_alive() for thread in threads):
    steps.append(total(server.metrics(), 'mote_requests_total', **f))
judge('a sum only grows', steps == sorted(steps))
judge('to the right number', settles(server, 'mote_requests_total', start + 800, **f))
idle = socket.create_connection(('127.0.0.1', server.admin_port()))
want('who says nothing is in nobody\'s way', server.admin(get('/healthz')), 200)
idle.close()

# --- the end --------------------------------------------------------------------------------------------------

slow = server.connect().send(get('/one/sleep?900'))
time.sleep(0.2)
server.process.send_signal(signal.SIGTERM)
judge('not ready while it drains', wait_until(lambda: server.admin(get('/readyz'))[0] == 503, 0.6) or
      server.process.poll() is not None or server.admin(get('/readyz'))[0] != 200)
want('what was begun is answered', slow.answer(), 200)
judge('it ends well', server.process.wait(PATIENCE) == OK)

# --- bounded names ----------------------------------------------------------------------------------------------

many = Operated('workers: 1\nfunctions:\n' + ''.join('  f%d: {module: %s}\n' % (i, guest) for i in range(150)) + 'routes:\n' +
                ''.join('  - {prefix: /%d, function: f%d}\n' % (i, i) for i in range(150)), 'many.yaml')
if judge('150 functions are served', many.port() is not None):
    c = many.connect()
    for i in range(150):
        c.send(get('/%d/x' % i)).answer()
    c.close()
    judge('all are counted', settles(many, 'mote_requests_total', 150))
    m = many.metrics()
    names = {dict(labels)['function'] for (name, labels) in m if name == 'mote_requests_total'}
    judge('%d names' % len(names), len(names) == 101 and total(m, 'mote_requests_total', function='(other)') == 50)
judge('and end', many.stop() == OK)

# --- the documentation -----------------------------------------------------------------------------------------------

with open(DOCS, encoding='utf-8') as f_:
    table = dict(re.findall(r'^\| `(mote_\w+)` \| (\w+) \|', f_.read(), re.M))
for name in sorted(set(table) ^ set(types)):
    judge('%s is told and in docs/operating.md' % name, False)
judge('the table of metrics is complete', table == types)
finish()
