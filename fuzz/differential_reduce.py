"""A finding's module made smaller while the finding stays.

Nothing here knows types: instructions are taken out or replaced by drops and constants,
and mote's validator says which of that is a module; those that are not cost little.
"""
import time

from differential_wasm import CODE, DATA, ELEM, F32, F64, FUNC_KIND, I32, I64, V128, Module, Reader, i32_const, i64_const, sized, u, vec

ZERO = {'i': b'\x41\0', 'l': b'\x42\0', 'f': b'\x43' + bytes(4), 'd': b'\x44' + bytes(8), 'v': b'\xfd\x0c' + bytes(16)}
ZERO_OF = {I32: 'i', I64: 'l', F32: 'f', F64: 'd', V128: 'v'}
DROP = b'\x1a'


def heap(r):
    r.s()


def memarg(r):
    align = r.u()
    if align & 0x40:
        r.u()
    r.u()


def block(r):
    if r.data[r.at] in (0x40,) or r.data[r.at] >= 0x60 and not 0x63 <= r.data[r.at] <= 0x64:
        r.byte()
    elif r.data[r.at] in (0x63, 0x64):
        r.valtype()
    else:
        r.s()


def try_table(r):
    block(r)
    for _ in range(r.u()):
        kind = r.byte()
        if kind < 2:
            r.u()
        r.u()


def select(r):
    for _ in range(r.u()):
        r.valtype()


def br_table(r):
    for _ in range(r.u() + 1):
        r.u()


def two(r):
    r.u(), r.u()


SKIP = {'NONE': lambda r: None, 'BLOCK': block, 'TRY_TABLE': try_table, 'BR_TABLE': br_table, 'CALL_INDIRECT': two,
        'TABLE_COPY': two, 'TABLE_INIT': two, 'MEMORY_COPY': two, 'MEMORY_INIT': two, 'I32': heap, 'I64': heap,
        'F32': lambda r: r.take(4), 'F64': lambda r: r.take(8), 'V128': lambda r: r.take(16),
        'SHUFFLE': lambda r: r.take(16), 'MEM': memarg, 'HEAP': heap, 'SELECT': select, 'FENCE': lambda r: r.byte()}


class Decoder:
    def __init__(self, ops):
        self.by_code = {o.code: o for o in ops}

    def body(self, data):
        """(local declarations, [(op, bytes)...] with the final end)."""
        r = Reader(data)
        for _ in range(r.u()):
            r.u(), r.valtype()
        head, insns = data[:r.at], []
        while r.at < len(data):
            at = r.at
            first = r.byte()
            code = bytes([first]) if first not in (0xfb, 0xfc, 0xfd, 0xfe) else bytes([first]) + u(r.u())
            op = self.by_code[code]
            kind = op.imm
            if kind.startswith('MEMLANE'):
                memarg(r), r.byte()
            elif kind.startswith('MEM') and kind[3:].isdigit():
                memarg(r)
            elif kind.startswith('LANE'):
                r.byte()
            else:
                SKIP.get(kind, lambda r: r.u())(r)
            insns.append((op, bytes(data[at:r.at])))
        return head, insns


def bodies(module):
    r = Reader(module.sections[CODE])
    return [bytes(r.take(r.u())) for _ in range(r.u())]


class Reducer:
    """interesting(main, steps) -> bool; step by step towards less."""

    def __init__(self, ops, interesting, main, steps, seconds):
        self.decoder, self.interesting = Decoder(ops), interesting
        self.main, self.steps, self.end = main, steps, time.monotonic() + seconds

    def over(self):
        return time.monotonic() > self.end

    def try_(self, main, steps):
        if self.over() or not self.interesting(main, steps):
            return False
        self.main, self.steps = main, steps
        return True

    def run(self):
        self.fewer_steps()
        before = None
        while before != self.main and not self.over():
            before = self.main
            self.fewer_bodies()
            self.fewer_segments()
            for i in sorted(self.own(), key=lambda i: -len(bodies(Module(self.main))[i])):
                self.fewer_instructions(i)
        return self.main, self.steps

    def own(self):
        """The bodies that are not the harness's: wrappers and #hash stay as they are."""
        m = Module(self.main)
        made = {i - m.nimported_funcs for text, kind, i in m.exports if kind == FUNC_KIND and text[:1] == b'#'}
        return [i for i in range(len(bodies(m))) if i not in made]

    def fewer_steps(self):
        n = len(self.steps)
        while n:
            i = len(self.steps) - n
            while i >= 0 and not self.over():
                self.try_(self.main, self.steps[:i] + self.steps[i + n:])
                i -= n
            n //= 2

    def with_body(self, i, body):
        m = Module(self.main)
        all_ = bodies(m)
        all_[i] = body
        m.sections[CODE] = vec([sized(b) for b in all_])
        return m.bytes()

    def fewer_bodies(self):
        """Whole functions that return zeros, or trap."""
        m = Module(self.main)
        for i in self.own():
            body = bodies(m)[i]
            results = m.types[m.funcs[m.nimported_funcs + i]][1]
            for short in (b'\0' + b''.join(self.zero(t) for t in results) + b'\x0b', b'\0\0\x0b'):
                if len(short) < len(body) and self.try_(self.with_body(i, short), self.steps):
                    break

    @staticmethod
    def zero(t):
        return ZERO[ZERO_OF[t]] if t in ZERO_OF else b'\xd0' + (t[1:] if t[0] in (0x63, 0x64) else t)

    def fewer_segments(self):
        for id_ in (DATA, ELEM):
            m = Module(self.main)
            if id_ == DATA and m.sections.get(DATA) and m.sections[DATA] != b'\0':
                m.sections[DATA] = b'\0'
                m.sections.pop(12, None)
                self.try_(m.bytes(), self.steps)

    def fewer_instructions(self, i):
        try:
            head, insns = self.decoder.body(bodies(Module(self.main))[i])
        except (KeyError, IndexError):
            return
        n = max(1, len(insns) // 2)
        while n and not self.over():
            at = len(insns) - 1 - n
            while at >= 0 and not self.over():
                less = insns[:at] + insns[at + n:]
                if self.try_(self.with_body(i, head + b''.join(b for _, b in less)), self.steps):
                    insns = less
                at -= max(1, n // 2) if n > 1 else 1
            n //= 2
        for at in range(len(insns) - 2, -1, -1):
            for instead in self.instead(insns[at]):
                less = insns[:at] + [(None, instead)] + insns[at + 1:]
                if self.try_(self.with_body(i, head + b''.join(b for _, b in less)), self.steps):
                    insns = less
                    break

    def instead(self, insn):
        """What an instruction can be replaced by: shorter forms of the same effect on the stack."""
        op, code = insn
        if op is None or not all(c in 'ilfdvA' for c in op.ins + op.outs):
            if op is not None and op.id in ('br_if', 'local_set', 'global_set', 'if'):
                yield DROP
            if op is not None and op.id == 'local_get':
                yield from ZERO.values()
            return
        if op.id.endswith('_const'):
            return
        outs = [ZERO.get(c, ZERO['i']) for c in op.outs]
        if len(op.ins) == len(op.outs) == 1 and op.ins == op.outs:
            yield b''
        if len(op.ins) == 2 and op.outs == op.ins[0]:
            yield DROP
        yield DROP * len(op.ins) + b''.join(outs)
