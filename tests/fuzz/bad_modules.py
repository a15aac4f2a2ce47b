"""Modules that are large, deep or odd on purpose; for bad_input.py.

each() yields (name, bytes, what is right, is it compiled): right is 'works', or words of the
refusal, with the limit's name.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'fuzz'))
from differential_wasm import (CODE, DATA, DATACOUNT, ELEM, EXPORT, FUNCTION, GLOBAL, HEAD, I32, I64, IMPORT, MEMORY, Module, ORDER,
                               TABLE, TAG, TYPE, Unfit, V128, functype, name, s, sized, u, vec)

MB = 1 << 20
RESULT = b'\x7f'


def module(**sections):
    """Sections by lower-case name; each a list of items, or bytes as they are."""
    ids = {'type': TYPE, 'import_': IMPORT, 'function': FUNCTION, 'table': TABLE, 'memory': MEMORY, 'tag': TAG,
           'global_': GLOBAL, 'export': EXPORT, 'elem': ELEM, 'datacount': DATACOUNT, 'code': CODE, 'data': DATA}
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


def shapes(size):
    """One function of about size bytes, of several sorts."""
    yield 'drops', function(repeat(b'\x41\x01\x1a', size))
    yield 'adds', function(b'\x20\0' + repeat(b'\x20\0\x6a', size, b''), params=[I32])
    yield 'dependent arithmetic', function(repeat(b'\x20\0\x41\x03\x6c\x20\1\x73\x21\0\x20\1\x20\0\x6a\x21\1', size, b'\x20\0'),
                                           params=[I32, I32])
    yield 'loads and stores', function(repeat(b'\x20\0\x20\0\x28\2\0\x36\2\x04', size), params=[I32], **ONE_MEMORY)
    yield 'branches', function(b'\x02\x40' + repeat(b'\x20\0\x0d\0', size - 20, b'\x0b\x41\x01'), params=[I32])
    yield 'ifs', function(repeat(b'\x20\0\x04\x40\x20\0\x41\x01\x6a\x21\0\x0b', size, b'\x20\0'), params=[I32])
    yield 'loops', function(repeat(b'\x03\x40\x20\0\x41\x01\x6b\x22\0\x0d\0\x0b', size, b'\x20\0'), params=[I32])
    yield 'calls', function(repeat(b'\x20\0\x04\x40\x20\0\x10\0\x21\0\x0b', size, b'\x20\0'), params=[I32])
    yield 'divisions', function(b'\x20\0' + repeat(b'\x20\1\x6d', size, b''), params=[I32, I32])
    yield 'vectors', function(b'\x20\0' + repeat(b'\x20\0\xfd\xb5\1', size, b''), params=[V128], results=[V128])
    yield 'shuffles', function(b'\x20\0' + repeat(b'\x20\0\xfd\x0d' + bytes(range(5, 21)), size, b''), params=[V128],
                               results=[V128])


# What LLVM needs the square of its size for is compiled small.
SMALL = {'loops': 10000, 'divisions': 2000, 'ifs': 20000}


def small_module():
    """Something in every section."""
    body = sized(b'\1\1\x7f\x02\x40\x20\0\x0d\0\x41\0\x20\0\x36\2\0\x0b\x20\0\x10\0\x0b')
    names = b'\0' + sized(name('name') + b'\1' + sized(vec([u(1) + name('twice')])))
    return module(type=[functype([I32], [I32]), functype([], [])], import_=[name('env') + name('f') + b'\0\0'],
                  function=[u(0)], table=[b'\x70\0\2'], memory=[b'\1\1\2'], tag=[b'\0\1'],
                  global_=[b'\x7f\1\x41\x2a\x0b'], export=[name('g') + b'\0\1'], elem=[b'\0\x41\0\x0b\2\0\1'],
                  datacount=u(1), code=[body], data=[b'\0\x41\1\x0b\3abc']) + names


def each(everything=False):
    for text, data in shapes(LIMIT):
        yield '7 MB of ' + text, data, 'works', everything
    for text, data in shapes(50000):
        small = dict(shapes(SMALL[text]))[text] if text in SMALL else data
        yield text, small, 'works', True
    yield '600 KB of adds', dict(shapes(600000))['adds'], 'works', True
    yield 'deep operands', function(b'\x20\0' * 100000 + b'\x6a' * 99999, params=[I32]), 'works', everything
    yield 'too deep operands', function(b'\x20\0' * 100001 + b'\x6a' * 100000, params=[I32]), 'operand stack height', False
    yield from more(everything)


def more(everything):
    for text, data, right, *compiles in odd():
        yield text, data, right, everything if not compiles or compiles[0] == 'slow' else True


def odd():
    """(name, bytes, what is right), and 'fast' for what is always compiled."""
    yield 'a function too large', function(repeat(b'\x41\x01\x1a', 8000000)), 'function size in bytes'
    yield '100 MB of data', module(memory=[b'\0' + u(1700)], data=[b'\0\x41\0\x0b' + sized(b'\x5a' * (100 * MB))]), 'works'
    yield '100 MB of a custom section', HEAD + b'\0' + sized(name('big') + bytes(100 * MB)), 'works'
    yield '100 MB of zeros', bytes(100 * MB), 'not WebAssembly'
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
    for depth in (1000, 10000, 99999, 100001):
        right = 'works' if depth < 100000 else 'nested blocks'
        for text, opener, between in (('blocks', b'\x02\x40', b''), ('loops', b'\x03\x40', b''),
                                      ('ifs', b'\x20\0\x04\x40', b'')):
            code = nested(opener, depth, b'\x20\0\x0d\0', between)
            yield '%d nested %s' % (depth, text), function(code + b'\x20\0', params=[I32]), right, 'slow' if depth == 99999 else 'fast'
    leaving = nested(b'\x02\x40', 1000, b'\x20\0\x0d' + u(999), b'\x20\0\x0d\0')
    yield '1000 blocks that are left', function(leaving + b'\x20\0', params=[I32]), 'works', 'fast'
    for n in (1000, 1001):
        all_ = b''.join(b'\x20' + u(i) for i in range(n))
        right = 'works' if n == 1000 else 'parameters'
        yield '%d parameters and results' % n, function(all_ + b'\x10\0' + b'', params=[I64] * n, results=[I64] * n), right, 'fast'
        yield '%d vectors as parameters' % n, function(all_, params=[V128] * n, results=[V128] * n), right
    for n in (65520, 65521):
        table = b'\x20\0\x0e' + u(n) + b'\0' * n + b'\0'
        yield 'br_table of %d' % n, function(b'\x02\x40' + table + b'\x0b\x41\x01', params=[I32]), \
            'works' if n == 65520 else 'br_table targets', 'fast'
    table = b'\x20\0\x0e' + u(20000) + b''.join(u(i) for i in range(20000)) + b'\0'
    yield 'br_table to 20000 places', function(nested(b'\x02\x40', 20000, table) + b'\x41\x01', params=[I32]), 'works'
    for n in (49999, 50001):
        use = b''.join(b'\x20' + u(i) + b'\x20' + u((i * 7 + 1) % n) + b'\x6a\x21' + u((i * 3 + 2) % n) for i in range(0, n, 5))
        yield '%d locals' % n, function(use + b'\x20' + u(n - 1), params=[I32], locals_=[(n - 1, I32)]), \
            'works' if n < 50000 else 'locals', 'fast'
        loop = b'\x03\x40' + use + b'\x20\0\x0d\0\x0b'
        yield '%d locals in a loop' % n, function(loop + b'\x20' + u(n - 1), params=[I32], locals_=[(n - 1, I32)]), \
            'works' if n < 50000 else 'locals'
    yield '50000 vectors as locals', function(b'\x41\x01', locals_=[(50000, V128)]), 'works', 'fast'
    yield 'four billion locals', function(b'\x41\x01', locals_=[(0xffffffff, I32)]), 'locals'
    yield 'memory of 4 GiB', function(b'\x41\x01', memory=[b'\0' + u(65536)]), 'works', 'fast'
    yield '100 memories of 4 GiB', function(b'\x41\x01', memory=[b'\0' + u(65536)] * 100), 'works', 'fast'
    yield '101 memories', function(b'\x41\x01', memory=[b'\0\1'] * 101), 'memories'
    yield '64-bit memory of 2^48 pages', function(b'\x41\x01', memory=[b'\4' + u(1 << 48)]), 'works', 'fast'
    yield '64-bit memory of 2^20 pages', function(b'\x41\x01', memory=[b'\4' + u(1 << 20)]), 'works', 'fast'
    yield 'table of 10,000,000', function(b'\x41\x01', table=[b'\x70\0' + u(10000000)]), 'works', 'fast'
    yield 'table of 10,000,001', function(b'\x41\x01', table=[b'\x70\0' + u(10000001)]), 'works', 'fast'
    yield '100 tables of 10,000,000', function(b'\x41\x01', table=[b'\x70\0' + u(10000000)] * 100), 'works', 'fast'
    yield 'table64 of 2^63', function(b'\x41\x01', table=[b'\x70\4' + u(1 << 63)]), 'works', 'fast'
    yield '1,000,000 globals', function(b'\x41\x01', global_=[b'\x7f\1\x41\1\x0b'] * 1000000), 'works'
    yield '100,000 data segments', function(b'\x41\x01', data=[b'\0\x41\0\x0b\1x'] * 100000, **ONE_MEMORY), 'works', 'fast'
    yield '1,000,000 elements', function(b'\x41\x01', table=[b'\x70\0' + u(1000000)],
                                         elem=[b'\0\x41\0\x0b' + vec([u(0)] * 1000000)]), 'works', 'fast'
    yield '1,000,000 types', module(type=[functype([], [])] * 1000000), 'works'
    yield 'types in a chain', module(type=[b'\x50\1' + u(i - 1) + functype([], []) if i else b'\x50\0' + functype([], [])
                                           for i in range(65)]), 'subtyping depth'
    yield 'a count of four billion', HEAD + b'\1\5\xff\xff\xff\xff\x0f', 'malformed'
    yield from types()
    yield from names()
    yield from lies()


def types():
    yield '1,000,000 rec groups of one', module(type=[b'\x4e\1' + functype([], [])] * 1000000), 'works', 'fast'
    yield 'a rec group of 1,000,000', module(type=[b'\x4e' + vec([functype([], [])] * 1000000)]), 'works', 'fast'
    yield 'too many types', module(type=[functype([], [])] * 1000001), 'types'
    yield '100,000 types of 1000 parameters', module(type=[functype([I32] * 1000, [])] * 100000), 'works'
    yield '50,000 different types', module(type=[functype([I32] * (i % 3), [b'\x63' + s(i - 1)] if i else [])
                                                for i in range(50000)]), 'works', 'fast'
    group = b'\x4e' + vec([functype([b'\x63' + s(i)], [b'\x63' + s(99 - i)]) for i in range(100)])
    yield '2000 rec groups that refer to themselves', module(type=[group] * 2000), 'works', 'fast'


def names():
    body = sized(b'\0\x41\1\x0b')
    one = {'type': [functype([], [I32])], 'function': [u(0)], 'code': [body]}
    big = 'n' * (10 * MB)
    yield 'an export of 10 MB', module(export=[name(big) + b'\0\0'], **one), 'works', 'fast'
    yield 'an import of 10 MB', module(type=[functype([], [])], import_=[name(big) + name(big) + b'\0\0']), 'works'
    yield 'a name that is no UTF-8', module(export=[b'\3\xc3\x28a\0\0'], **one), 'malformed'
    yield 'a function name of 10 MB', module(**one) + b'\0' + sized(name('name') + b'\1' + sized(vec([u(0) + name(big)]))), \
        'works', 'fast'
    entries = vec([u(i) + name('f') for i in range(1000000)])
    yield '1,000,000 names of nothing', module(**one) + b'\0' + sized(name('name') + b'\1' + sized(entries)), 'works', 'fast'
    yield '100,000 custom sections', module(**one) + (b'\0' + sized(name('x'))) * 100000, 'works', 'fast'
    yield 'the same export twice', module(export=[name('f') + b'\0\0'] * 2, **one), 'invalid'


def lies():
    """Counts and sizes that the bytes do not keep."""
    much = b'\xff\xff\xff\xff\x0f'
    for id_ in (TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, ELEM, CODE, DATA, TAG):
        yield 'section %d of four billion' % id_, HEAD + bytes([id_]) + sized(much), ''
    yield 'a section of four billion bytes', HEAD + b'\1' + much, 'malformed'
    body = sized(b'\1' + much + b'\x7f\x41\0\x0b')
    one = {'type': [functype([], [I32])], 'function': [u(0)]}
    yield 'locals that overflow', module(code=[sized(b'\2' + (much + b'\x7f') * 2 + b'\x41\0\x0b')], **one), 'locals'
    yield '1,000,000 locals', module(code=[sized(b'\1' + u(1000000) + b'\x7f\x41\0\x0b')], **one), 'locals'
    yield 'a body longer than its section', module(code=[u(100) + body[1:]], **one), 'malformed'
    yield 'a br_table of four billion', module(code=[sized(b'\0\x41\0\x0e' + much + b'\0\x0b')], **one), ''
    sums = b'\x41\1' + b'\x41\1\x6a' * 300000 + b'\x0b'
    yield 'a constant of 300,000 sums', module(global_=[b'\x7f\0' + sums]), 'works', 'fast'
    deep = b'\x41\1' * 50000 + b'\x6a' * 49999 + b'\x0b'
    yield 'a constant 50,000 deep', module(global_=[b'\x7f\0' + deep]), 'works', 'fast'
    chain = [b'\x7f\0\x41\1\x0b'] + [b'\x7f\0\x23' + u(i) + b'\x23' + u(i) + b'\x6a\x0b' for i in range(20000)]
    yield '20,000 globals, each twice the last', module(global_=chain), 'works', 'fast'


if __name__ == '__main__':
    for text, data, right, compiles in each():
        print('%-40s %12d  %-24s %s' % (text, len(data), right, 'compiled' if compiles else ''))
