"""Contestants that misbehave, for tests/lab/study.py; the variable LAB_CONTESTANTS names this
folder."""

import sys

from study.contestants import Contestant, first_line
from study.contestants.native import Native

WRONG = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"nope\\n")
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


class Hangs(Contestant):
    name = "hangs"
    limit_ms = 1500

    def start(self, at):
        return ["sleep", "1000"]


class Crashes(Contestant):
    name = "crashes"

    def start(self, at):
        return ["sh", "-c", "echo out of luck >&2; exit 3"]


class Wrong(Contestant):
    name = "wrong"

    def start(self, at):
        return [sys.executable, "-c", WRONG, at.listen, at.port]


class Unknown(Native):
    """Serves well, leaves a process behind that nobody waits for, and says no version."""
    name = "unknown"
    commands = False

    def version(self):
        return first_line(["sh", "-c", "echo nothing to say"])

    def start(self, at):
        return ["sh", "-c", 'setsid sleep 1000 & exec "$@"', "sh", *super().start(at)]


ALL = [Hangs(), Crashes(), Wrong(), Unknown()]
