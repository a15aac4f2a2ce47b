"""server.py - the data job in Python, served by the standard library.  server.py ADDRESS PORT"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNT = 10_000_000

try:
    import numpy
except ImportError:
    numpy = None


def numbers():
    """The generator's step is a function of the last number, so it stays a loop."""
    x = 1
    for _ in range(COUNT):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        yield x >> 22


def vector():
    if numpy is not None:
        v = numpy.fromiter(numbers(), numpy.float64, COUNT)
        total, v = v.sum(), v - 512
        return total, (v * v).sum(), (v[1:] * v[:-1]).sum()
    v = list(numbers())
    total, v = sum(v), [value - 512 for value in v]
    return total, sum(value * value for value in v), sum(map(lambda a, b: a * b, v[1:], v))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = "{:.0f} {:.0f} {:.0f}\n".format(*vector()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
