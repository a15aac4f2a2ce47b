"""AssemblyScript: the small programs, by npm's assemblyscript and its wasi-shim."""
import kit

VERSIONS = {}                          # package-lock.json has them


def build(guest):
    """Started beside node_modules, for asc takes a configuration's paths as relative."""
    modules = kit.npm(guest.out, guest.here)
    kit.run([kit.tool("node", "nodejs"), "node_modules/assemblyscript/bin/asc.js", guest.here / "tour.ts", "-O2",
             "--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json", "-o", guest.wasm],
            cwd=modules.parent)
