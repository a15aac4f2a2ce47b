#!/usr/bin/env python3
"""What two servers in a row might understand differently: refused, each, and the connection
ends, so that nothing behind it is ever taken for a request. And what a program could do to
an answer's head.

usage: smuggling.py MOTE MOTE_COMPILE GUEST.C
"""
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
from command import OK, Command, finish, judge, skip  # noqa: E402

MOTE, COMPILER, SOURCE = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:4])
CLANG = shutil.which(os.environ.get('CLANG', 'clang-19'))
PATIENCE = 120
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
process = mote.start('serve', '--addr', '127.0.0.1:0', '--workers', '1', guest, stderr=subprocess.PIPE,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
lines = []


def read_log():
    for line in process.stderr:
        lines.append(line.decode(errors='replace'))


threading.Thread(target=read_log, daemon=True).start()
port = None
end = time.monotonic() + PATIENCE
while not port and process.poll() is None and time.monotonic() < end:
    found = re.search(r'http://127\.0\.0\.1:(\d+)/', ''.join(lines))
    port = found and int(found.group(1))
    time.sleep(0.02)
if not judge('the server starts', port):
    print(''.join(lines))
    finish()


def exchange(data):
    """All that comes until the other end is done; it is told that nothing more will be sent."""
    held = b''
    with socket.create_connection(('127.0.0.1', port), timeout=PATIENCE) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while True:
                more = s.recv(1 << 16)
                if not more:
                    return held
                held += more
        except ConnectionError:
            return held


def answers(held):
    """Statuses in order; the guest's bodies have no such line."""
    return [int(word) for word in re.findall(rb'HTTP/1\.1 (\d{3}) ', held)]


HOST = b'Host: a\r\n'
NEXT = b'GET /smuggled HTTP/1.1\r\n' + HOST + b'\r\n'
GET = b'GET /x HTTP/1.1\r\n' + HOST
POST = b'POST /echo HTTP/1.1\r\n' + HOST
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n'
LENGTH = POST + b'Content-Length: 5\r\n'

# --- refused: one answer, and nothing of what follows is read as a request ---------------------

REFUSED = (
    # both lengths
    (LENGTH + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (CHUNKED + b'Content-Length: 5\r\n\r\n0\r\n\r\n', 400),
    (CHUNKED + b'Content-Length: 0\r\n\r\n0\r\n\r\n', 400),
    (CHUNKED + b'content-length: 5\r\n\r\n0\r\n\r\n', 400),
    (LENGTH + b'Transfer-Encoding: identity\r\n\r\nhello', 501),
    (LENGTH + b'Transfer-Encoding:\r\n\r\nhello', 501),
    # other codings, or chunked in disguise
    (POST + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: identity\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 501),
    (CHUNKED + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (CHUNKED + b'Transfer-Encoding: identity\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b' Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer-Encoding: chun\x80ked\r\n\r\n0\r\n\r\n', 501),
    (POST + b'Transfer-Encoding: chunked\rX: y\r\n\r\n0\r\n\r\n', 400),
    (POST + b'X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (POST + b'Transfer_Encoding: chunked\r\n\r\n', 400),
    (b'POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST /echo HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    # lengths
    (LENGTH + b'Content-Length: 5\r\n\r\nhello', 400),
    (LENGTH + b'Content-Length: 6\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5, 5\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5,6\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5 5\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5;\r\n\r\nhello', 400),
    (POST + b'Content-Length: +5\r\n\r\nhello', 400),
    (POST + b'Content-Length: -5\r\n\r\nhello', 400),
    (POST + b'Content-Length: 0x5\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5.0\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5e0\r\n\r\nhello', 400),
    (POST + b'Content-Length: five\r\n\r\nhello', 400),
    (POST + b'Content-Length: "5"\r\n\r\nhello', 400),
    (POST + b'Content-Length:\r\n\r\nhello', 400),
    (POST + b'Content-Length : 5\r\n\r\nhello', 400),
    (POST + b'Content-Length: 5\x0b\r\n\r\nhello', 400),
    (POST + b'Content-Length: \xb5\r\n\r\nhello', 400),
    (POST + b'Content-Length: 18446744073709551621\r\n\r\nhello', 413), # 5, modulo 2^64
    (POST + b'Content-Length: 4294967301000000\r\n\r\nhello', 413),
    (POST + b'Content_Length: 5\r\n\r\n', 400),
    # line ends, folding, blanks
    (b'GET /x HTTP/1.1\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a\n\r\n', 400),
    (GET + b'X: y\n\n', 400),
    (GET + b'X: y\r\n\n', 400),
    (GET + b'\n', 400),
    (GET + b'X: y\r\r\n\r\n', 400),
    (GET + b'X: y\r\n z\r\n\r\n', 400),
    (GET + b'X: y\r\n\tz\r\n\r\n', 400),
    (GET + b'X: y\r\n \r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\n Host: a\r\n\r\n', 400),
    (GET + b'X : y\r\n\r\n', 400),
    (GET + b'X\r\n\r\n', 400),
    (GET + b': y\r\n\r\n', 400),
    (GET + b'\x00: y\r\n\r\n', 400),
    (GET + b'X: \x00\r\n\r\n', 400),
    (GET + b'X: \x7f\r\n\r\n', 400),
    (GET + b'X\xff: y\r\n\r\n', 400),
    (GET + b'X(Y): z\r\n\r\n', 400),
    (b'\nGET /x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'\rGET /x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b' GET /x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    # the request line
    (b'GET  /x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x  HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/1.1 \r\n' + HOST + b'\r\n', 400),
    (b'GET\t/x\tHTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x y HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x\x0bHTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/1.1\rHost: a\r\n\r\n', 400),
    (b'GET /x\r HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /\x00 HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /\x7f HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /\xc3\xa4 HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x#y HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x\r\n' + HOST + b'\r\n', 400),
    (b'GET\r\n\r\n', 400),
    (b'GET x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET * HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GE(T /x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x http/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/1.1x\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/+1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/01.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/1.10\r\n' + HOST + b'\r\n', 400),
    (b'GET /x HTTP/0.9\r\n' + HOST + b'\r\n', 505),
    (b'GET /x HTTP/2.0\r\n' + HOST + b'\r\n', 505),
    (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
    (b'CONNECT a:80 HTTP/1.1\r\n' + HOST + b'\r\n', 501),
    (b'TRACE /x HTTP/1.1\r\n' + HOST + b'\r\n', 501),
    (b'GET /%zz HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /%00 HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET /% HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    # hosts
    (b'GET /x HTTP/1.1\r\n\r\n', 400),
    (GET + HOST + b'\r\n', 400),
    (GET + b'Host: b\r\n\r\n', 400),
    (GET + b'hOST: a\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a, b\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a b\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a?b\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: u@a\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a:b\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a:80:81\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a\\b\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: [::1\r\n\r\n', 400),
    (b'GET /x HTTP/1.1\r\nHost: a\xff\r\n\r\n', 400),
    (b'GET http://b/x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET http://a:81/x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET http://u@a/x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET http:///x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET http://a HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET http:/a/x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET ftp://a/x HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    (b'GET //a/x@b: HTTP/1.0 HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    # names that would be one variable
    (GET + b'X_Y: z\r\n\r\n', 400),
    (GET + b'X.Y: z\r\n\r\n', 400),
    # expectations, types
    (LENGTH + b'Expect: 100-continued\r\n\r\nhello', 417),
    (LENGTH + b'Expect: 100-continue, x\r\n\r\nhello', 417),
    (LENGTH + b'Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nhello', 400),
    (GET + b'Authorization: a\r\nAuthorization: b\r\n\r\n', 400),
    (GET + b'Connection: close x\r\n\r\n', 400),
)

# --- bodies that break off: framing that is bad ends them, whatever the program has answered -----

BAD_CHUNKS = (
    b'\r\n\r\n', b'x\r\n', b'g\r\n', b'-1\r\nx\r\n', b'+5\r\nhello\r\n', b'0x5\r\nhello\r\n', b' 5\r\nhello\r\n', b'5 \r\nhello\r\n',
    b'5\t\r\nhello\r\n', b'5\nhello\r\n', b'5\r\nhello\n', b'5\r\nhelloX', b'5\r\nhello\r\r\n', b'5\rX\nhello\r\n', b'5,5\r\nhello\r\n',
    b'5;x\nhello\r\n', b'5;x\x00\r\nhello\r\n', b'5;x\rX\r\nhello\r\n', b'5;' + b'x' * 300 + b'\r\nhello\r\n', b'0' * 300 + b'5\r\nhello\r\n',
    b'5\r\nhello\r\n0\r\n : y\r\n\r\n', b'5\r\nhello\r\n0\r\nX: y\n\r\n', b'5\r\nhello\r\n0\r\nX: \x00\r\n\r\n', b'5\r\nhello\r\n0\n\n',
    b'5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1: x\r\n\r\n', b'0\r\nX\r\n\r\n', b'0\r\n:x\r\n\r\n', b'0\r\nX : y\r\n\r\n', b'0\r\nX: y\r\n z\r\n\r\n',
    b'5\r\nhello\r\n0\r\n\n', b'5\r\nhello\r\n0\r\n\rX',
)
TOO_LARGE = (b'fffffffffffffffff\r\n', b'10000000000000005\r\nhello\r\n', b'ffffffffffffffff\r\nhello\r\n')

# --- understood in one way ------------------------------------------------------------------------

TAKEN = (
    (LENGTH + b'\r\nhello', [200], b'hello'),
    (CHUNKED + b'\r\n5\r\nhello\r\n0\r\n\r\n', [200], b'hello'),
    (POST + b'TRANSFER-ENCODING:\t ChUnKeD \t\r\n\r\n05;a="b;c"\r\nhello\r\n000\r\nX: y\r\n\r\n', [200], b'hello'),
    (POST + b'Content-Length: 0005\r\n\r\nhello', [200], b'hello'),
    (GET + b'Content-Length: 5\r\n\r\nGET /', [200], b''),
    (GET + b'Content-Length: %d\r\n\r\n' % len(NEXT) + NEXT, [200], b''),
    (CHUNKED + b'\r\n%x\r\n' % len(NEXT) + NEXT + b'\r\n0\r\n\r\n', [200], NEXT),
    (b'\r\n\r\n' + GET + b'\r\n', [200], b'hello /x'),
    (b'GET http://A/x HTTP/1.1\r\n' + HOST + b'\r\n', [200], b'hello /x'),
    (b'GET //b/x HTTP/1.1\r\n' + HOST + b'\r\n', [200], b'hello //b/x'),
    (b'GET /x HTTP/1.1\r\nHost:\r\n\r\n', [200], b'hello /x'),
    (GET + b'Connection: Host, Content-Length, close\r\n\r\n', [200], b'hello /x'),
    (GET + b'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n\r\n', [200], b'hello /x'),
)

# --- what a program prints -------------------------------------------------------------------------

HEADS = (
    b'X\n\nbody', b'X y: z\n\nbody', b'X : y\nContent-Type: a/b\n\nbody', b': y\nContent-Type: a/b\n\nbody', b'Content-Type: a/b\n x\n\nbody',
    b'Content-Type: a/b\r\n\tx\r\n\r\nbody', b'Content-Type: a/b\rX: y\n\nbody', b'Content-Type: a/b\r\r\n\r\nbody', b'Content-Type: a\x00b\n\nbody',
    b'Content-Type: a\x01b\n\nbody', b'Content-Type: a\x7fb\n\nbody', b'X\x00Y: z\nContent-Type: a/b\n\nbody', b'X\xff: z\nContent-Type: a/b\n\nbody',
    b'X(: z\nContent-Type: a/b\n\nbody', b'Status: 200 OK\rX: y\n\nbody', b'Status: 99\n\nbody', b'Status: 100\n\nbody', b'Status: 101 Up\n\nbody',
    b'Status: 600\n\nbody', b'Status: 20\n\nbody', b'Status: 2000\n\nbody', b'Status: +200\n\nbody', b'Status: 200\nStatus: 200\n\nbody',
    b'HTTP/1.1 200 OK\nContent-Type: a/b\n\nbody', b'Content-Type: a/b\nContent-Type: c/d\n\nbody', b'Location: /x\nLocation: /y\n\nbody',
    b'Location:\n\nbody', b'Content-Type: a/b\nTransfer-Encoding: chunked\n\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    b'Content-Type: a/b\nTransfer-Encoding: identity\n\nbody', b'Content-Type: a/b\nContent-Length: 4\nContent-Length: 4\n\nbody',
    b'Content-Type: a/b\nContent-Length: 4, 4\n\nbody', b'Content-Type: a/b\nContent-Length: +4\n\nbody', b'Content-Type: a/b\nContent-Length: -4\n\nbody',
    b'Content-Type: a/b\nContent-Length: 0x4\n\nbody', b'Content-Type: a/b\nContent-Length:\n\nbody', b'Content-Type: a/b\nContent-Length: 3\n\nbody',
    b'Content-Type: a/b\nContent-Length: 5\n\nbody', b'\nbody', b'\r\n\r\nbody', b'X: y\n\nbody', b'', b'Content-Type: a/b', b'Content-Type: a/b\n',
    b'X: y\n' * 120 + b'Content-Type: a/b\n\nbody', b'X: ' + b'y' * 40000 + b'\nContent-Type: a/b\n\nbody',
)


def show(data):
    return repr(data if len(data) < 120 else data[:110] + b'...')


for data, status in REFUSED:
    have = exchange(data + NEXT)
    judge('%s: %s, and nothing behind it: %s' % (show(data), status, show(have)),
          answers(have) == [status] and b'smuggled' not in have and re.search(rb'\r\nConnection: close\r\n', have))
for status, bodies in ((400, BAD_CHUNKS), (413, TOO_LARGE)):
    for body in bodies:
        for path in (b'/count', b'/ignore'):
            have = exchange(CHUNKED.replace(b'/echo', path) + b'\r\n' + body + NEXT)
            wanted = (status,) if path == b'/count' else (status, 200)
            judge('%s to %s: %s' % (show(body), path, show(have)),
                  len(answers(have)) == 1 and answers(have)[0] in wanted and b'smuggled' not in have)
for data, statuses, body in TAKEN:
    have = exchange(data)
    judge('%s: %s and %s: %s' % (show(data), statuses, body, show(have)), answers(have) == statuses and body in have)
for head in HEADS:
    have = exchange(b'POST /raw HTTP/1.1\r\n' + HOST + b'Content-Length: %d\r\n\r\n' % len(head) + head)
    judge('a program that prints %s: 502: %s' % (show(head), show(have)), answers(have) == [502] and b'body' not in have)
have = exchange(b'GET /redirect?/a%0d%0aX:y HTTP/1.1\r\n' + HOST + b'\r\n')
judge('escapes stay escapes', answers(have) == [302] and b'\r\nLocation: /a%0d%0aX:y\r\n' in have)

have = exchange(GET + b'\r\n')
judge('after all that it serves', answers(have) == [200])
judge('and it was one worker', not re.search('was ended by|ended with', ''.join(lines)))
process.send_signal(signal.SIGTERM)
judge('and ends', process.wait(PATIENCE) == OK)
shutil.rmtree(folder)
finish()
