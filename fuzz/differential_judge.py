"""What must be equal between two runs of one module, and what may differ.

The reference is mote at -O0, strict, with canonical NaNs and fuel. Against it:
  strict code       everything, also after a trap: code of the trap, backtrace, memory
  code with fuel    also what was consumed, and where it ran out
  default code      everything but what a useless load explains: where the reference trapped
                    in a load out of bounds, the others may do anything, but where it did
                    not, they may not trap; after a trap memory is not compared
  other engines     everything, with the words for traps that they do not tell apart
A stack overflow is not compared. Floats: plain code and V8 make NaNs of other bits than
canonical code. Where mote at -O0 without canonical NaNs already differs from the
reference, the module lets NaN bits be seen, and plain code says nothing more.
"""
from differential_engines import SAME

LOADS = set(range(0x28, 0x36)) | {0xfd, 0xfe}  # first bytes; a vector or atomic store is not told apart here

TAIL_CALLS = {0x12, 0x13, 0x15}


class Config:
    """Flags of mote-compile and what they promise."""

    def __init__(self, flags, direct=False):
        self.flags, self.direct = flags.split(), direct
        self.strict = '--strict' in self.flags
        self.canonical = '--canonical-nans' in self.flags
        self.fuel = '--fuel' in self.flags

    def __str__(self):
        return ' '.join(self.flags) + (' direct' if self.direct else '')


REFERENCE = Config('-O0 --strict --canonical-nans --fuel')
PLAIN = Config('-O0')
ALWAYS = [PLAIN, Config('-O2'), Config('-O2 --strict --canonical-nans')]
SOMETIMES = [Config(flags, direct) for flags, direct in (
    ('-O1', False), ('-O3', False), ('-O2 --target-cpu=x86-64-v2', False),
    ('-O2 --target-cpu=x86-64-v3', False), ('-O2 --target-cpu=x86-64-v4', False), ('-O2 --canonical-nans', True),
    ('-O1 --strict --canonical-nans', False), ('-O3 --strict --canonical-nans', False),
    ('-O2 --fuel --strict --canonical-nans', False), ('-O1 --fuel --canonical-nans', False),
    ('-O0 --canonical-nans', True),
    ('-O2 --strict', False), ('-O2', True), ('-O0 --target-cpu=x86-64-v2 --canonical-nans', False))]


class Difference:
    def __init__(self, kind, step, words):
        self.kind, self.step, self.words = kind, step, words

    def __str__(self):
        return '%s in step %d: %s' % (self.kind, self.step, self.words)


def usable(outcome):
    """Is this step of the reference one that others can be asked to make?"""
    return outcome.kind in ('ok', 'trap', 'exception')


def in_a_load(main, outcome):
    """Did the reference trap in an access out of bounds that optimisers may find useless?"""
    if outcome.trap not in ('out of bounds memory access', 'unaligned atomic'):
        return False
    if outcome.trap == 'unaligned atomic':
        return True # of atomic accesses the fault may come first
    at = outcome.frames[0][1] if outcome.frames else 0
    return not at or main[at] in LOADS


def flattened(value):
    """A result of a function itself as its wrapper would give it."""
    letter, digits = value.split(':')
    n = int(digits, 16)
    if letter == 'f':
        return ['i:%08x' % (0x7fc00000 if n & 0x7fffffff > 0x7f800000 else n)]
    if letter == 'd':
        return ['l:%016x' % (0x7ff8 << 48 if n & (1 << 63) - 1 > 0x7ff << 52 else n)]
    if letter == 'v':
        return ['l:' + digits[16:], 'l:' + digits[:16]]
    if letter == 'n':
        return ['i:%08x' % (n == 0)]
    return [value]


def same_trap(want, have):
    return want == have or want in SAME.get(have, ())


def compare(main, steps, reference, answer, config=None):
    """The first Difference, or None. config: of mote; None for another engine."""
    strict = config is None or config.strict
    skipping = False
    for n, (step, want) in enumerate(zip(steps, reference)):
        if step[0]:
            skipping = False
        if skipping:
            continue
        if n >= len(answer.outcomes):
            return Difference(answer.problem or 'short', n, answer.words)
        have = answer.outcomes[n]
        if have.kind == 'stack' or want.kind == 'stack':
            skipping = True
            continue
        free = not strict and want.kind == 'trap' and in_a_load(main, want)
        if free and (have.kind != 'trap' or have.trap != want.trap):
            skipping = True
            continue
        found = differs(main, want, have, config, strict)
        if found:
            return Difference(found, n, 'want %s %s, have %s %s' % (want, ' '.join(want.hashes or []), have,
                                                                  ' '.join(have.hashes or [])))
    return None


MOST_FRAMES = 8  # that the runner tells


def lasting(main, frames):
    """Frames without those that ended in a tail call: inlining may keep them."""
    return [f for f in frames if main[f[1]] not in TAIL_CALLS]


def same_frames(main, want, have):
    """Is one the beginning of the other, where not all were told?"""
    a, b = lasting(main, want), lasting(main, have)
    n = min(len(a), len(b)) if MOST_FRAMES in (len(want), len(have)) else max(len(a), len(b))
    return a[:n] == b[:n]


def differs(main, want, have, config, strict):
    if want.kind != have.kind:
        return 'trap' if 'trap' in (want.kind, have.kind) else have.kind
    values = [v for value in have.values for v in flattened(value)] if config and config.direct else list(have.values)
    if list(want.values) != values:
        return 'value'
    if want.kind == 'trap' and not same_trap(want.trap, have.trap):
        return 'trap'
    if (strict or want.kind != 'trap') and want.hashes != have.hashes:
        return 'memory'
    if config and config.strict and not config.direct and not same_frames(main, want.frames, have.frames):
        return 'backtrace'
    if config and config.fuel and want.kind != 'trap' and want.fuel != have.fuel:
        return 'fuel'
    return None


def names_nan_bits(difference):
    """Could NaN bits explain it?"""
    return difference.kind in ('value', 'memory', 'trap', 'fuel', 'hang', 'exception', 'ok')
