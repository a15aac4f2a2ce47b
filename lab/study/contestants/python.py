"""Python: the data job as its users would write it, with the standard library's server."""

import sys

from study import build
from study.contestants import Contestant


class Python(Contestant):
    name = "python"
    how = "the job in Python (with NumPy where it is installed) under http.server; one process that lives on"
    get = "install python3"

    def version(self):
        return "Python " + sys.version.split()[0]

    def lacks(self, workload):
        return None if workload.name == "vector" else "asked for the data job only"

    def shipped(self, workload):
        return {}

    def start(self, at):
        return [sys.executable, build.FRONT / "server.py", at.listen, at.port]


ALL = [Python()]
