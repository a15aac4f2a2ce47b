"""CPython 3.12: a ready command with its standard library inside, from npm."""
import shutil

import kit

VERSIONS = {}                          # package-lock.json has them


def build(guest):
    modules = kit.npm(guest.out, guest.here)
    shutil.copyfile(modules / "@antonz" / "python-wasi" / "dist" / "python.wasm", guest.wasm)
