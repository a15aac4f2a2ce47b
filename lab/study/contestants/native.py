"""The same C source as a static native program, with a small server around it."""

from study import build
from study.contestants import WORKERS, Contestant, first_line, tool


class Native(Contestant):
    name = "native"
    how = "static C program with a small epoll server, one process per processor; processes live on"
    get = "install clang-19"
    commands = True

    def find(self):
        tool(build.CLANG, self.get)

    def version(self):
        return first_line([build.CLANG, "--version"])

    def build(self, workload):
        return {"build": build.native(workload)[1]}

    def shipped(self, workload):
        return {"program": build.native(workload)[0]}

    def start(self, at):
        return [build.native(at.workload)[0], at.listen, at.port, WORKERS]

    def command(self, at):
        return [build.native(at.workload, "cgi")[0]]


class Fork(Native):
    name = "native, fork"
    how = "the same server, but a process is forked for every request"
    fresh = "process"
    commands = False
    main = False

    def start(self, at):
        return [*super().start(at), "fork"]


ALL = [Native(), Fork()]
