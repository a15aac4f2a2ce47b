"""wasm.py - small modules made by hand, for tests that need bytes and no tool."""

I32, I64, F32, F64, V128, EXTERNREF = b'\x7f', b'\x7e', b'\x7d', b'\x7c', b'\x7b', b'\x6f'
HEADER = b'\0asm\1\0\0\0'
UNREACHABLE, END, DROP = b'\x00', b'\x0b', b'\x1a'


def leb(n):
    """Unsigned LEB128."""
    out = bytearray()
    while True:
        out.append(n & 0x7f | (0x80 if n > 0x7f else 0))
        n >>= 7
        if not n:
            return bytes(out)


def vec(items):
    return leb(len(items)) + b''.join(items)


def name(text):
    data = text.encode()
    return leb(len(data)) + data


def section(code, contents):
    return bytes([code]) + leb(len(contents)) + contents


def functype(params, results):
    return b'\x60' + vec(params) + vec(results)


def get(i):
    return b'\x20' + leb(i)


def call(i):
    return b'\x10' + leb(i)


def module(funcs, imports=(), memory=None, start=None, names=True):
    """funcs: (export name or '', params, results, body without end);
    imports: (module, name, params, results); memory: its limits' bytes, exported."""
    types = [functype(i[2], i[3]) for i in imports] + [functype(f[1], f[2]) for f in funcs]
    first = len(imports)
    exports = [name(f[0]) + b'\0' + leb(first + i) for i, f in enumerate(funcs) if f[0]]
    out = HEADER + section(1, vec(types))
    if imports:
        out += section(2, vec([name(i[0]) + name(i[1]) + b'\0' + leb(k) for k, i in enumerate(imports)]))
    out += section(3, vec([leb(first + i) for i in range(len(funcs))]))
    if memory:
        out += section(5, vec([memory]))
        exports.append(name('memory') + b'\2\0')
    out += section(7, vec(exports))
    if start is not None:
        out += section(8, leb(start))
    bodies = [b'\0' + f[3] + END for f in funcs]
    out += section(10, vec([leb(len(b)) + b for b in bodies]))
    if names:
        table = vec([leb(first + i) + name(f[0] or 'f%d' % i) for i, f in enumerate(funcs)])
        out += section(0, name('name') + section(1, table))
    return out


def const(n):
    """i32.const"""
    out = bytearray(b'\x41')
    while True:
        byte = n & 0x7f
        n >>= 7
        if (n == 0 and not byte & 0x40) or (n == -1 and byte & 0x40):
            return bytes(out + bytes([byte]))
        out.append(byte | 0x80)


def const64(n):
    return b'\x42' + const(n)[1:]


def load(at):
    """i32.load of an address"""
    return const(at) + b'\x28\2\0'


def store(at, value):
    """value: instructions that leave an i32"""
    return const(at) + value + b'\x36\2\0'


def text_at(at, text):
    """Puts bytes into memory, four at once."""
    data = text.encode()
    data += b'\0' * (-len(data) % 4)
    return b''.join(store(at + i, const(int.from_bytes(data[i:i + 4], 'little', signed=True)))
                    for i in range(0, len(data), 4))


# WASI functions, as imports of module(): call(0) is the first, and so on.
WASI = 'wasi_snapshot_preview1'
PREVIEW1 = [(WASI, n, [I64 if c == 'l' else I32 for c in p], [] if n == 'proc_exit' else [I32]) for n, p in (
    ('args_sizes_get', 'ii'), ('args_get', 'ii'), ('environ_sizes_get', 'ii'), ('environ_get', 'ii'),
    ('fd_write', 'iiii'), ('proc_exit', 'i'), ('fd_prestat_get', 'ii'), ('fd_prestat_dir_name', 'iii'),
    ('path_open', 'iiiiillii'), ('fd_read', 'iiii'), ('sock_accept', 'iii'))]
PLACE = {entry[1]: i for i, entry in enumerate(PREVIEW1)}


def wasi(what, *args):
    """args: instructions; leaves an errno"""
    return b''.join(args) + call(PLACE[what])


def write_out(at, length):
    """fd_write of memory to standard output; the iovec lies at 8; leaves an errno"""
    return store(8, const(at)) + store(12, length) + wasi('fd_write', const(1), const(8), const(1), const(4))


def program(body):
    """A command of preview 1 with a page of memory."""
    return module([('_start', [], [], body)], imports=PREVIEW1, memory=b'\0\1')
