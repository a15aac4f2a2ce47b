#!/usr/bin/env python3
"""mote serve, from outside: answers, framing, limits, ends; on the loopback address.

usage: serve.py MOTE MOTE_COMPILE GUEST.C
"""
import os
import re
import shutil
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import MODULE, OK, SYSTEM, USAGE, finish, judge  # noqa: E402
from server import MOTE, PATIENCE, Broken, Client, Server, ask, folder, get, guest, mote, wait_until, want  # noqa: E402
import wasm  # noqa: E402

# --- answers ------------------------------------------------------------------------------

data = os.path.join(folder, 'data')
os.mkdir(data)
server = Server('--dir', data + '::/data', '--env', 'MINE=1', '-W', 'timeout=2s,max-memory-size=32m', '--max-body', '1m')
if not server.port():
    judge('the server starts', False)
    print(''.join(server.lines))
    finish()

want('hello', ask(server, get('/x')), 200, b'hello /x\n')
status, fields, body = ask(server, get('/env?a=b%20c', 'X-One: 1\r\nProxy: evil\r\nX-Forwarded-For: 9.9.9.9\r\nMINE: 2\r\n'))
env = dict(line.split('=', 1) for line in body.decode().splitlines())
judge('variables', status == 200 and env.get('QUERY_STRING') == 'a=b%20c' and env.get('HTTP_X_ONE') == '1' and
      env.get('MINE') == '1' and env.get('HTTP_MINE') == '2' and env.get('REMOTE_ADDR') == '127.0.0.1' and
      env.get('SERVER_PORT') == str(server.port()) and env.get('ARGV0') == 'guest.wasm' and
      env.get('GATEWAY_INTERFACE') == 'CGI/1.1' and env.get('SCRIPT_NAME') == '' and 'HTTP_PROXY' not in env and
      'HTTP_X_FORWARDED_FOR' not in env and 'PATH' not in env)
judge('a small answer has its length and a date', 'content-length' in fields and 'date' in fields)
want('a name with an underscore', ask(server, get('/', 'X_Y: 1\r\n')), 400)

have = ask(server, get('/x', method='HEAD'), head_only=True)
judge('HEAD has the length and no body', have[0] == 200 and have[1].get('content-length') == '9')
for status in ('204', '304'):
    have = ask(server, get('/status2?' + status))
    judge(status + ' has no body', have[0] == int(status) and 'content-length' not in have[1])
want('a status', ask(server, get('/status?418')), 418, b'')
have = ask(server, get('/redirect?/there'))
judge('a location is a redirect', have[0] == 302 and have[1].get('location') == '/there')
want('a long answer', ask(server, get('/much?300000')), 200, b'm' * 300000)
have = ask(server, get('/much?300000', version='1.0'))
judge('HTTP/1.0 gets no chunks', have[0] == 200 and have[2] == b'm' * 300000 and 'transfer-encoding' not in have[1])
have = ask(server, get('/declared?300000'))
judge('a declared length is passed on', have[0] == 200 and have[1].get('content-length') == '300000')
want('an exit code after a whole answer is logged only', ask(server, get('/exit?7')), 200, b'whole\n')
judge('with its code', server.logged(r'exit code 7'))
ask(server, get('/stderr'))
judge('standard error is logged line by line, escaped',
      server.logged(r'stderr: one\n') and server.logged(r'stderr: two\\x01\\x1b\[31m\n') and server.logged(r'stderr: three\n'))
judge('requests are told apart', len(set(re.findall(r'Z ([0-9a-f]{12}-\d+) guest.wasm: (?:exit|stderr)', ''.join(server.lines)))) == 2)

# --- what goes wrong ---------------------------------------------------------------------------

want('a trap', ask(server, get('/trap')), 500)
judge('is logged with its backtrace', server.logged(r'trap: unreachable.* at 0x'))
want('a trap before anything was sent', ask(server, get('/trapbuffered')), 500)
want('no answer', ask(server, get('/nothing')), 502)
want('less body than declared', ask(server, get('/short')), 502)
want('more body than declared', ask(server, get('/long')), 502)
for path in ('/traplate', '/shortlate', '/looplate'):
    for version in ('1.1', '1.0'):
        want('%s, HTTP/%s: what is truncated is reset' % (path, version), ask(server, get(path, version=version)), 'reset')
judge('and logged', server.logged('truncated'))
want('an endless loop', ask(server, get('/loop')), 504)
want('a sleep that is too long', ask(server, get('/sleep?60000')), 504)
have = ask(server, get('/grow'))
judge('memory has a limit', have[0] == 200 and 20 <= int(have[2] or b'0') < 32)
for raw in (b'X\n\n', b'X: y\n\n', b'Content-Type: a\nContent-Type: b\n\n', b'Status: 1\n\n', b'Content-Type: a\nX y: b\n\n',
            b'Content-Type: a\nTransfer-Encoding: chunked\n\n0\r\n\r\n', b'Content-Type: a\r\nX: b\rY: c\r\n\r\n',
            b'X: ' + b'a' * 40000):
    want('a bad head is never passed on: %r' % raw[:40],
         ask(server, get('/raw', 'Content-Length: %d\r\n' % len(raw), 'POST').encode() + raw), 502)

# --- bodies --------------------------------------------------------------------------------------

def chunked(data, size):
    out = b''
    for at in range(0, len(data), size):
        part = data[at:at + size]
        out += b'%x\r\n%s\r\n' % (len(part), part)
    return out + b'0\r\n\r\n'


payload = os.urandom(200000)
want('a body with a length', ask(server, get('/echo', 'Content-Length: 200000\r\n', 'POST').encode() + payload), 200, payload)
want('a chunked body', ask(server, get('/echo', 'Transfer-Encoding: chunked\r\n', 'POST').encode() + chunked(payload, 7001)), 200, payload)
want('byte by byte', ask(server, get('/echo1', 'Transfer-Encoding: chunked\r\n', 'POST').encode() + chunked(payload[:500], 1)), 200,
     payload[:500])
c = server.connect()
c.send(get('/echo', 'Transfer-Encoding: chunked\r\n', 'POST'))
for i in range(3):
    time.sleep(0.05)
    c.send(b'3\r\nab%d\r\n' % i)
    c.until(b'ab%d' % i)
c.send(b'0\r\n\r\n')
judge('what the guest has is sent when it waits', c.until(b'0\r\n\r\n') is not None)
c.close()
have = ask(server, get('/count', 'Content-Length: 1048577\r\nExpect: 100-continue\r\n', 'POST'))
want('a declared body that is too large', have, 413)
c = server.connect()
c.send(get('/count', 'Content-Length: 5\r\nExpect: 100-continue\r\n', 'POST'))
judge('100-continue', c.until(b'\r\n\r\n') == b'HTTP/1.1 100 Continue')
want('and then the body', c.send('hello').answer(), 200, b'5 532\n')
c.close()
c = server.connect()
c.send(get('/ignore', 'Content-Length: 5\r\nExpect: 100-continue\r\n', 'POST'))
have = c.answer()
judge('no 100 where nobody reads; the connection ends', have[0] == 200 and have[1].get('connection') == 'close' and c.ended() == 'end')
c.close()
want('a chunked body that is too large', ask(server, get('/count', 'Transfer-Encoding: chunked\r\n', 'POST').encode() +
                                            chunked(b'x' * 1100000, 50000)), 413)
want('bad framing', ask(server, get('/count', 'Transfer-Encoding: chunked\r\n', 'POST').encode() + b'5\r\nhelloX'), 400)
c = server.connect()
want('an unread body', c.send(get('/ignore', 'Content-Length: 5\r\n', 'POST') + 'GET /').answer(), 200, b'did not read\n')
want('is dropped, and what follows it is a request', c.send(get('/next')).answer(), 200, b'hello /next\n')
c.close()
c = server.connect()
c.send(get('/ignore', 'Content-Length: 500000\r\n', 'POST'))
have = c.answer()
judge('a large one ends the connection', have[0] == 200 and c.ended() in ('end', 'reset'))
c.close()

# --- connections -------------------------------------------------------------------------------------

c = server.connect()
for i in range(5):
    want('keep-alive', c.send(get('/%d' % i)).answer(), 200, b'hello /%d\n' % i)
have = c.send(get('/', 'Connection: close\r\n')).answer()
judge('close', have[1].get('connection') == 'close' and c.ended() == 'end')
c.close()
c = server.connect()
c.send(''.join(get('/%d' % i, method='HEAD' if i % 3 == 0 else 'GET') for i in range(300)))
good = all(c.answer(head_only=i % 3 == 0)[0] == 200 for i in range(300))
judge('300 requests at once', good and not c.held)
c.close()
c = server.connect()
c.send(get('/sleep?100') + get('/after') + get('/echo', 'Content-Length: 3\r\n', 'POST') + 'abc' + get('/end'))
judge('pipelined behind one that waits', [c.answer()[2] for _ in range(4)] == [b'slept\n', b'hello /after\n', b'abc', b'hello /end\n'])
c.close()
have = server.connect().send(get('/x', version='1.0')).answer()
judge('HTTP/1.0 ends the connection', have[0] == 200 and have[1].get('connection') == 'close')
c = server.connect()
for byte in get('/slowly', 'X-A: b\r\n').encode():
    c.send(bytes([byte]))
want('a head byte by byte', c.answer(), 200, b'hello /slowly\n')
c.close()
for bad, status in ((b'GET / HTTP/1.1\nHost: a\n\n', 400), (b'GET / HTTP/1.1\r\n\r\n', 400), (b'BAD\r\n', 400), (b'\x16\x03\x01\r\n\r\n', 400),
                    (b'GET / HTTP/2.0\r\n\r\n', 505), (b'GET /' + b'a' * 9000, 414), (b'GET / HTTP/1.1\r\nX: ' + b'a' * 40000, 431),
                    (b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET', 400)):
    c = server.connect()
    if bad.endswith(b'BAD\r\n'):
        c.send(b'BAD\r\n\r\n')
    else:
        c.send(bad)
    want('refused: %r' % bad[:30], c.answer(), status)
    judge('and ended', c.ended() in ('end', 'reset'))
    c.close()
sleepers = [server.connect().send(get('/sleep?300')) for _ in range(20)]
begin = time.monotonic()
want('others run while some sleep', ask(server, get('/x')), 200, b'hello /x\n')
judge('all that sleep wake', all(c.answer()[2] == b'slept\n' for c in sleepers) and time.monotonic() - begin < 5)
for c in sleepers:
    c.close()
c = server.connect().send(get('/sleep?100'))
c.socket.shutdown(socket.SHUT_WR)
want('half-closed is no reason not to answer', c.answer(), 200, b'slept\n')
c.close()
have = server.connect().send(get('/drip')).answer()
want('an answer in parts', have, 200, b'0\n1\n2\n3\n4\n')
judge('is chunked', have[1].get('transfer-encoding') == 'chunked')
for _ in range(20):
    c = server.connect().send(get('/much?3000000'))
    c.more()
    c.close()
want('clients that go away', ask(server, get('/x')), 200, b'hello /x\n')

# --- nothing is left ---------------------------------------------------------------------------------------

for i in range(20):
    want('nobody was here before', ask(server, get('/memory?secret%d' % i)), 200, b'nobody 0\n')
judge('random bytes differ', len({ask(server, get('/random'))[2] for _ in range(10)}) == 10)


def append_some(n, found):
    c = server.connect()
    for _ in range(n):
        found.append(int(c.send(get('/append')).answer()[2]))
    c.close()


pid = server.workers()[0]
descriptors = len(os.listdir('/proc/%d/fd' % pid))
found = []
threads = [threading.Thread(target=append_some, args=(50, found)) for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
judge('a granted folder', os.path.getsize(os.path.join(data, 'log')) == 200 and len(found) == 200)
judge('no descriptor is left open', wait_until(lambda: len(os.listdir('/proc/%d/fd' % pid)) <= descriptors, 5))
judge('the worker is the first one still', not re.search('was ended by signal|ended with', ''.join(server.lines)))
judge('SIGTERM ends it', server.stop() == OK)

# --- limits ---------------------------------------------------------------------------------------------------

server = Server('--max-requests', '2', '--queue', '0')
waiting = [server.connect().send(get('/sleep?1500')) for _ in range(2)]
time.sleep(0.5)
have = ask(server, get('/x'))
want('too many at once', have, 503)
judge('say when to come again', have[1].get('retry-after') == '1')
judge('those that run go on', all(c.answer()[0] == 200 for c in waiting))
want('then there is room', ask(server, get('/x')), 200)
server.stop()

# --- large bodies -------------------------------------------------------------------------------------------------

SIZE = 64 << 20
server = Server('--max-body', '1g', '-W', 'timeout=300s')


def peak(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return int(re.search(r'VmHWM:\s+(\d+)', f.read()).group(1))


def send_much(c, framed):
    part = b'a' * (1 << 20)
    for _ in range(SIZE >> 20):
        c.send(b'100000\r\n' + part + b'\r\n' if framed else part)
    if framed:
        c.send('0\r\n\r\n')


pid = server.workers()[0]
ask(server, get('/count'))
before = peak(pid)
for framed in (False, True):
    c = server.connect()
    c.send(get('/count', 'Transfer-Encoding: chunked\r\n' if framed else 'Content-Length: %d\r\n' % SIZE, 'POST'))
    send_much(c, framed)
    want('64 MiB in', c.answer(), 200, b'%d %d\n' % (SIZE, SIZE * 97))
    c.close()
    c = server.connect()
    status, fields, body = c.send(get('/%s?%d' % ('much' if framed else 'declared', SIZE))).answer()
    judge('64 MiB out', status == 200 and len(body) == SIZE and body.count(b'm') == SIZE)
    c.close()
c = server.connect()
c.send(get('/echo', 'Content-Length: %d\r\n' % SIZE, 'POST'))
writer = threading.Thread(target=send_much, args=(c, False))
writer.start()
status, fields, body = c.answer()
writer.join()
judge('64 MiB in and out', status == 200 and len(body) == SIZE)
c.close()
if 'sanitize' not in MOTE:
    judge('none of it was kept: %d kB more' % (peak(pid) - before), peak(pid) - before < 4096)
server.stop()

# --- workers ---------------------------------------------------------------------------------------------------------

server = Server(workers=2)
judge('two workers', wait_until(lambda: len(server.workers()) == 2))
old = set(server.workers())
for pid in old:
    os.kill(pid, signal.SIGKILL)
judge('dead workers are replaced', wait_until(lambda: len(set(server.workers()) - old) == 2, 20))
judge('and serve', all(ask(server, get('/x'))[0] == 200 for _ in range(20)))
c, idle = server.connect(), server.connect()
c.send(get('/sleep?700'))
time.sleep(0.2)
server.process.send_signal(signal.SIGTERM)
have = c.answer()
judge('what was begun is answered, and the connection ends',
      have[0] == 200 and have[1].get('connection') == 'close' and c.ended() == 'end' and idle.ended() in ('end', 'reset'))
judge('then it is over', server.process.wait(PATIENCE) == OK)
server = Server(workers=2)
c = server.connect().send(get('/sleep?20000'))
time.sleep(0.3)
server.process.send_signal(signal.SIGINT)
time.sleep(0.3)
server.process.send_signal(signal.SIGINT)
judge('a second signal ends it at once', server.process.wait(20) == SYSTEM)
judge('as the connection shows', c.ended() in ('end', 'reset'))

# --- words -------------------------------------------------------------------------------------------------------------

server = Server()
taken = mote.run('serve', '--addr', '127.0.0.1:%d' % server.port(), guest)
judge('a port in use', taken.returncode == SYSTEM and b'in use' in taken.stderr, taken)
server.stop()


def refused(claim, code, words, *args):
    have = mote.run('serve', *args)
    judge(claim, have.returncode == code and words.encode() in have.stderr and len(have.stderr.splitlines()) <= 4, have)


def module_file(name, content):
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(content)
    return name


refused('no file', USAGE, 'usage')
refused('two files', USAGE, 'one file', guest, guest)
refused('a missing file', SYSTEM, 'No such file', 'nothing.wasm')
refused('no _start', MODULE, '_start', module_file('empty.wasm', wasm.HEADER))
refused('a bad address', USAGE, 'address', '--addr', 'localhost', guest)
refused('a bad port', USAGE, 'address', '--addr', '127.0.0.1:99999', guest)
refused('no such address', SYSTEM, 'address', '--addr', '198.51.100.1:0', guest)
refused('a bad count', USAGE, '--workers', '--workers', '0', guest)
refused('a bad size', USAGE, '--max-body', '--max-body', 'x', guest)
refused('no such folder', SYSTEM, 'serve: --dir', '--dir', 'nowhere', guest)
refused('a bad key', USAGE, 'serve: -W', '-W', 'timeut=3', guest)
refused('memory that is too small', MODULE, 'memory', '-W', 'max-memory-size=64k', guest)
refused('an unknown option', USAGE, 'did you mean --addr', '--adr=x', guest)

shutil.rmtree(folder, ignore_errors=True)
finish()
