"""Modules that are large, deep or odd on purpose; for bad_input.py.

each() yields (name, bytes, what is right): 'works', or the words of the limit that refuses it.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'fuzz'))
from differential_wasm import (CODE, DATA, ELEM, EXPORT, FUNCTION, GLOBAL, HEAD, I32, I64, MEMORY, ORDER, TABLE, TYPE, V128,
                               functype, name, sized, u, vec)

MB = 1 << 20
RESULT = b'\x7f'


def module(**sections):
    """Sections by lower-case name; each a list of items, or bytes as they are."""
    ids = {'type': TYPE, 'function': FUNCTION, 'table': TABLE, 'memory': MEMORY, 'global_': GLOBAL, 'export': EXPORT,
           'elem': ELEM, 'code': CODE, 'data': DATA}
    have = {ids[k]: v if isinstance(v, bytes) else vec(v) for k, v in sections.items()}
    return HEAD + b''.join(bytes([i]) + sized(have[i]) for i in ORDER if i in have)


def function(code, params=(), results=(I32,), locals_=(), **more):
    """A module of one exported function "f"."""
    body = sized(vec([u(n) + bytes([t]) for n, t in locals_]) + code + b'\x0b')
    more.setdefault('export', [name('f') + b'\0\0'])
    return module(type=[functype(params, results)], function=[u(0)], code=[body], **more)


def repeat(piece, size, end=b'\x41\x01'):
    """About size bytes of one piece of code, and then what gives the result."""
    return piece * (size // len(piece)) + end


def nested(opener, depth, inside=b'', between=b''):
    return opener * depth + inside + (between + b'\x0b') * depth


ONE_MEMORY = {'memory': [b'\0\1']}
LIMIT = 7654321 - 100  # bytes of a function


def big_functions():
    """One function of seven megabytes, of several sorts."""
    yield 'drops', function(repeat(b'\x41\x01\x1a', LIMIT))
    yield 'adds', function(b'\x20\0' + repeat(b'\x20\0\x6a', LIMIT, b''), params=[I32])
    yield 'dependent arithmetic', function(repeat(b'\x20\0\x41\x03\x6c\x20\1\x73\x21\0\x20\1\x20\0\x6a\x21\1', LIMIT, b'\x20\0'),
                                           params=[I32, I32])
    yield 'loads and stores', function(repeat(b'\x20\0\x20\0\x28\2\0\x36\2\x04', LIMIT), params=[I32], **ONE_MEMORY)
    yield 'branches', function(b'\x02\x40' + repeat(b'\x20\0\x0d\0', LIMIT - 20, b'\x0b\x41\x01'), params=[I32])
    yield 'ifs', function(repeat(b'\x20\0\x04\x40\x20\0\x41\x01\x6a\x21\0\x0b', LIMIT, b'\x20\0'), params=[I32])
    yield 'loops', function(repeat(b'\x03\x40\x20\0\x41\x01\x6b\x22\0\x0d\0\x0b', LIMIT, b'\x20\0'), params=[I32])
    yield 'calls', function(repeat(b'\x20\0\x10\0\x21\0', LIMIT, b'\x20\0'), params=[I32])
    yield 'divisions', function(b'\x20\0' + repeat(b'\x20\1\x6d', LIMIT, b''), params=[I32, I32])
    yield 'deep operands', function(b'\x20\0' * 100000 + b'\x6a' * 99999, params=[I32])
    yield 'too deep operands', function(b'\x20\0' * 100001 + b'\x6a' * 100000, params=[I32])


def each():
    for text, data in big_functions():
        yield '7 MB of ' + text, data, 'operand stack height' if text.startswith('too') else 'works'
    yield 'a function too large', function(repeat(b'\x41\x01\x1a', 8000000)), 'function size in bytes'
    yield '100 MB of data', module(memory=[b'\0' + u(1700)], data=[b'\0\x41\0\x0b' + sized(b'\x5a' * (100 * MB))]), 'works'
    yield '100 MB of a custom section', HEAD + b'\0' + sized(name('big') + bytes(100 * MB)), 'works'
    yield '100 MB of zeros', bytes(100 * MB), 'malformed'
    body = sized(b'\0' + repeat(b'\x41\x01\x1a', 99990, b'\x41\x01') + b'\x0b')
    yield '100 MB of code', module(type=[functype([], [I32])], function=[u(0)] * 1048, code=[body] * 1048), 'works'
    small = sized(b'\0\x20\0\x41\x01\x6a\x0b')
    yield '100,000 functions', module(type=[functype([I32], [I32])], function=[u(0)] * 100000, code=[small] * 100000,
                                      export=[name('f') + b'\0\0']), 'works'
    yield '100,000 exports', module(type=[functype([I32], [I32])], function=[u(0)] * 100000, code=[small] * 100000,
                                    export=[name('f%d' % i) + b'\0' + u(i) for i in range(100000)]), 'works'
    calls = [sized(b'\0\x20\0\x10' + u(max(0, i - 1)) + b'\x10' + u(i // 2) + b'\x0b') for i in range(100000)]
    yield '100,000 functions that call', module(type=[functype([I32], [I32])], function=[u(0)] * 100000, code=calls), 'works'
    yield 'too many functions', module(type=[functype([], [])], function=[u(0)] * 1000001), 'functions'
    for depth in (1000, 99999, 100001):
        right = 'works' if depth < 100000 else 'nested blocks'
        for text, opener, between in (('blocks', b'\x02\x40', b''), ('loops', b'\x03\x40', b''),
                                      ('ifs', b'\x20\0\x04\x40', b'')):
            code = nested(opener, depth, b'\x20\0\x0d\0', between)
            yield '%d nested %s' % (depth, text), function(code + b'\x20\0', params=[I32]), right
    leaving = nested(b'\x02\x40', 1000, b'\x20\0\x0d' + u(999), b'\x20\0\x0d\0')
    yield '1000 blocks that are left', function(leaving + b'\x20\0', params=[I32]), 'works'
    for n in (1000, 1001):
        all_ = b''.join(b'\x20' + u(i) for i in range(n))
        right = 'works' if n == 1000 else 'parameters'
        yield '%d parameters and results' % n, function(all_ + b'\x10\0' + b'', params=[I64] * n, results=[I64] * n), right
        yield '%d vectors' % n, function(all_, params=[V128] * n, results=[V128] * n), right
    for n in (65520, 65521):
        table = b'\x20\0\x0e' + u(n) + b'\0' * n + b'\0'
        yield 'br_table of %d' % n, function(b'\x02\x40' + table + b'\x0b\x41\x01', params=[I32]), \
            'works' if n == 65520 else 'br_table targets'
    table = b'\x20\0\x0e' + u(20000) + b''.join(u(i) for i in range(20000)) + b'\0'
    yield 'br_table to 20000 places', function(nested(b'\x02\x40', 20000, table) + b'\x41\x01', params=[I32]), 'works'
    for n in (49999, 50001):
        use = b''.join(b'\x20' + u(i) + b'\x20' + u((i * 7 + 1) % n) + b'\x6a\x21' + u((i * 3 + 2) % n) for i in range(0, n, 5))
        yield '%d locals' % n, function(use + b'\x20' + u(n - 1), params=[I32], locals_=[(n - 1, I32)]), \
            'works' if n < 50000 else 'locals'
        loop = b'\x03\x40' + use + b'\x20\0\x0d\0\x0b'
        yield '%d locals in a loop' % n, function(loop + b'\x20' + u(n - 1), params=[I32], locals_=[(n - 1, I32)]), \
            'works' if n < 50000 else 'locals'
    yield '50000 vectors as locals', function(b'\x41\x01', locals_=[(50000, V128)]), 'works'
    yield 'four billion locals', function(b'\x41\x01', locals_=[(0xffffffff, I32)]), 'locals'
    yield 'memory of 4 GiB', function(b'\x41\x01', memory=[b'\0' + u(65536)]), 'works'
    yield '100 memories of 4 GiB', function(b'\x41\x01', memory=[b'\0' + u(65536)] * 100), 'works'
    yield '101 memories', function(b'\x41\x01', memory=[b'\0\1'] * 101), 'memories'
    yield '64-bit memory of 2^48 pages', function(b'\x41\x01', memory=[b'\4' + u(1 << 48)]), 'works'
    yield '64-bit memory of 2^20 pages', function(b'\x41\x01', memory=[b'\4' + u(1 << 20)]), 'works'
    yield 'table of 10,000,000', function(b'\x41\x01', table=[b'\x70\0' + u(10000000)]), 'works'
    yield 'table of 10,000,001', function(b'\x41\x01', table=[b'\x70\0' + u(10000001)]), 'initial table elements'
    yield '100 tables of 10,000,000', function(b'\x41\x01', table=[b'\x70\0' + u(10000000)] * 100), 'works'
    yield 'table64 of 2^63', function(b'\x41\x01', table=[b'\x70\4' + u(1 << 63)]), 'initial table elements'
    yield '1,000,000 globals', function(b'\x41\x01', global_=[b'\x7f\1\x41\1\x0b'] * 1000000), 'works'
    yield '100,000 data segments', function(b'\x41\x01', data=[b'\0\x41\0\x0b\1x'] * 100000, **ONE_MEMORY), 'works'
    yield '1,000,000 elements', function(b'\x41\x01', table=[b'\x70\0' + u(1000000)],
                                         elem=[b'\0\x41\0\x0b' + vec([u(0)] * 1000000)]), 'works'
    yield '1,000,000 types', module(type=[functype([], [])] * 1000000), 'works'
    yield 'types in a chain', module(type=[b'\x50\1' + u(i - 1) + functype([], []) if i else b'\x50\0' + functype([], [])
                                           for i in range(65)]), 'subtyping depth'
    yield 'a count of four billion', HEAD + b'\1\5\xff\xff\xff\xff\x0f', 'malformed'
    yield 'a vector instruction chain', function(b'\x20\0' + repeat(b'\x20\0\xfd\xb5\1', 1000000, b''), params=[V128],
                                                 results=[V128]), 'works'
    yield 'shuffles', function(b'\x20\0' + repeat(b'\x20\0\xfd\x0d' + bytes(range(5, 21)), 1000000, b''), params=[V128],
                               results=[V128]), 'works'



if __name__ == '__main__':
    for text, data, right in each():
        print('%-32s %12d  %s' % (text, len(data), right))
