"""SQLite: its shell on files, from Debian's source, by clang."""
import kit

VERSIONS = {"clang": kit.CLANG}
FLAGS = ["-O2", "-w", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL",
         '-DSQLITE_DEFAULT_UNIX_VFS="unix-none"', "-DSQLITE_MAX_MMAP_SIZE=0", "-DSQLITE_OMIT_POPEN",
         "-DSQLITE_TEMP_STORE=3", "-DSQLITE_NOHAVE_SYSTEM"]


def amalgamate(guest, compiler):
    """SQLite's one-file form and the shell, which its own makefile makes with tclsh."""
    source = kit.debian_source(guest.out, "sqlite3")
    folder = guest.out / "sources" / "sqlite3-amalgamation"
    kit.tool("tclsh", "tcl")
    with kit.once(folder) as empty:
        if empty:
            kit.run([kit.tool("make", "make"), "-s", "-f", source / "Makefile.linux-gcc", f"TOP={source}",
                     f"BCC={compiler} -O1", "sqlite3.c", "shell.c"], cwd=folder)
    return folder


def build(guest):
    compiler = [kit.clang(), "--target=wasm32-wasi"]
    folder = amalgamate(guest, compiler[0])
    objects = guest.compile_objects(compiler, [folder / "sqlite3.c", folder / "shell.c", kit.POSIX / "posix.c"],
                                    [*FLAGS, *kit.POSIX_FLAGS, "-I", folder])
    guest.link(compiler, objects, [*kit.POSIX_LIBS, *kit.STACK, "-Wl,--strip-debug"])
