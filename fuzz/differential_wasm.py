"""Wasm bytes: taken apart by section, and made ready for fuzz/differential.

    a maker's module -> harness() -> main module + host module + what can be called

The main module imports from one module, "host", which is made here: functions that log
what they are given, and memories, tables, globals and tags as wanted. It exports a
wrapper for each function of the original that takes and returns integers only (so that
every engine and every language of scripts can pass all values bit by bit, NaNs made one),
and "#hash", which reads all memories, globals and tables. Nothing can grow without bound.
"""

I32, I64, F32, F64, V128 = 0x7f, 0x7e, 0x7d, 0x7c, 0x7b
LETTERS = {I32: 'i', I64: 'l', F32: 'f', F64: 'd', V128: 'v'}
TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEM, CODE, DATA, DATACOUNT, TAG = range(1, 14)
ORDER = [TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEM, DATACOUNT, CODE, DATA]
HEAD = b'\0asm\1\0\0\0'
FUNC_KIND, TABLE_KIND, MEMORY_KIND, GLOBAL_KIND, TAG_KIND = range(5)
MORE_PAGES, MORE_ELEMENTS = 16, 1000  # that a memory or table may grow by
MOST_BYTES = 16 << 20  # of a memory's minimum: more would be slow to hash


class Unfit(Exception):
    """A module that cannot be made ready; the message says why."""


# --- numbers ---------------------------------------------------------------

def u(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def s(n):
    out = bytearray()
    while True:
        byte, n = n & 0x7f, n >> 7
        if (n == 0 and not byte & 0x40) or (n == -1 and byte & 0x40):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def s32(n):
    return s((n & 0xffffffff ^ 0x80000000) - 0x80000000)


def s64(n):
    return s((n & (1 << 64) - 1 ^ 1 << 63) - (1 << 63))


def vec(items):
    return u(len(items)) + b''.join(items)


def name(text):
    return u(len(text)) + text.encode()


def sized(body):
    return u(len(body)) + body


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def u(self):
        n = shift = 0
        while True:
            b = self.byte()
            n |= (b & 0x7f) << shift
            shift += 7
            if not b & 0x80:
                return n

    def s(self):
        n = shift = 0
        while True:
            b = self.byte()
            n |= (b & 0x7f) << shift
            shift += 7
            if not b & 0x80:
                return n - (1 << shift) if b & 0x40 else n

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def name(self):
        return self.take(self.u())

    def valtype(self):
        """A number type as its byte, a reference type as its bytes."""
        at = self.at
        b = self.byte()
        if b in (0x63, 0x64):
            self.s()
            return bytes(self.data[at:self.at])
        return b if b in LETTERS else bytes([b])

    def limits(self):
        flags = self.byte()
        low = self.u()
        high = self.u() if flags & 1 else None
        page = self.u() if flags & 8 else 16
        return {'is64': bool(flags & 4), 'shared': bool(flags & 2), 'min': low, 'max': high, 'page': page}


def valtype(t):
    return bytes([t]) if isinstance(t, int) else t


def is_nullable(t):
    return isinstance(t, bytes) and t[0] != 0x64


def heap_of(t):
    """The heap type's bytes, for ref.null."""
    return t[1:] if t[0] == 0x63 else t


def limits(lim):
    flags = (1 if lim['max'] is not None else 0) | 2 * lim['shared'] | 4 * lim['is64'] | 8 * (lim['page'] != 16)
    out = bytes([flags]) + u(lim['min'])
    if lim['max'] is not None:
        out += u(lim['max'])
    return out + (u(lim['page']) if lim['page'] != 16 else b'')


# --- a module --------------------------------------------------------------

class Module:
    """Sections as they are, and what harness() must know of them."""

    def __init__(self, data):
        if data[:8] != HEAD:
            raise Unfit('no module')
        self.sections, self.customs = {}, []
        r = Reader(data, 8)
        while r.at < len(data):
            id_ = r.byte()
            body = bytes(r.take(r.u()))
            if id_:
                self.sections[id_] = body
        self.read()

    def reader(self, id_):
        r = Reader(self.sections.get(id_, b'\0'))
        return r, r.u()

    def read(self):
        r, n = self.reader(TYPE)
        self.types = []
        for _ in range(n):
            if r.byte() != 0x60:
                raise Unfit('a type that is no function')
            params = [r.valtype() for _ in range(r.u())]
            self.types.append((params, [r.valtype() for _ in range(r.u())]))
        self.imports, self.funcs, self.tables, self.memories, self.globals, self.tags = [], [], [], [], [], []
        r, n = self.reader(IMPORT)
        for _ in range(n):
            r.name(), r.name()
            kind = r.byte()
            thing = self.read_thing(r, kind)
            self.space(kind).append(thing)
            self.imports.append((kind, thing))
        self.own_tables_at = len(self.tables)
        self.own_memories_at = len(self.memories)
        self.nimported_globals = len(self.globals)
        r, n = self.reader(FUNCTION)
        self.nimported_funcs = len(self.funcs)
        self.funcs += [r.u() for _ in range(n)]
        r, n = self.reader(TABLE)
        self.table_inits = []
        for _ in range(n):
            has_init = r.data[r.at] == 0x40
            if has_init:
                r.take(2)
            self.tables.append(self.read_thing(r, TABLE_KIND))
            at = r.at
            if has_init:
                skip_const(r)
            self.table_inits.append(r.data[at:r.at])
        r, n = self.reader(MEMORY)
        self.memories += [self.read_thing(r, MEMORY_KIND) for _ in range(n)]
        r, n = self.reader(GLOBAL)
        for _ in range(n):
            self.globals.append(self.read_thing(r, GLOBAL_KIND))
            skip_const(r)
        r, n = self.reader(EXPORT)
        self.exports = []
        for _ in range(n):
            text = r.name()
            self.exports.append((text, r.byte(), r.u()))

    def space(self, kind):
        return [self.funcs, self.tables, self.memories, self.globals, self.tags][kind]

    @staticmethod
    def read_thing(r, kind):
        if kind == FUNC_KIND:
            return r.u()
        if kind == TABLE_KIND:
            element = r.valtype()
            return {'type': element, **r.limits()}
        if kind == MEMORY_KIND:
            return r.limits()
        if kind == GLOBAL_KIND:
            return {'type': r.valtype(), 'mutable': r.byte()}
        if kind == TAG_KIND:
            r.byte()
            return r.u()
        raise Unfit('an import of kind %d' % kind)

    def bytes(self, customs=()):
        out = bytearray(HEAD)
        for id_ in ORDER:
            if id_ in self.sections:
                out += bytes([id_]) + sized(self.sections[id_])
        for text, body in customs:
            out += b'\0' + sized(name(text) + body)
        return bytes(out)

    def append(self, id_, items):
        r = Reader(self.sections.get(id_, b'\0'))
        n = r.u()
        self.sections[id_] = u(n + len(items)) + r.data[r.at:] + b''.join(items)


def skip_const(r):
    while True:
        op = r.byte()
        if op == 0x0b:
            return
        if op in (0x41, 0x42, 0xd0):
            r.s()
        elif op in (0x23, 0xd2):
            r.u()
        elif op == 0x43:
            r.take(4)
        elif op == 0x44:
            r.take(8)
        elif op == 0xfd:
            r.u()
            r.take(16)
        elif op not in (0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e):
            raise Unfit('constant expression with %#x' % op)


def custom(data, wanted):
    """The custom section of that name, or None."""
    r = Reader(data, 8)
    while r.at < len(data):
        id_ = r.byte()
        body = Reader(bytes(r.take(r.u())))
        if id_ == 0 and body.name() == wanted.encode():
            return body.data[body.at:]
    return None


# --- code that is added ------------------------------------------------------

def i64_const(n):
    return b'\x42' + s64(n)


def i32_const(n):
    return b'\x41' + s32(n)


def get(n):
    return b'\x20' + u(n)


def set_(n):
    return b'\x21' + u(n)


def tee(n):
    return b'\x22' + u(n)


def quiet_bits(t, local):
    """The float on the stack as integer bits, every NaN as one. local: of its type."""
    if t == F32:
        return (tee(local) + b'\xbc' + i32_const(0x7fc00000) + get(local) + get(local) + b'\x5b\x1b')
    return (tee(local) + b'\xbd' + i64_const(0x7ff8 << 48) + get(local) + get(local) + b'\x61\x1b')


LANES = [b'\xfd\x1d\x00', b'\xfd\x1d\x01']  # i64x2.extract_lane


class Code:
    """One function body under construction, with scratch locals as wanted."""

    def __init__(self, params):
        self.nparams, self.kinds, self.out = len(params), [], bytearray()

    def local(self, t):
        self.kinds.append(t)
        return self.nparams + len(self.kinds) - 1

    def __iadd__(self, more):
        self.out += more
        return self

    def bytes(self):
        return sized(vec([u(1) + valtype(t) for t in self.kinds]) + bytes(self.out) + b'\x0b')


def mix(code, t, into):
    """Value of type t on the stack -> mixed into local `into` (i64), consumed."""
    if t == V128:
        v = code.local(V128)
        code += set_(v)
        for lane in LANES:
            code += get(v) + lane
            mix(code, I64, into)
        return
    if t in (F32, F64):
        code += quiet_bits(t, code.local(t))
        t = I32 if t == F32 else I64
    elif isinstance(t, bytes):
        code += b'\xd1'
        t = I32
    if t == I32:
        code += b'\xad'
    # into = rotl(into ^ value, 23) * odd
    code += get(into) + b'\x85' + i64_const(23) + b'\x89' + i64_const(0x9e3779b97f4a7c15) + b'\x7e' + set_(into)


def spin(code, n, body, is64):
    """for (i = 0; i < n; i++) body(i); n is a local of the index's type."""
    t = I64 if is64 else I32
    i = code.local(t)
    one = i64_const(1) if is64 else i32_const(1)
    zero = i64_const(0) if is64 else i32_const(0)
    code += zero + set_(i) + b'\x02\x40\x03\x40' + get(i) + get(n) + (b'\x5a' if is64 else b'\x4f') + b'\x0d\x01'
    body(i)
    code += get(i) + one + (b'\x7c' if is64 else b'\x6a') + set_(i) + b'\x0c\x00\x0b\x0b'


def hash_memory(code, index, memory, into):
    """All of a memory, eight bytes at a time."""
    is64 = memory['is64']
    n = code.local(I64 if is64 else I32)
    shift = memory['page'] - 3
    pages = b'\x3f' + u(index)
    constant = i64_const if is64 else i32_const
    if shift >= 0:
        code += pages + constant(shift) + (b'\x86' if is64 else b'\x74') + set_(n)
    else:
        code += pages + constant(-shift) + (b'\x88' if is64 else b'\x76') + set_(n)
    arg = b'\x00' if index == 0 else b'\x40' + u(index)

    def body(i):
        nonlocal code
        code += get(i) + constant(3) + (b'\x86' if is64 else b'\x74') + b'\x29' + arg + b'\x00'
        mix(code, I64, into)
    code += pages + (b'' if is64 else b'\xad')
    mix(code, I64, into)
    spin(code, n, body, is64)


def hash_table(code, index, table, into):
    is64 = table['is64']
    n = code.local(I64 if is64 else I32)
    code += b'\xfc\x10' + u(index) + tee(n) + (b'' if is64 else b'\xad')
    mix(code, I64, into)

    def body(i):
        nonlocal code
        code += get(i) + b'\x25' + u(index)
        mix(code, table['type'], into)
    spin(code, n, body, is64)


def hash_function(m):
    code = Code([])
    h = code.local(I64)
    for i, g in enumerate(m.globals):
        code += b'\x23' + u(i)
        mix(code, g['type'], h)
    for i, memory in enumerate(m.memories):
        hash_memory(code, i, memory, h)
    for i, table in enumerate(m.tables):
        hash_table(code, i, table, h)
    code += get(h)
    return code.bytes()


# --- wrappers ----------------------------------------------------------------

def flat(types):
    """The integers that stand for values of these types; None if one cannot be made."""
    out = []
    for t in types:
        if t in (I32, F32):
            out.append(I32)
        elif t in (I64, F64):
            out.append(I64)
        elif t == V128:
            out += [I64, I64]
        elif not is_nullable(t):
            return None
    return out


def flat_results(types):
    out = []
    for t in types:
        out += [I64, I64] if t == V128 else [I64] if t in (I64, F64) else [I32]
    return out


def wrapper(func, params, results, before):
    """Integers in, integers out; a call of func between. before: a function called first, or None."""
    inputs = flat(params)
    code, at = Code(inputs), 0
    if before is not None:
        code += b'\x10' + u(before)
    for t in params:
        if t == V128:
            code += get(at) + b'\xfd\x12' + get(at + 1) + b'\xfd\x1e\x01'
            at += 2
        elif isinstance(t, bytes):
            code += b'\xd0' + heap_of(t)
        else:
            code += get(at) + {F32: b'\xbe', F64: b'\xbf'}.get(t, b'')
            at += 1
    code += b'\x10' + u(func)
    saved = [code.local(t) for t in flat_results(results)]
    end = len(saved)
    for t in reversed(results):
        if t == V128:
            v = code.local(V128)
            code += tee(v) + LANES[1] + set_(saved[end - 1]) + get(v) + LANES[0] + set_(saved[end - 2])
            end -= 2
            continue
        if t in (F32, F64):
            code += quiet_bits(t, code.local(t))
        elif isinstance(t, bytes):
            code += b'\xd1'
        code += set_(saved[end - 1])
        end -= 1
    for local in saved:
        code += get(local)
    return inputs, flat_results(results), code.bytes()


def functype(params, results):
    return b'\x60' + vec([valtype(t) for t in params]) + vec([valtype(t) for t in results])


# --- the host module -----------------------------------------------------------

def host_function(index, params, results, log, dummy):
    """Logs its arguments; returns what the log is worth, so that results matter."""
    code = Code(params)
    h = code.local(I64)
    code += b'\x23' + u(log) + i64_const(index) + b'\x85' + set_(h)
    for i, t in enumerate(params):
        code += get(i)
        mix(code, t, h)
    code += get(h) + b'\x24' + u(log)
    for i, t in enumerate(results):
        if isinstance(t, bytes):
            if not is_nullable(t) and t[1:] != b'\x70':
                raise Unfit('an imported function returns a reference that is not null')
            code += b'\xd0' + heap_of(t) if is_nullable(t) else b'\xd2' + u(dummy)
            continue
        code += get(h) + i64_const(i) + b'\x89'
        code += {I32: b'\xa7', I64: b'', F32: b'\xb4', F64: b'\xb9', V128: b'\xfd\x12'}[t]
    return code.bytes()


def zero(t):
    if isinstance(t, bytes):
        if not is_nullable(t):
            raise Unfit('an imported global that is not null')
        return b'\xd0' + heap_of(t)
    return {I32: i32_const(0x1234567), I64: i64_const(-0x123456789abcdef), F32: b'\x43\x00\x00\xc0\x3f',
            F64: b'\x44' + bytes(6) + b'\x02\xc0', V128: b'\xfd\x0c' + bytes(range(250, 250 - 32, -2))}[t]


def host_module(m):
    """What m imports, exported under the import's number; None if m imports nothing."""
    if not m.imports:
        return None
    out = Module(HEAD)
    types = [functype(p, r) for p, r in m.types]
    codes, funcs, exports, tables, memories, tags, globals_ = [], [], [], [], [], [], []
    log = 0
    dummy = 0
    host = Module(HEAD)
    host.globals = [{'type': I64, 'mutable': 1}]
    globals_.append(b'\x7e\x01' + i64_const(0) + b'\x0b')
    types.append(functype([], []))
    types.append(functype([], [I64]))
    funcs.append(u(len(types) - 2))
    codes.append(sized(b'\0\x0b'))
    for n, (kind, thing) in enumerate(m.imports):
        index = {FUNC_KIND: len(funcs), TABLE_KIND: len(tables), MEMORY_KIND: len(memories),
                 GLOBAL_KIND: len(globals_), TAG_KIND: len(tags)}[kind]
        if kind == FUNC_KIND:
            funcs.append(u(thing))
            codes.append(host_function(n, *m.types[thing], log, dummy))
        elif kind == TABLE_KIND:
            tables.append(valtype(thing['type']) + limits(thing))
            if not is_nullable(thing['type']):
                raise Unfit('an imported table of references that are not null')
            host.tables.append(thing)
        elif kind == MEMORY_KIND:
            memories.append(limits(thing))
            host.memories.append(thing)
        elif kind == GLOBAL_KIND:
            globals_.append(valtype(thing['type']) + bytes([thing['mutable']]) + zero(thing['type']) + b'\x0b')
            host.globals.append(thing)
        else:
            tags.append(b'\0' + u(thing))
        exports.append(name(str(n)) + bytes([kind]) + u(index))
    funcs.append(u(len(types) - 1))
    host.tables, host.memories = [], []  # main's hash sees them
    codes.append(hash_function(host))
    exports.append(name('#hash') + b'\0' + u(len(funcs) - 1))
    for id_, items in ((TYPE, types), (FUNCTION, funcs), (TABLE, tables), (MEMORY, memories), (TAG, tags),
                       (GLOBAL, globals_), (EXPORT, exports), (CODE, codes)):
        if items:
            out.sections[id_] = vec(items)
    if dummy is not None:  # ref.func wants its function declared
        out.sections[ELEM] = vec([b'\3\0' + vec([u(dummy)])])
    return out.bytes()


# --- all of it -------------------------------------------------------------------

def clamp(lim, more, unit=1):
    if lim['min'] * unit > MOST_BYTES:
        raise Unfit('a minimum of %d' % lim['min'])
    most = lim['min'] + more
    lim['max'] = most if lim['max'] is None else min(lim['max'], most)


def clamp_all(m):
    for memory in m.memories:
        clamp(memory, MORE_PAGES << (16 - memory['page']), 1 << memory['page'])
    for table in m.tables:
        clamp(table, MORE_ELEMENTS, 256)
    own = m.memories[m.own_memories_at:]
    if own:
        m.sections[MEMORY] = vec([limits(x) for x in own])
    own = m.tables[m.own_tables_at:]
    if own:
        m.sections[TABLE] = vec([(b'\x40\0' if init else b'') + valtype(x['type']) + limits(x) + bytes(init)
                                 for x, init in zip(own, m.table_inits)])


def rename_imports(m):
    if not m.imports:
        return
    items = []
    for n, (kind, thing) in enumerate(m.imports):
        body = {FUNC_KIND: lambda t: u(t), TABLE_KIND: lambda t: valtype(t['type']) + limits(t), MEMORY_KIND: limits,
                GLOBAL_KIND: lambda t: valtype(t['type']) + bytes([t['mutable']]),
                TAG_KIND: lambda t: b'\0' + u(t)}[kind](thing)
        items.append(name('host') + name(str(n)) + bytes([kind]) + body)
    m.sections[IMPORT] = vec(items)


def harness(data, most_calls=12):
    """-> main's bytes, host's bytes or None, [(wrapper's name, its parameters, export's name
    or '' if it must not be called itself, its parameters)]"""
    m = Module(data)
    clamp_all(m)
    rename_imports(m)
    host = host_module(m)
    types, funcs, exports, codes, calls, taken = [], [], [], [], [], set()
    # binaryen's, which makes endless loops end
    before = next((i for text, kind, i in m.exports if kind == FUNC_KIND and text == b'hangLimitInitializer'), None)
    for text, kind, index in m.exports:
        if kind != FUNC_KIND or index in taken or index == before or len(calls) == most_calls:
            continue
        params, results = m.types[m.funcs[index]]
        if flat(params) is None or len(flat(params)) > 1000 or len(flat_results(results)) > 1000:
            continue
        taken.add(index)
        inputs, outputs, code = wrapper(index, params, results, before)
        types.append(functype(inputs, outputs))
        funcs.append(u(len(m.types) + len(types) - 1))
        codes.append(code)
        wrapped = '#%d' % len(calls)
        exports.append(name(wrapped) + b'\0' + u(len(m.funcs) + len(funcs) - 1))
        calls.append((wrapped, inputs, text.decode(errors='replace') if before is None else '', params))
    types.append(functype([], [I64]))
    funcs.append(u(len(m.types) + len(types) - 1))
    codes.append(hash_function(m))
    exports.append(name('#hash') + b'\0' + u(len(m.funcs) + len(funcs) - 1))
    m.append(TYPE, types)
    m.append(FUNCTION, funcs)
    m.append(EXPORT, exports)
    m.append(CODE, codes)
    return m.bytes(), host, calls
