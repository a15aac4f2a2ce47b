"""Node: the same jobs in JavaScript."""

from study import build
from study.contestants import WORKERS, Contestant, first_line, tool


class Node(Contestant):
    name = "node"
    how = "the job in JavaScript under node:http, node:cluster with one process per processor; processes live on"
    get = "install nodejs"
    commands = True

    def find(self):
        tool("node", self.get)

    def version(self):
        return "Node " + first_line(["node", "--version"])

    def lacks(self, workload):
        return None if workload.script() else "no form of it in JavaScript that says the same"

    def shipped(self, workload):
        return {"runtime": tool("node", self.get), "program": workload.script()}

    def start(self, at):
        return [tool("node", self.get), build.FRONT / "server.mjs", at.workload.script(), at.listen, at.port, WORKERS]

    def command(self, at):
        return [tool("node", self.get), build.FRONT / "server.mjs", at.workload.script()]


ALL = [Node()]
