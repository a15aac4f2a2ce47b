"""machine.py - what machine this is, and whether something else uses it."""

import os
import platform
import time
from pathlib import Path

BUSY, SLOW = 0.10, 1.25                # beyond these a moment counts as disturbed


def first(path, name):
    try:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def describe():
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line)
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "processor": first("/proc/cpuinfo", "model name"),
        "processors": os.cpu_count(),
        "memory": int(first("/proc/meminfo", "MemTotal").split()[0]) * 1024,
        "virtual": "hypervisor" in first("/proc/cpuinfo", "flags").split(),
        "frequency governor": governor.read_text(encoding="ascii").strip() if governor.exists() else "not told",
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", "").strip('"'),
        "kvm": os.access("/dev/kvm", os.R_OK | os.W_OK),
    }


def in_words(machine):
    return (f"{machine['processors']} {'virtual ' if machine['virtual'] else ''}processors ({machine['processor']}), "
            f"{machine['memory'] / 2**30:.0f} GiB of memory, Linux {machine['kernel']}, {machine['system']}")


def ticks():
    """(all, idle) of all processors since the start."""
    words = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return sum(words), words[3] + words[4]


def look(seconds=0.1):
    """While the lab itself does nothing: the part of the processors' time that others take, and
    how long a fixed piece of work takes, in microseconds."""
    total, idle = ticks()
    time.sleep(seconds)
    more, still = ticks()
    begin = time.perf_counter()
    sum(n * n for n in range(100000))
    return {"busy": round(1 - (still - idle) / max(1, more - total), 3), "work_us": round((time.perf_counter() - begin) * 1e6), "load": os.getloadavg()[0]}


def judge(looks):
    """Whether the run was disturbed: {"noisy", "busy", "slow", "n"}, parts of all looks."""
    if not looks:
        return {"noisy": False, "busy": 0.0, "slow": 0.0, "n": 0}
    best = sorted(look["work_us"] for look in looks)[len(looks) // 10]
    busy = sum(look["busy"] > BUSY for look in looks) / len(looks)
    slow = sum(look["work_us"] > SLOW * best for look in looks) / len(looks)
    return {"noisy": busy > 0.1 or slow > 0.1, "busy": busy, "slow": slow, "n": len(looks)}
