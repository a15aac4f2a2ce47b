"""kit.py - what the folders' build.py share: commands, tools, packages of registries.

A build.py has a docstring whose first line names the guest, VERSIONS (what it takes from
registries; a new version builds again) and build(guest), which makes guest.wasm or raises
Missing (this machine lacks something: the guest is skipped) or Failed. Everything that is
fetched or built lies under the folder of the output:
    NAME.wasm   work/NAME/   packages/   sources/"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

GUESTS = Path(__file__).resolve().parent
CLANG = os.environ.get("CLANG", "clang-19")
WASI_LIBC = Path("/usr/lib/wasm32-wasi")

# For programs of Unix: what wasi-libc emulates, and what guests/posix adds to that.
POSIX = GUESTS / "posix"
POSIX_FLAGS = ["-I", POSIX, "-include", POSIX / "posix.h", "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_MMAN",
               "-D_WASI_EMULATED_GETPID", "-D_WASI_EMULATED_PROCESS_CLOCKS"]
POSIX_LIBS = ["-lwasi-emulated-signal", "-lwasi-emulated-mman", "-lwasi-emulated-getpid",
              "-lwasi-emulated-process-clocks"]
STACK = ["-Wl,--stack-first", "-Wl,-z,stack-size=8388608"]


class Missing(Exception):
    """Why a guest can't be built on this machine."""


class Failed(Exception):
    """Why a build that had all it needs did not succeed."""


# ---- commands ---------------------------------------------------------------------

def run(command, cwd=None, env=None, error=Failed):
    """Runs a command, silently. A failure raises error with the first line that tells."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()] or ["no output"]
        telling = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise error(f"{Path(words[0]).name}: status {done.returncode}: {telling[:300]}")
    return done.stdout


def tool(name, package):
    """The path of a program."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"no {name} on PATH (package {package})")
    return found


def require(path, package):
    if not Path(path).exists():
        raise Missing(f"no {path} (package {package})")
    return path


def clang(cxx=False):
    """Debian's clang for wasm32-wasi, with what it links."""
    require(WASI_LIBC / "crt1-command.o", "wasi-libc")
    tool("wasm-ld-19", "lld-19")
    version = CLANG.removeprefix("clang-")
    require(f"/usr/lib/llvm-{version}/lib/clang/{version}/lib/wasi/libclang_rt.builtins-wasm32.a",
            f"libclang-rt-{version}-dev-wasm32")
    return tool(CLANG.replace("clang", "clang++") if cxx else CLANG, CLANG)


def map_jobs(do, things):
    """do(thing) for all, on every core; the first failure is raised."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(do, things))


# ---- packages, each fetched once -----------------------------------------------------

@contextmanager
def once(folder):
    """Yields whether the folder must be filled; it counts as full only when the block ends
    well. One process fills it, others wait."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / (folder.name + ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.parent / (folder.name + ".done")
        if done.exists() and folder.exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield True
        done.touch()


def pip(out, package, version):
    """A folder with a Python package; pip compares what it fetched with the index's hash."""
    folder = out / "packages" / f"pip-{package}-{version}"
    with once(folder) as empty:
        if empty:
            run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "--no-deps", "--only-binary", ":all:", "--target", folder, f"{package}=={version}"], error=Missing)
    return folder


def npm(out, lock_folder):
    """node_modules as a package-lock.json says, which has the hash of every package."""
    words = (lock_folder / "package-lock.json").read_bytes()
    folder = out / "packages" / ("npm-" + lock_folder.name + "-" + hashlib.sha256(words).hexdigest()[:12])
    tool("npm", "npm")
    with once(folder) as empty:
        if empty:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(lock_folder / name, folder)
            run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, error=Missing)
    return folder / "node_modules"


def crate(out, name, version):
    """The source of a crate; cargo compares what it fetched with the index's hash."""
    folder = out / "packages" / f"crate-{name}-{version}"
    cargo = shutil.which("/usr/bin/cargo") or tool("cargo", "cargo-web")
    with once(folder) as empty:
        if empty:
            (folder / "src").mkdir()
            (folder / "src" / "lib.rs").touch()
            (folder / "Cargo.toml").write_text(
                f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n'
                f'[dependencies]\n{name} = "={version}"\n', encoding="utf-8")
            run([cargo, "vendor", "--quiet", "vendor"], cwd=folder, error=Missing)
    return folder / "vendor" / name


def debian_source(out, package):
    """The unpacked source of a Debian package, by an apt configuration of our own, so that
    the system's stays as it is. apt checks the archive's signature and every hash."""
    folder = out / "sources" / package
    with once(folder) as empty:
        if empty:
            fetch_debian_source(folder, package)
    return next(path for path in sorted(folder.glob(package + "-*")) if path.is_dir())


def fetch_debian_source(folder, package):
    tool("dpkg-source", "dpkg-dev")
    state = folder.parent / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    targets = run([tool("apt-get", "apt"), "indextargets", "--format",
                   "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)", "Identifier: Packages"], error=Missing)
    lines = {"deb-src {} {} {}\n".format(*line.split("|")[1:])
             for line in targets.splitlines() if line.startswith("Debian|")}
    if not lines:
        raise Missing("apt knows no Debian archive (apt-get update may help)")
    sources = state / "sources.list"
    sources.write_text("".join(sorted(lines)), encoding="utf-8")
    options = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null",
               "-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::Cache={state}/cache",
               "-o", "APT::Sandbox::User=root"]
    run(["apt-get", *options, "update"], error=Missing)
    run(["apt-get", *options, "source", "--only-source", package], cwd=folder, error=Missing)


# ---- one guest ---------------------------------------------------------------------------

class Guest:
    """One folder of guests/, and where what it builds goes."""

    def __init__(self, name, out):
        self.name, self.out, self.here = name, out, GUESTS / name
        self.wasm = out / (name + ".wasm")
        self.work = out / "work" / name
        self.work.mkdir(parents=True, exist_ok=True)

    def key(self, module):
        """What the result is made of: the folder's files, this file, the versions."""
        state = hashlib.sha256(json.dumps(getattr(module, "VERSIONS", {}), sort_keys=True).encode())
        for path in [Path(__file__), *sorted(POSIX.glob("*.[ch]")), *sorted(self.here.rglob("*"))]:
            if path.is_file() and "__pycache__" not in path.parts:
                state.update(path.name.encode() + b"\0" + path.read_bytes())
        return state.hexdigest()

    def is_fresh(self, module):
        stamp = self.work / "key"
        return self.wasm.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == self.key(module)

    def forget(self):
        self.wasm.unlink(missing_ok=True)

    def remember(self, module):
        if not self.wasm.exists():
            raise Failed("its build.py made no " + self.wasm.name)
        (self.work / "key").write_text(self.key(module), encoding="ascii")

    def compile_objects(self, compiler, sources, flags, env=None):
        """One object per C source, named by its path below the folder that all share."""
        objects = self.work / "objects"
        objects.mkdir(exist_ok=True)

        def compile_one(numbered):
            number, source = numbered
            result = objects / f"{number}-{Path(source).stem}.o"
            run([*compiler, *flags, "-c", source, "-o", result], env=env)
            return result
        return map_jobs(compile_one, enumerate(sources))

    def link(self, compiler, objects, flags=(), env=None):
        """Without -O, or clang starts whatever wasm-opt is on PATH."""
        run([*compiler, *objects, *flags, "-o", self.wasm], env=env)
