"""Grows valid modules from src/module/ops.def, so that no instruction is a blind spot.

Every instruction of the table is used: those that the table types wholly (ROW) are picked
by result type, the others have a method here. What grows is meant to run to its end: calls
go to functions of higher numbers, loops count down, addresses are masked with few
exceptions. Loops over arrays are frequent, for optimisers do most to these.

A module is of a kind: 'node' has only what Node 20 knows, 'all' what Wasmtime knows too.
A tidy module makes NaNs one before their bits can be seen.
"""
import re
import struct

from differential_wasm import (CODE, DATA, DATACOUNT, ELEM, EXPORT, F32, F64, FUNCTION, GLOBAL, HEAD, I32, I64, IMPORT,
                               MEMORY, ORDER, TABLE, TAG, TYPE, V128, functype, limits, name, s, s32, s64, sized, u,
                               valtype, vec)

FUNCREF, EXTERNREF, EXNREF = b'\x70', b'\x6f', b'\x69'
NUMBERS = [I32, I64, F32, F64, V128]
LETTER_TYPES = {'i': I32, 'l': I64, 'f': F32, 'd': F64, 'v': V128}
ROW_OP = re.compile(r'^OP\((\w+),\s*(\w+),\s*"([^"]*)",\s*(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*(\w+),\s*(\w+),\s*(\w+)\)')
PAGE = 65536

INTS = [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
        0x80000000, 0x80000001, 0xffffffff, 0xfffffffe, 0xffffff80, 0xaaaaaaaa, 0x00ff00ff, 0x7fffffffffffffff,
        1 << 63, (1 << 63) + 1, (1 << 64) - 1, (1 << 64) - 128, 0x0102030405060708, 1 << 32, (1 << 53) + 1]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 255.5, 1e-40, -1e-40, 1e-310, 16777216.0, 2147483647.0,
          2147483648.0, -2147483648.0, -2147483649.0, 4294967295.0, 4294967296.0, 9007199254740993.0,
          9223372036854775808.0, -9223372036854775808.0, 18446744073709551616.0, 3.4028234663852886e38, 1e300,
          float('inf'), float('-inf'), float('nan'), 0.1, -123.456]


class Op:
    def __init__(self, groups):
        self.id, code, self.text, self.imm, self.ins, self.outs, self.check, self.feature, traps = groups
        code = int(code, 16)
        self.code = bytes([code]) if code < 0x100 else bytes([code >> 16]) + u(code & 0xffff)
        self.traps = traps == 'true'


def read_ops(path):
    with open(path, encoding='utf-8') as lines:
        return [Op(found.groups()) for found in map(ROW_OP.match, lines) if found]


def int_bits(rng, width):
    kind = rng.random()
    if kind < 0.55:
        return rng.choice(INTS) & (1 << width) - 1
    if kind < 0.75:
        return rng.randrange(-64, 64) & (1 << width) - 1
    return rng.getrandbits(width)


def float_bits(rng, width):
    if rng.random() < 0.15:
        return rng.getrandbits(width)
    v = rng.choice(FLOATS) if rng.random() < 0.8 else rng.uniform(-1000, 1000)
    try:
        return int.from_bytes(struct.pack('<f' if width == 32 else '<d', v), 'little')
    except OverflowError:
        return 0x7f800000


def v128_bits(rng):
    lane = rng.choice([8, 16, 32, 64, 128, -32, -64])
    if lane == 128:
        return rng.getrandbits(128)
    make = float_bits if lane < 0 else int_bits
    lane = abs(lane)
    same = make(rng, lane) if rng.random() < 0.3 else None
    n = 0
    for _ in range(128 // lane):
        n = n << lane | (make(rng, lane) if same is None else same)
    return n


def value_bits(rng, t):
    """An interesting value of that type, as an integer."""
    if t in (I32, I64):
        return int_bits(rng, 32 if t == I32 else 64)
    if t in (F32, F64):
        return float_bits(rng, 32 if t == F32 else 64)
    return v128_bits(rng)


def const(t, bits):
    if t == I32:
        return b'\x41' + s32(bits)
    if t == I64:
        return b'\x42' + s64(bits)
    if t == F32:
        return b'\x43' + bits.to_bytes(4, 'little')
    if t == F64:
        return b'\x44' + bits.to_bytes(8, 'little')
    return b'\xfd\x0c' + bits.to_bytes(16, 'little')


NAN = {F32: const(F32, 0x7fc00000), F64: const(F64, 0x7ff8 << 48)}
FEATURES = {'node': {'MVP', 'SIGN_EXTENSION', 'SATURATING_FLOAT', 'MULTI_VALUE', 'BULK_MEMORY', 'REFERENCE_TYPES', 'SIMD',
                     'TAIL_CALL', 'THREADS'}}
FEATURES['all'] = FEATURES['node'] | {'EXCEPTIONS', 'FUNCTION_REFERENCES', 'WIDE_ARITHMETIC'}


def ref(index, nullable=True):
    return (b'\x63' if nullable else b'\x64') + s(index)


class Plan:
    """What all functions of one module see."""

    def __init__(self, ops, rng, kind):
        self.rng, self.kind, self.tidy = rng, kind, rng.random() < 0.6
        known = FEATURES[kind]
        self.ops = [o for o in ops if o.feature in known]
        self.rows, self.loads, self.stores, self.atomics = {}, {}, [], {}
        for op in self.ops:
            self.sort(op)
        self.by_id = {o.id: o for o in self.ops}
        self.types, self.funcs = [], []
        self.memories, self.tables, self.globals, self.tags, self.imports = [], [], [], [], []
        self.lay_out()

    def sort(self, op):
        result = LETTER_TYPES.get(op.outs) if len(op.outs) == 1 else None
        if op.check == 'ROW' and op.imm in ('NONE', 'LANE0', 'LANE1', 'LANE2', 'LANE3', 'SHUFFLE') and result and op.ins:
            self.rows.setdefault(result, []).append(op)
        elif op.check == 'MEM':
            if op.outs:
                self.loads.setdefault(result, []).append(op)
            else:
                self.stores.append(op)
        elif op.check == 'ATOM' and op.id[:6] != 'memory':
            self.atomics.setdefault(result, []).append(op)

    def random_type(self, more=()):
        return self.rng.choice([I32, I32, I64, I64, F32, F64, V128, V128] + list(more))

    def type_index(self, params, results):
        key = (tuple(params), tuple(results))
        if key not in self.types:
            self.types.append(key)
        return self.types.index(key)

    def random_signature(self):
        rng = self.rng
        more = [FUNCREF, EXTERNREF] if rng.random() < 0.2 else []
        most = rng.choice([3, 3, 5, 9, 20])
        params = [self.random_type(more) for _ in range(rng.randrange(most))]
        results = [self.random_type(more) for _ in range(rng.choice([0, 1, 1, 1, 2, 3, rng.randrange(12)]))]
        return params, results

    def lay_out(self):
        rng, every = self.rng, self.kind == 'all'
        for _ in range(rng.randrange(3, 7)):
            self.type_index(*self.random_signature())
        self.first_refs = len(self.types)
        for _ in range(rng.randrange(1, 3)):
            page = 16
            self.memories.append({'is64': every and rng.random() < 0.4, 'shared': False, 'min': rng.choice([1, 1, 2]),
                                  'max': 4, 'page': page})
            if not every:
                break
        if rng.random() < 0.2:
            self.memories[0]['shared'] = True
        self.tables.append({'type': FUNCREF, 'is64': every and rng.random() < 0.3, 'shared': False, 'min': 12,
                            'max': rng.choice([None, 12, 20]), 'page': 16})
        self.tables.append({'type': EXTERNREF, 'is64': False, 'shared': False, 'min': 5, 'max': None, 'page': 16})
        if every:
            self.typed = rng.randrange(self.first_refs)
            self.tables.append({'type': ref(self.typed), 'is64': rng.random() < 0.3, 'shared': False, 'min': 6,
                                'max': rng.choice([None, 6]), 'page': 16})
            for _ in range(rng.randrange(1, 4)):
                params = [self.random_type() for _ in range(rng.choice([0, 1, 2, 5]))]
                self.tags.append(self.type_index(params, []))
        for t in NUMBERS * rng.randrange(1, 3):
            self.globals.append((t, 1 if rng.random() < 0.85 else 0))
        self.globals.append((FUNCREF, 1))
        self.globals.append((EXTERNREF, 1))
        if every:
            self.globals.append((EXNREF, 1))
            self.globals.append((ref(self.typed), 1))
        for _ in range(rng.choice([0, 0, 1, 3])):
            self.imports.append(rng.randrange(self.first_refs))
        self.nimported = len(self.imports)
        self.funcs = list(self.imports)
        for _ in range(rng.randrange(3, 8)):
            self.funcs.append(rng.randrange(self.first_refs))
        for n in range(self.first_refs):  # leaves: one of each type, to be called indirectly
            self.funcs.append(n)
        self.leaves = len(self.funcs) - self.first_refs
        self.ndatas, self.nelems = 3, 4 if every else 3


class Function:
    """One body. expr(t) gives code that pushes a t; statement() code that pushes nothing."""

    def __init__(self, plan, index):
        self.p, self.rng, self.index = plan, plan.rng, index
        params, self.results = plan.types[plan.funcs[index]]
        self.locals = list(params)
        self.nparams = len(params)
        self.free = {}
        for t in NUMBERS + NUMBERS[:self.rng.randrange(4)]:
            self.locals.append(t)
        self.locals += [FUNCREF, EXTERNREF]
        if plan.kind == 'all':
            self.locals += [EXNREF, ref(plan.typed)]
        self.counters = set()
        self.loops = 0
        self.budget = self.rng.choice([15, 40, 120, 250])
        self.leaf = index >= plan.leaves

    # --- small things

    def new_local(self, t):
        self.locals.append(t)
        return len(self.locals) - 1

    def pick_local(self, t, write=False):
        found = [i for i, have in enumerate(self.locals) if have == t and not (write and i in self.counters)]
        return self.rng.choice(found) if found else self.new_local(t)

    def op(self, id_):
        return self.p.by_id[id_].code

    def constant(self, t):
        return const(t, value_bits(self.rng, t))

    def tidy(self, t, code):
        """code, whose value's bits will be seen."""
        if not self.p.tidy or t not in (F32, F64):
            return code
        x = self.new_local(t) if self.rng.random() < 0.1 else self.pick_local(t, True)
        get = b'\x20' + u(x)
        return code + b'\x22' + u(x) + NAN[t] + get + get + (b'\x5b' if t == F32 else b'\x61') + b'\x1b'

    def tidy_vector(self, op, code):
        """The result of a vector operation on floats."""
        if not self.p.tidy or not re.match(r'f(32x4|64x2)_', op.id) or op.outs != 'v':
            return code
        if re.search(r'_(eq|ne|lt|gt|le|ge|abs|neg|splat|replace_lane|pmin|pmax|convert\w*)$', op.id):
            return code
        x = self.new_local(V128)
        get = b'\x20' + u(x)
        wide = op.id.startswith('f32x4')
        nan = const(V128, int.from_bytes((b'\0\0\xc0\x7f' if wide else b'\0\0\0\0\0\0\xf8\x7f') * (4 if wide else 2), 'little'))
        same = b'\xfd\x41' if wide else b'\xfd\x47'  # eq
        return code + b'\x22' + u(x) + nan + get + get + same + b'\xfd\x52'

    # --- values

    def expr(self, t, depth=0):
        self.budget -= 1
        rng = self.rng
        if isinstance(t, bytes):
            return self.reference(t, depth)
        if depth > 5 or self.budget < 0 or rng.random() < 0.12 + 0.05 * depth:
            return self.simple(t)
        way = rng.random()
        if way < 0.52:
            return self.row(t, depth)
        if way < 0.66:
            return self.load(t, depth)
        ways = [self.selected, self.branched, self.blocked, self.teed, self.called, self.indirect, self.atomic, self.sized,
                self.looped, self.switched]
        if self.p.kind == 'all':
            ways += [self.tried, self.tried, self.by_reference, self.wide]
        return rng.choice(ways)(t, depth)

    def simple(self, t):
        way = self.rng.random()
        if way < 0.35:
            return self.constant(t)
        if way < 0.9:
            return b'\x20' + u(self.pick_local(t))
        return b'\x23' + u(self.rng.choice([i for i, g in enumerate(self.p.globals) if g[0] == t]))

    def operand(self, letter, depth):
        return self.expr(LETTER_TYPES[letter], depth + 1)

    def immediate(self, op):
        if op.imm.startswith('LANE'):
            return bytes([self.rng.randrange(16 >> int(op.imm[4]))])
        if op.imm == 'SHUFFLE':
            return self.shuffle()
        return b''

    def shuffle(self):
        rng = self.rng
        way = rng.random()
        if way < 0.3:
            return bytes(rng.randrange(32) for _ in range(16))
        size = rng.choice([1, 2, 4, 8])
        lanes = [rng.randrange(32 // size) for _ in range(16 // size)]
        if way < 0.6:
            start = rng.randrange(17)
            return bytes((start + i) % 32 for i in range(16))
        return bytes(lane * size + i for lane in lanes for i in range(size))

    def row(self, t, depth):
        rng = self.rng
        op = rng.choice(self.p.rows[t])
        if op.traps and rng.random() < 0.6:
            op = rng.choice(self.p.rows[t])
        code = [self.operand(letter, depth) for letter in op.ins]
        if op.traps and 'div' in op.id + 'div' * ('rem' in op.id) and rng.random() < 0.8:
            code[1] += const(t, rng.choice([1, 3, 1 << 31])) + (b'\x72' if t == I32 else b'\x84')
        elif op.traps and 'trunc' in op.id and rng.random() < 0.8:
            code[0] = self.convertible(op.ins)
        if 'reinterpret' in op.id or 'copysign' in op.id or op.id.endswith('splat') or 'replace_lane' in op.id:
            code[-1] = self.tidy(LETTER_TYPES[op.ins[-1]], code[-1])
        return self.tidy_vector(op, b''.join(code) + op.code + self.immediate(op))

    def convertible(self, letter):
        wide = letter == 'd'
        return self.expr(I32, 3) + (b'\xb7' if wide else b'\xb2')

    # --- memory

    def memory(self):
        return self.rng.randrange(len(self.p.memories))

    def memarg(self, op, memory, offset=None):
        rng = self.rng
        log = int(op.imm[-1])
        align = log if op.check == 'ATOM' else rng.randrange(log + 1)
        if offset is None:
            offset = rng.choice([0, 0, 0, 1, 4, 8, 16, 100, 1000])
            if op.check == 'ATOM':
                offset &= ~15
            if rng.random() < 0.004:
                offset = rng.choice([65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff])
        out = u(align | (0x40 if memory else 0)) + (u(memory) if memory else b'') + u(offset)
        if op.imm.startswith('MEMLANE'):
            out += bytes([rng.randrange(16 >> log)])
        return out

    def address(self, memory, depth, align=1):
        """Mostly inside of the first page and, if asked for, aligned."""
        rng, is64 = self.rng, self.p.memories[memory]['is64']
        t = I64 if is64 else I32
        if rng.random() < 0.3:
            return const(t, rng.randrange(0, 40000) // align * align)
        code = self.expr(t, depth + 2)
        if rng.random() < 0.003:
            return code
        return code + const(t, rng.choice([0xff, 0xfff, 0x7ffe, 0xbff0]) & -align) + (b'\x83' if is64 else b'\x71')

    def access(self, op, depth, values=None):
        memory = self.memory()
        code = self.address(memory, depth, 1 << int(op.imm[-1]) if op.check == 'ATOM' else 1)
        for letter in op.ins[1:]:
            value = self.operand(letter, depth) if values is None else values
            if letter in 'fd':
                value = self.tidy(LETTER_TYPES[letter], value)
            code += value
        return code + op.code + self.memarg(op, memory)

    def load(self, t, depth):
        return self.access(self.rng.choice(self.p.loads[t]), depth)

    def atomic(self, t, depth):
        if t not in self.p.atomics:
            return self.row(t, depth)
        rng = self.rng
        if t == I32 and rng.random() < 0.1:
            memory = self.memory()
            at = self.address(memory, depth, 8)
            which = rng.choice(['notify', 'wait32', 'wait64'])
            op = self.p.by_id['memory_atomic_' + which]
            more = {'notify': self.expr(I32, depth + 2), 'wait32': self.expr(I32, depth + 2) + const(I64, 0),
                    'wait64': self.expr(I64, depth + 2) + const(I64, 1)}[which]
            if which != 'notify' and not self.p.memories[memory]['shared'] and rng.random() < 0.9:
                return self.simple(t)
            return at + more + op.code + self.memarg(op, memory)
        return self.access(rng.choice(self.p.atomics[t]), depth)

    def sized(self, t, depth):
        """Sizes and growth of memories and tables."""
        rng = self.rng
        memory, table = self.memory(), rng.randrange(len(self.p.tables))
        way = rng.random()
        if way < 0.4:
            have, code = self.p.memories[memory]['is64'], b'\x3f' + u(memory)
        elif way < 0.5:
            have = self.p.memories[memory]['is64']
            code = const(I64 if have else I32, rng.choice([0, 1, 1, 2, 65536])) + b'\x40' + u(memory)
        elif way < 0.8:
            have, code = self.p.tables[table]['is64'], b'\xfc\x10' + u(table)
        else:
            have = self.p.tables[table]['is64']
            code = (self.expr(self.p.tables[table]['type'], depth + 1) +
                    const(I64 if have else I32, rng.choice([0, 1, 3, 100000])) + b'\xfc\x0f' + u(table))
        return self.convert(I64 if have else I32, t, code)

    def convert(self, have, t, code):
        """A value of type have made one of type t, somehow."""
        if have == t:
            return code
        if have == I64:
            return {I32: code + b'\xa7', F32: code + b'\xb4', F64: code + b'\xb9', V128: code + b'\xfd\x12'}[t]
        if have == I32:
            return {I64: code + self.rng.choice([b'\xac', b'\xad']), F32: code + b'\xb2', F64: code + b'\xb7',
                    V128: code + b'\xfd\x11'}[t]
        if have == F32:
            return {I32: code + b'\xfc\x00', I64: code + b'\xfc\x05', F64: code + b'\xbb',
                    V128: self.tidy(F32, code) + b'\xfd\x13'}[t]
        if have == F64:
            return {I32: code + b'\xfc\x02', I64: code + b'\xfc\x07', F32: code + b'\xb6',
                    V128: self.tidy(F64, code) + b'\xfd\x14'}[t]
        return {I32: code + b'\xfd\x1b\x01', I64: code + b'\xfd\x1d\x01', F32: code + b'\xfd\x1f\x02',
                F64: code + b'\xfd\x21\x00'}[t]

    # --- control that gives a value

    def selected(self, t, depth):
        code = self.expr(t, depth + 1) + self.expr(t, depth + 1) + self.expr(I32, depth + 1)
        return code + (b'\x1b' if self.rng.random() < 0.7 else b'\x1c\x01' + valtype(t))

    def branched(self, t, depth):
        return (self.expr(I32, depth + 1) + b'\x04' + valtype(t) + self.statements(2, depth) + self.expr(t, depth + 1) +
                b'\x05' + self.statements(2, depth) + self.expr(t, depth + 1) + b'\x0b')

    def blocked(self, t, depth):
        """A block that is left early or at its end."""
        code = b'\x02' + valtype(t) + self.statements(2, depth)
        code += self.expr(t, depth + 1) + self.expr(I32, depth + 1) + b'\x0d\0\x1a'
        return code + self.statements(1, depth) + self.expr(t, depth + 1) + b'\x0b'

    def switched(self, t, depth):
        rng = self.rng
        n = rng.randrange(1, 6)
        code = b'\x02' + valtype(t)
        for _ in range(n):
            code += b'\x02\x40'
        targets = [u(rng.randrange(n)) for _ in range(rng.choice([0, 1, 3, 8]))]
        code += self.expr(I32, depth + 1)
        if rng.random() < 0.7:
            code += const(I32, 7) + b'\x71'
        code += b'\x0e' + vec(targets) + u(rng.randrange(n))
        for i in range(n):
            code += b'\x0b' + self.statements(1, depth)
            if rng.random() < 0.6:
                code += self.expr(t, depth + 2) + b'\x0c' + u(n - 1 - i)
                if i < n - 1:
                    continue
                return code + b'\x0b'
        return code + self.expr(t, depth + 1) + b'\x0b'

    def looped(self, t, depth):
        """A loop with a parameter that goes round."""
        if self.loops > 1 or isinstance(t, bytes):
            return self.simple(t)
        rng = self.rng
        counter = self.new_local(I32)
        self.counters.add(counter)
        self.loops += 1
        x = self.new_local(t)
        code = const(I32, rng.randrange(1, 12)) + b'\x21' + u(counter) + self.expr(t, depth + 1)
        code += b'\x03' + s(self.p.type_index([t], [t])) + b'\x21' + u(x) + self.statements(2, depth)
        code += self.expr(t, depth + 1) + b'\x20' + u(counter) + const(I32, 1) + b'\x6b\x22' + u(counter) + b'\x0d\0\x0b'
        self.loops -= 1
        return code

    def teed(self, t, depth):
        return self.expr(t, depth + 1) + b'\x22' + u(self.pick_local(t, True))

    # --- calls

    def arguments(self, type_index, depth):
        return b''.join(self.expr(t, depth + 2) for t in self.p.types[type_index][0])

    def results_to(self, type_index, t):
        """Results are on the stack: all are consumed and one t is left."""
        results = self.p.types[type_index][1]
        code = b''
        kept = None
        for i, have in reversed(list(enumerate(results))):
            if kept is None and (have == t or (i == 0 and not isinstance(have, bytes) and not isinstance(t, bytes))):
                kept = self.new_local(have)
                code += b'\x21' + u(kept)
            elif self.rng.random() < 0.5:
                code += b'\x21' + u(self.pick_local(have, True))
            else:
                code += b'\x1a'
        if kept is None:
            return code + self.simple(t)
        return code + self.convert(self.locals[kept], t, b'\x20' + u(kept))

    def called(self, t, depth):
        callees = list(range(self.p.nimported)) + list(range(self.index + 1, len(self.p.funcs)))
        if not callees or self.leaf and self.index + 1 >= len(self.p.funcs):
            return self.row(t, depth)
        callee = self.rng.choice(callees)
        type_index = self.p.funcs[callee]
        return self.arguments(type_index, depth) + b'\x10' + u(callee) + self.results_to(type_index, t)

    def table_index(self, table, depth):
        is64 = self.p.tables[table]['is64']
        t = I64 if is64 else I32
        if self.rng.random() < 0.5:
            return const(t, self.rng.randrange(12))
        code = self.expr(t, depth + 2)
        if self.rng.random() < 0.05:
            return code
        return code + const(t, 7) + (b'\x83' if is64 else b'\x71')

    def indirect(self, t, depth):
        """Slot i of table 0 holds the leaf of type i, as long as nobody changed it."""
        if self.leaf:
            return self.row(t, depth)
        type_index = self.rng.randrange(self.p.first_refs)
        is64 = self.p.tables[0]['is64']
        index = const(I64 if is64 else I32, type_index)
        if self.rng.random() < 0.3:
            index = self.expr(I64 if is64 else I32, 4) + b'\x1a' + index
        if self.rng.random() < 0.03:
            index = self.table_index(0, depth)
        return self.arguments(type_index, depth) + index + b'\x11' + u(type_index) + b'\0' + self.results_to(type_index, t)

    def by_reference(self, t, depth):
        if self.leaf:
            return self.row(t, depth)
        p = self.p
        code = self.arguments(p.typed, depth)
        code += self.reference(ref(p.typed), depth)
        if self.rng.random() < 0.3:
            code += b'\xd4'
        return code + b'\x14' + u(p.typed) + self.results_to(p.typed, t)

    def reference(self, t, depth):
        p, rng = self.p, self.rng
        way = rng.random()
        if p.kind == 'all' and t == ref(p.typed):
            if way < 0.6:
                return b'\xd2' + u(p.leaves + p.typed)
            if way < 0.7:
                return self.table_index(2, depth) + b'\x25\x02'
        elif t == FUNCREF and way < 0.5:
            return b'\xd2' + u(rng.randrange(len(p.funcs)))
        elif t in (FUNCREF, EXTERNREF) and way < 0.6:
            table = 0 if t == FUNCREF else 1
            return self.table_index(table, depth) + b'\x25' + u(table)
        if way < 0.85:
            return b'\x20' + u(self.pick_local(t))
        if way < 0.95:
            return b'\x23' + u([g[0] for g in p.globals].index(t))
        return b'\xd0' + (t[1:] if t[0] == 0x63 else t)

    def wide(self, t, depth):
        op = self.rng.choice([o for o in self.p.ops if o.feature == 'WIDE_ARITHMETIC'])
        code = b''.join(self.operand(letter, depth) for letter in op.ins) + op.code
        return self.convert(I64, t, code + b'\x21' + u(self.pick_local(I64, True)))

    # --- exceptions

    def thrown(self, depth):
        tag = self.rng.randrange(len(self.p.tags))
        return self.arguments(self.p.tags[tag], depth) + b'\x08' + u(tag)

    def tried(self, t, depth):
        """block (outer) { block (with what a catch carries) { try_table { ... } } ... }"""
        rng, p = self.rng, self.p
        tag = rng.randrange(len(p.tags))
        params = list(p.types[p.tags[tag]][0])
        kind = rng.randrange(4)  # catch, catch_ref, catch_all, catch_all_ref
        carried = (params if kind < 2 else []) + ([b'\x64\x69'] if kind % 2 else [])
        catch = bytes([kind]) + (u(tag) if kind < 2 else b'') + u(0)
        extra = [] if rng.random() < 0.7 else [b'\x02' + u(1)]  # catch_all to the outer block's end: it has a result
        code = b'\x02' + valtype(t) + b'\x02' + s(p.type_index([], carried))
        code += b'\x1f' + valtype(t) + vec([catch]) + self.statements(2, depth)
        if rng.random() < 0.5:
            code += self.expr(I32, depth + 2) + b'\x04\x40' + self.thrown(depth) + b'\x0b'
        code += self.expr(t, depth + 1) + b'\x0b\x0c\x01\x0b'
        del extra
        for have in reversed(carried):
            if have == b'\x64\x69':
                code += b'\x21' + u(self.pick_local(EXNREF, True))
                if rng.random() < 0.15:
                    code += self.expr(I32, depth + 2) + b'\x04\x40\x20' + u(self.pick_local(EXNREF)) + b'\x0a\x0b'
            else:
                code += b'\x21' + u(self.pick_local(have, True))
        return code + self.expr(t, depth + 2) + b'\x0b'

    # --- statements

    def statements(self, most, depth):
        if depth > 4 or self.budget < 0:
            return b''
        return b''.join(self.statement(depth + 1) for _ in range(self.rng.randrange(most + 1)))

    def statement(self, depth):
        self.budget -= 1
        rng = self.rng
        ways = [self.assign] * 4 + [self.store] * 6 + [self.assign_global] * 2 + [self.array_loop] * 3 + [
            self.when, self.count_down, self.bulk, self.tables, self.dropped, self.leave, self.test_reference]
        return rng.choice(ways)(depth)

    def assign(self, depth):
        t = self.p.random_type([FUNCREF, EXTERNREF])
        return self.expr(t, depth) + b'\x21' + u(self.pick_local(t, True))

    def assign_global(self, depth):
        found = [i for i, g in enumerate(self.p.globals) if g[1]]
        i = self.rng.choice(found)
        t = self.p.globals[i][0]
        return self.tidy(t, self.expr(t, depth)) + b'\x24' + u(i)

    def store(self, depth):
        op = self.rng.choice(self.p.stores)
        if self.rng.random() < 0.1:
            op = self.p.by_id[self.rng.choice([o.id for o in self.p.ops if re.match(r'i\d+_atomic_store', o.id)])]
        return self.access(op, depth)

    def dropped(self, depth):
        return self.expr(self.p.random_type(), depth) + b'\x1a'

    def when(self, depth):
        code = self.expr(I32, depth) + b'\x04\x40' + self.statements(3, depth)
        if self.rng.random() < 0.5:
            code += b'\x05' + self.statements(3, depth)
        return code + b'\x0b'

    def leave(self, depth):
        """Returns, tail calls, traps or throws under a condition that is rarely true."""
        rng, p = self.rng, self.p
        rare = self.expr(I32, depth + 1) + const(I32, rng.choice([0, 5, 77777])) + b'\x46' + b'\x04\x40'
        way = rng.random()
        if way < 0.4:
            return rare + b''.join(self.expr(t, depth + 2) for t in self.results) + b'\x0f\x0b'
        if way < 0.5:
            return rare + b'\0\x0b'
        if way < 0.6 and p.tags:
            return rare + self.thrown(depth) + b'\x0b'
        same = [i for i in range(self.index + 1, len(p.funcs)) if p.types[p.funcs[i]][1] == self.results]
        if not same or self.leaf:
            return b'\x01'
        callee = rng.choice(same)
        type_index = p.funcs[callee]
        code = rare + self.arguments(type_index, depth)
        if way < 0.8:
            return code + b'\x12' + u(callee) + b'\x0b'
        if p.kind == 'all' and p.types[p.typed][1] == self.results:
            return rare + self.arguments(p.typed, depth) + self.reference(ref(p.typed), depth) + b'\x15' + u(p.typed) + b'\x0b'
        if p.types[type_index][1] == self.results and type_index < p.first_refs:
            index = const(I64 if p.tables[0]['is64'] else I32, type_index)
            return code + index + b'\x13' + u(type_index) + b'\0\x0b'
        return b'\x01'

    def test_reference(self, depth):
        rng, p = self.rng, self.p
        t = rng.choice([FUNCREF, EXTERNREF] + ([EXNREF, ref(p.typed)] if p.kind == 'all' else []))
        code = self.reference(t, depth)
        way = rng.random()
        if p.kind == 'node' or way < 0.4:
            return code + b'\xd1\x21' + u(self.pick_local(I32, True))
        heap = t[1:] if t[0] == 0x63 else t
        if way < 0.7:  # br_on_null
            return b'\x02\x40' + code + b'\xd5\0\x1a' + self.statements(2, depth) + b'\x0b'
        # br_on_non_null
        return b'\x02\x64' + heap + code + b'\xd6\0' + self.statements(2, depth) + b'\xd0' + heap + b'\xd4\x0b\x1a' \
            if way < 0.72 else b'\x02' + b'\x40' + b'\x02\x64' + heap + code + b'\xd6\0\x0c\x01\x0b\x1a' + \
            self.statements(2, depth) + b'\x0b'

    def bulk(self, depth):
        rng, p = self.rng, self.p
        a, b = self.memory(), self.memory()
        ta, tb = (I64 if p.memories[m]['is64'] else I32 for m in (a, b))
        short = I64 if ta == tb == I64 else I32
        n = rng.choice([0, 1, 7, 16, 33, 100, 1000])
        if rng.random() < 0.02:
            n = 70000
        way = rng.random()
        if way < 0.4:
            return self.address(a, depth) + self.expr(I32, depth + 1) + const(ta, n) + b'\xfc\x0b' + u(a)
        if way < 0.8:
            return self.address(a, depth) + self.address(b, depth) + const(short, n) + b'\xfc\x0a' + u(a) + u(b)
        if way < 0.95:
            data = rng.randrange(p.ndatas)
            n = min(n, 30) if rng.random() < 0.95 else n
            n = 0 if data == 0 and rng.random() < 0.9 else n  # an active segment is dropped
            return self.address(a, depth) + const(I32, rng.randrange(3)) + const(I32, n) + b'\xfc\x08' + u(data) + u(a)
        return b'\xfc\x09' + u(rng.randrange(p.ndatas)) if rng.random() < 0.3 else b'\x01'

    def tables(self, depth):
        rng, p = self.rng, self.p
        a = rng.randrange(len(p.tables))
        t, index = p.tables[a]['type'], I64 if p.tables[a]['is64'] else I32
        high = const(index, rng.randrange(8, 12) if a == 0 else rng.randrange(4))  # table 0's leaves stay
        way = rng.random()
        if way < 0.4:
            return high + self.reference(t, depth) + b'\x26' + u(a)
        if way < 0.55:
            return high + self.reference(t, depth) + const(index, rng.randrange(2)) + b'\xfc\x11' + u(a)
        if way < 0.75:
            b = a
            for other in range(len(p.tables)):
                if p.tables[other]['type'] == t and rng.random() < 0.5:
                    b = other
            both = I64 if index == I64 and p.tables[b]['is64'] else I32
            return (high + const(I64 if p.tables[b]['is64'] else I32, rng.randrange(3)) + const(both, rng.randrange(2)) +
                    b'\xfc\x0e' + u(a) + u(b))
        if way < 0.95 and a != 1:
            elem = 1 if a == 0 else 3
            return high + const(I32, 0) + const(I32, rng.randrange(2)) + b'\xfc\x0c' + u(elem) + u(a)
        return b'\xfc\x0d' + u(rng.randrange(p.nelems)) if rng.random() < 0.3 else b'\x01'

    # --- loops

    def count_down(self, depth):
        if self.loops > 1:
            return self.assign(depth)
        rng = self.rng
        counter = self.new_local(I32)
        self.counters.add(counter)
        self.loops += 1
        body = self.statements(3, depth)
        if rng.random() < 0.3:
            body += self.expr(I32, depth + 1) + const(I32, rng.choice([0, 3])) + b'\x46\x0d\x01'
        self.loops -= 1
        return (const(I32, rng.choice([1, 2, 5, 12])) + b'\x21' + u(counter) + b'\x02\x40\x03\x40' + body + b'\x20' + u(counter) +
                const(I32, 1) + b'\x6b\x22' + u(counter) + b'\x0d\0\x0b\x0b')

    def array_loop(self, depth):
        """for (i = start; i < end; i += step) memory[a + i] = f(memory[b + i]), and a sum."""
        if self.loops > 1:
            return self.store(depth)
        rng, p = self.rng, self.p
        memory = self.memory()
        is64 = p.memories[memory]['is64']
        t = I64 if is64 else I32
        i, end = self.new_local(t), self.new_local(t)
        self.counters |= {i, end}
        self.loops += 1
        store = rng.choice([o for o in p.stores if o.imm.startswith('MEM') and not o.imm.startswith('MEMLANE')])
        value = LETTER_TYPES[store.ins[1]]
        size = 1 << int(store.imm[-1])
        step = rng.choice([size, size, size, 1, 2 * size, 16])
        get = b'\x20' + u(i)
        start = const(t, rng.choice([0, 0, 16, 3]))
        limit = const(t, rng.choice([1, 8, 16, 33, 64, 200]) * step)
        if rng.random() < 0.4:
            limit = self.expr(t, depth + 2) + const(t, 0xff) + (b'\x83' if is64 else b'\x71')
        source = rng.choice([o for o in p.loads[value] if not o.imm.startswith('MEMLANE')])
        loaded = get + source.code + self.memarg(source, memory, rng.choice([0, 0, 1, size, 256, 4096]))
        way = rng.random()
        if way < 0.2:
            new = self.constant(value) if rng.random() < 0.5 else b'\x20' + u(self.pick_local(value))
        elif way < 0.4:
            new = loaded
        else:
            saved = self.budget
            self.budget = min(self.budget, 6)
            x = self.new_local(value)
            new = loaded + b'\x21' + u(x) + self.expr(value, 3)
            self.budget = saved
        body = get + self.tidy(value, new) + store.code + self.memarg(store, memory, rng.choice([0, 0, 2, 1024]))
        if rng.random() < 0.5:
            total = self.pick_local(value, True)
            op = rng.choice([o for o in p.rows[value] if len(o.ins) == 2 and o.ins == o.outs * 2 and not o.traps])
            body += self.tidy_vector(op, b'\x20' + u(total) + loaded + op.code + self.immediate(op)) + b'\x21' + u(total)
        if rng.random() < 0.2:
            body += self.statements(1, depth + 2)
        self.loops -= 1
        add, less = (b'\x7c', rng.choice([b'\x53', b'\x54', b'\x52'])) if is64 else (b'\x6a', rng.choice([b'\x48', b'\x49', b'\x47']))
        if less in (b'\x52', b'\x47'):  # !=: the end must be met
            limit = start + const(t, rng.randrange(1, 40) * step) + add
        return (start + b'\x21' + u(i) + limit + b'\x21' + u(end) + b'\x03\x40' + body + get + const(t, step) + add + b'\x22' +
                u(i) + b'\x20' + u(end) + less + b'\x0d\0\x0b')

    # --- the whole

    def body(self):
        code = self.statements(6, 0)
        while self.budget > 0 and not self.leaf and self.rng.random() < 0.85:
            code += self.statement(0)
        for t in self.results:
            code += self.expr(t, 1)
        groups = [u(1) + valtype(t) for t in self.locals[self.nparams:]]
        return sized(vec(groups) + code + b'\x0b')


def grow(ops, rng, kind):
    """A module's bytes."""
    p = Plan(ops, rng, kind)
    codes = [Function(p, i).body() for i in range(p.nimported, len(p.funcs))]
    every = kind == 'all'
    inits = []
    for t, mutable in p.globals:
        if isinstance(t, bytes):
            init = b'\xd0' + (t[1:] if t[0] == 0x63 else t)
        else:
            init = const(t, value_bits(rng, t))
        inits.append(valtype(t) + bytes([mutable]) + init + b'\x0b')
    leaf_refs = [b'\xd2' + u(p.leaves + i) + b'\x0b' for i in range(p.first_refs)]
    zero = const(I64 if p.tables[0]['is64'] else I32, 0)
    elems = [b'\x00' + zero + b'\x0b' + vec([u(p.leaves + i) for i in range(p.first_refs)][:8]),
             b'\x01\x00' + vec([u(rng.randrange(len(p.funcs))) for _ in range(3)]),
             b'\x03\x00' + vec([u(i) for i in range(len(p.funcs))])]
    if every:
        elems.append(b'\x05' + ref(p.typed) + vec([leaf_refs[p.typed]] * 3))
    at = const(I64 if p.memories[0]['is64'] else I32, rng.randrange(0, 3000))
    datas = [b'\x00' + at + b'\x0b' + sized(rng.randbytes(rng.choice([0, 64, 3000])))]
    datas += [b'\x01' + sized(rng.randbytes(40)) for _ in range(p.ndatas - 1)]
    exports = [name('f%d' % i) + b'\0' + u(i) for i in range(p.nimported, len(p.funcs))]
    imports = [name('env') + name('f%d' % i) + b'\0' + u(t) for i, t in enumerate(p.imports)]
    sections = {TYPE: [functype(*t) for t in p.types], IMPORT: imports, FUNCTION: [u(t) for t in p.funcs[p.nimported:]],
                TABLE: [t['type'] + limits(t) for t in p.tables], MEMORY: [limits(m) for m in p.memories],
                TAG: [b'\0' + u(t) for t in p.tags], GLOBAL: inits, EXPORT: exports, ELEM: elems, CODE: codes, DATA: datas}
    out = bytearray(HEAD)
    for id_ in ORDER:
        if id_ == DATACOUNT:
            out += bytes([id_]) + sized(u(len(datas)))
        elif sections.get(id_):
            out += bytes([id_]) + sized(vec(sections[id_]))
    return bytes(out)
