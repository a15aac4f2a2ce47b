"""many.py - many small programs of preview 1, each with code of its own, for tests of servers of many functions.

Function n answers "<name of n> <body of the request>": the name is made by code that only n has. Before that it
looks whether a request before it left anything behind: in its memory, in a global, on a table's end. Then it says
LEAK in place of its name."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from wasm import I32, PREVIEW1, const, leb, name, section, vec, functype, wasi  # noqa: E402

HEAD = b'Content-Type: text/plain\n\n'
NAME_AT, BODY_AT, MARK_AT = 64, 4096, 70000  # of memory, which has two pages
BODY_MOST = 4000
IF, ELSE, END, OR, EQZ, ADD, XOR = b'\x04\x40', b'\x05', b'\x0b', b'\x72', b'\x45', b'\x6a', b'\x73'


def name_of(n):
    return 'function%08d' % n


def load8(at):
    return const(at) + b'\x2d\0\0'


def store32(at, value):
    return const(at) + value + b'\x36\2\0'


def word(n):
    """n, by instructions that differ from function to function"""
    key = (n * 2654435761) & 0x7fffffff
    turns = b''.join(const((key >> i) & 0xffff) + XOR for i in range(n % 7))
    back = b''.join(const((key >> i) & 0xffff) + XOR for i in range(n % 7))
    return lambda value: const(value ^ key if value ^ key < 1 << 31 else (value ^ key) - (1 << 32)) + const(key) + XOR + turns + back


def program(n):
    """The module's bytes."""
    text = name_of(n).encode()
    made = word(n)
    put = b''.join(store32(NAME_AT + len(HEAD) + i, made(int.from_bytes(text[i:i + 4], 'little'))) for i in range(0, len(text), 4))
    leak = store32(NAME_AT + len(HEAD), const(int.from_bytes(b'LEAK', 'little')))
    get, put_global = b'\x23\0', b'\x24\0'
    body = (put + load8(MARK_AT) + load8(BODY_AT) + OR + get + OR + IF + leak + END +
            store32(MARK_AT, const(-1)) + const(1) + put_global +
            store32(8, const(BODY_AT)) + store32(12, const(BODY_MOST)) +
            wasi('fd_read', const(0), const(8), const(1), const(16)) + b'\x1a' +
            store32(32, const(NAME_AT)) + store32(36, const(len(HEAD) + len(text))) +
            store32(40, const(BODY_AT)) + const(44) + const(16) + b'\x28\2\0' + b'\x36\2\0' +
            wasi('fd_write', const(1), const(32), const(2), const(16)) + b'\x1a')
    return module(body)


def module(body):
    types = [functype(i[2], i[3]) for i in PREVIEW1] + [functype([], [])]
    n = len(PREVIEW1)
    code = b'\0' + body + END
    return (b'\0asm\1\0\0\0' + section(1, vec(types)) +
            section(2, vec([name(i[0]) + name(i[1]) + b'\0' + leb(k) for k, i in enumerate(PREVIEW1)])) +
            section(3, vec([leb(n)])) + section(5, vec([b'\0\2'])) +
            section(6, vec([I32 + b'\1' + const(0) + END])) +
            section(7, vec([name('_start') + b'\0' + leb(n), name('memory') + b'\2\0'])) +
            section(10, vec([leb(len(code)) + code])) +
            section(11, vec([b'\0' + const(NAME_AT) + END + leb(len(HEAD)) + HEAD])))


def write_all(folder, count):
    for n in range(count):
        with open(os.path.join(folder, '%05d.wasm' % n), 'wb') as f:
            f.write(program(n))


if __name__ == '__main__':
    write_all(sys.argv[1], int(sys.argv[2]))
