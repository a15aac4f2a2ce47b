"""network.py - where a contestant and its clients meet: in network namespaces made for the
run, so that nothing of this host's rules is touched or measured.

path        loopback   server and client in one namespace
            veth       each in its own, a pair of virtual cables between
firewall    off        no rule
            on         a realistic set of rules without state: what is not wanted is dropped
            tracked    the same with connection tracking and counters

Without the right to make namespaces all is measured on this host's loopback, with its rules."""

import os
import socket
import subprocess
from pathlib import Path

from common import Unavailable
from study import cgroup

PREFIX = "motelab-"
SERVER, CLIENT = "10.203.0.1", "10.203.0.2"
PORT = 8080

# What a cautious operator of one service has: known ports, known networks, limits, a set of
# addresses to refuse. {state} is empty, or accepts by connection tracking.
RULES = """
table inet study {{
    set refused {{ type ipv4_addr; flags interval; elements = {{ {refused} }} }}
    chain input {{
        type filter hook input priority filter; policy drop;
        {state}
        ip saddr @refused counter drop
        meta l4proto icmp limit rate 10/second accept
        tcp dport {{ 22, 80, 443, 8080-8099, 9090 }} ip saddr {{ 10.0.0.0/8, 127.0.0.0/8, 192.168.0.0/16 }} counter accept
        tcp sport {{ 80, 443, 8080-8099 }} {established} counter accept
        udp dport {{ 53, 123 }} accept
        tcp flags & (fin|syn|rst|ack) == syn limit rate 50000/second counter accept
        {rest}
    }}
    chain output {{
        type filter hook output priority filter; policy accept;
        {state}
        tcp dport {{ 25, 465, 587 }} counter drop
    }}
}}
"""
TRACKED = "ct state invalid drop; ct state established,related counter accept"


def rules(firewall):
    tracked = firewall == "tracked"
    return RULES.format(refused=", ".join(f"203.0.{n}.0/24" for n in range(2, 202, 2)), state=TRACKED if tracked else "",
                        established="ct state established" if tracked else "tcp flags & ack == ack",
                        rest='counter comment "the rest"')


def why_not():
    """Why namespaces can't be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool, package in (("ip", "iproute2"), ("nsenter", "util-linux")):
        if not any((Path(folder) / tool).exists() for folder in os.environ.get("PATH", "").split(":")):
            return f"{tool} is not on PATH (package {package})"
    return None


def ip(*words):
    done = subprocess.run(["ip", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"ip {' '.join(words)}: {done.stdout.strip()}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Network:
    """A place for one session. Made when it begins, gone when it ends."""

    def __init__(self, path="loopback", firewall="off"):
        self.path, self.firewall, self.names = path, firewall, []
        self.address, self.port, self.why_host = "127.0.0.1", PORT, why_not()
        if self.why_host:
            if (path, firewall) != ("loopback", "off"):
                raise Unavailable(self.why_host)
            self.port = free_port()
            return
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    def _make(self):
        self._add("server")
        if self.path == "veth":
            self._add("client")
            ip("link", "add", "study0", "netns", self.names[0], "type", "veth", "peer", "name", "study1", "netns", self.names[1])
            for name, device, address in ((self.names[0], "study0", SERVER), (self.names[1], "study1", CLIENT)):
                ip("-n", name, "address", "add", address + "/24", "dev", device)
                ip("-n", name, "link", "set", device, "up")
            self.address = SERVER
        if self.firewall != "off":
            for name in self.names:
                done = subprocess.run(self.inside(name) + ["nft", "-f", "-"], input=rules(self.firewall), text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
                if done.returncode != 0:
                    raise Unavailable(f"nft: {done.stdout.strip()[:200]}")

    def _add(self, role):
        name = f"{PREFIX}{cgroup.owner()}-{role}"
        ip("netns", "add", name)
        self.names.append(name)
        ip("-n", name, "link", "set", "lo", "up")

    @staticmethod
    def inside(name):
        return ["nsenter", f"--net=/run/netns/{name}"]

    def file(self):
        return f"/run/netns/{self.names[0]}" if self.names else None

    def client_file(self):
        return f"/run/netns/{self.names[-1]}" if self.names else None

    def client(self):
        """What a client's command begins with."""
        return self.inside(self.names[-1]) if self.names else []

    def server(self):
        return self.inside(self.names[0]) if self.names else []

    def remove(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        self.names = []


def leftovers():
    folder = Path("/run/netns")
    return sorted(path.name for path in folder.glob(PREFIX + "*")) if folder.exists() else []
