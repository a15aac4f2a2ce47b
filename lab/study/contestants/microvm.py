"""A micro-virtual machine: QEMU's microvm with Debian's cloud kernel and the native program as
the only one besides its init. A tap device in the study's network joins it to its clients.

Whether KVM can boot this kernel, and on which kind of machine, is tried once; where it can't,
an emulated machine stands in, under a name that says so."""

import functools
import json
import os
import subprocess
from pathlib import Path

from common import Unavailable
from study import HERE, build
from study.contestants import WORKERS, Contestant, first_line, tool

GET = "install qemu-system-x86; lab/run --install unpacks Debian's cloud kernel under build/lab/study/kernel"
KERNEL = build.HOST / "kernel"
MODULES = ("drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_mmio", "drivers/virtio/virtio_pci_legacy_dev",
           "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net")
# Kinds of machine and their network device: microvm, else the usual one.
DEVICES = {"microvm": "virtio-net-device", "q35": "virtio-net-pci"}
HOST, GUEST, MAC = "10.204.0.1", "10.204.0.2", "52:54:00:00:00:02"
PROBE_S = {"kvm": 15, "tcg": 60}


def kernel():
    """The kernel's image and the folder of its modules."""
    for top in (KERNEL, Path("/")):
        for image in sorted(top.glob("boot/vmlinuz-*-cloud-amd64"), reverse=True):
            modules = top / "lib" / "modules" / image.name.removeprefix("vmlinuz-") / "kernel"
            if modules.exists():
                return image, modules
    raise Unavailable(f"no cloud kernel ({GET})")


def archive(workload):
    """The machine's file system, an archive that the kernel unpacks into memory."""
    image, modules = kernel()
    folder, out = build.HOST / "vm" / workload.name, build.HOST / "vm" / f"{workload.name}.cpio"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "dev").mkdir(exist_ok=True)
    build.timed_make(folder / "init", [build.CLANG, "-O2", "-static", f'-DWORKERS="{WORKERS}"', HERE / "vm_init.c", "-o", folder / "init"],
                     [HERE / "vm_init.c"])
    for name, contents in workload.files.items():
        (folder / "data" / name).write_bytes(contents)
    script = "cp $2 server; : > modules; for m in $4; do cp $3/$m.ko .; echo /${m##*/}.ko >> modules; done; find . ! -name '*.key' ! -name '*.seconds' | cpio -o -H newc > $5 2>/dev/null"
    program = build.native(workload)[0]
    return build.timed_make(out, ["sh", "-c", f"cd $1 && {script}", "sh", folder, program, modules, " ".join(MODULES), out], [program, image, folder / "init"])


def machine(accelerator, kind, initrd, words):
    """QEMU's words for a machine without anything that is not needed."""
    cpu = {"kvm": "host,migratable=no,-arch-capabilities", "tcg": "max"}[accelerator]
    return [tool("qemu-system-x86_64", GET), "-M", kind, "-accel", accelerator, "-cpu", cpu, "-smp", WORKERS, "-m", "256", "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot", "-kernel", kernel()[0], "-initrd", initrd, "-append", f"quiet reboot=t panic=-1 {words}"]


def probe(accelerator, kind):
    """Why it does not boot, or None. Its init ends the machine at once."""
    from study.workloads import all_workloads
    try:
        words = [str(word) for word in machine(accelerator, kind, archive(all_workloads()[0])[0], "probe=1")]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PROBE_S[accelerator], check=False)
    except subprocess.TimeoutExpired:
        return f"Debian's kernel does not boot on {kind} within {PROBE_S[accelerator]} s"
    except Unavailable as reason:
        return str(reason)
    return None if done.returncode == 0 else f"{kind}: QEMU: status {done.returncode}: {done.stdout.strip()[-160:]}"


@functools.cache
def find_kind(accelerator):
    """The kind of machine that boots, and why none does: one of both is None. Known for as long
    as this machine runs."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    record = build.HOST / "vm" / f"boots-{accelerator}.json"
    if record.exists():
        known = json.loads(record.read_text(encoding="utf-8"))
        if known[0] == boot:
            return known[1:]
    reasons = []
    for kind in DEVICES:
        reason = probe(accelerator, kind)
        if reason is None:
            break
        reasons.append(reason)
    found = [kind, None] if reason is None else [None, "; ".join(reasons)]
    record.write_text(json.dumps([boot, *found]), encoding="utf-8")
    return found


class MicroVM(Contestant):
    name = "microvm"
    how = "QEMU microvm (q35 where that does not boot) with KVM, Debian's cloud kernel, the native program in an initramfs, a tap device; the machine lives on"
    get = GET
    seconds = 2.0
    accelerator = "kvm"
    alone = True

    def find(self):
        tool("qemu-system-x86_64", GET)
        tool("cpio", "install cpio")
        kernel()
        if os.geteuid() != 0:
            raise Unavailable("a tap device needs root")
        self.find_accelerator()

    def find_accelerator(self):
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise Unavailable("no /dev/kvm")
        reason = find_kind("kvm")[1]
        if reason:
            modules = sorted(path.name for path in Path("/sys/module").glob("kvm*"))
            raise Unavailable(f"KVM is here ({', '.join(modules) or 'built in'}), but {reason}")

    def version(self):
        return first_line([tool("qemu-system-x86_64", GET), "--version"]) + ", Linux " + kernel()[0].name.removeprefix("vmlinuz-")

    def build(self, workload):
        return {"build": build.native(workload)[1], "compile": archive(workload)[1]}

    def shipped(self, workload):
        return {"kernel": kernel()[0], "initramfs": archive(workload)[0], "runtime": tool("qemu-system-x86_64", GET)}

    def address(self, at):
        return GUEST

    def load(self, at):
        """The cable; the guest's address is known beforehand, so that nobody waits for ARP."""
        for words in (["tuntap", "add", "tap0", "mode", "tap"], ["address", "add", HOST + "/24", "dev", "tap0"], ["link", "set", "tap0", "up"],
                      ["neigh", "replace", GUEST, "lladdr", MAC, "dev", "tap0", "nud", "permanent"]):
            at.run(["ip", *words])

    def start(self, at):
        kind = find_kind(self.accelerator)[0]
        return [*machine(self.accelerator, kind, archive(at.workload)[0], ""), "-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no",
                "-device", f"{DEVICES[kind]},netdev=net,mac={MAC}"]


class Emulated(MicroVM):
    name = "microvm, emulated"
    how = "the same machine without KVM, for KVM does not work here: every instruction is emulated, so its speed says nothing of microvm's"
    accelerator = "tcg"
    limit_ms = 90000
    main = False
    seconds = 8.0

    def find_accelerator(self):
        if os.access("/dev/kvm", os.R_OK | os.W_OK) and find_kind("kvm")[0]:
            raise Unavailable("not needed: KVM works")
        if find_kind("tcg")[1]:
            raise Unavailable(find_kind("tcg")[1])


ALL = [MicroVM(), Emulated()]
