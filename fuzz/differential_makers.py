"""Where fuzz/differential's modules come from. Each maker gives, for a seed, a module's
bytes and the kind of engine that can run it: 'node' (Node 20 and the others) or 'all'
(Wasmtime). The same seed gives the same module.
"""
import json
import os
import subprocess

from differential_grow import grow

# What Node 20 knows and binaryen 108 gets right; its reference types are an old draft's.
TTF_FEATURES = ['sign-ext', 'mutable-globals', 'nontrapping-float-to-int', 'simd', 'bulk-memory', 'multivalue', 'tail-call',
                'extended-const', 'threads']


class Grown:
    """The project's own generator, differential_grow.py."""
    name = 'grow'

    def __init__(self, ops):
        self.ops = ops

    def make(self, rng, _folder):
        kind = rng.choice(['node', 'all'])
        return grow(self.ops, rng, kind), kind


class Binaryen:
    """wasm-opt -ttf on random bytes."""
    name = 'ttf'

    def __init__(self, program):
        self.program = program

    def make(self, rng, folder):
        source, out = os.path.join(folder, 'ttf.in'), os.path.join(folder, 'ttf.wasm')
        with open(source, 'wb') as f:
            f.write(rng.randbytes(rng.choice([200, 1000, 4000, 10000])))
        features = [f for f in TTF_FEATURES if rng.random() < 0.8]
        argv = [self.program, source, '-ttf', '-o', out] + ['--enable-' + f for f in features]
        if 'simd' not in features and rng.random() < 0.7:
            argv.append('--denan')
        if rng.random() < 0.3:
            argv.append('--fuzz-passes')
        if rng.random() < 0.5:
            argv.append('--no-fuzz-oob')
        return run(argv, out), 'node'


class Smith:
    """wasm-smith through wasm-tools."""
    name = 'smith'

    def __init__(self, program):
        self.program = program

    @staticmethod
    def config(rng, kind):
        every = kind == 'all'
        some = lambda chance: rng.random() < chance
        return {
            'gc-enabled': False, 'relaxed-simd-enabled': False, 'threads-enabled': some(0.3), 'export-everything': True,
            'shared-everything-threads-enabled': False, 'custom-descriptors-enabled': False,
            'compact-imports-enabled': False, 'simd-enabled': some(0.7), 'tail-call-enabled': some(0.7),
            'exceptions-enabled': every and some(0.8), 'memory64-enabled': every and some(0.5),
            'wide-arithmetic-enabled': every and some(0.5), 'custom-page-sizes-enabled': every and some(0.3),
            'max-memories': 3 if every else 1, 'min-memories': 1, 'max-tables': 3, 'max-imports': rng.choice([0, 0, 6]),
            'min-funcs': 2, 'max-funcs': rng.choice([4, 10]), 'max-instructions': rng.choice([60, 200, 600]),
            'max-memory32-bytes': 2 << 20, 'max-memory64-bytes': 2 << 20, 'max-table-elements': 1000,
            'canonicalize-nans': some(0.8), 'disallow-traps': some(0.6), 'max-globals': 12, 'max-data-segments': 6,
            'max-element-segments': 6, 'max-elements': 12, 'max-types': 20, 'max-tags': 4,
            'memory-offset-choices': [95, 4, 1], 'allow-floats': some(0.9), 'extended-const-enabled': some(0.5),
        }

    def make(self, rng, folder):
        kind = rng.choice(['node', 'all'])
        source, out, config = (os.path.join(folder, 'smith.' + end) for end in ('in', 'wasm', 'json'))
        with open(source, 'wb') as f:
            f.write(rng.randbytes(rng.choice([1000, 5000, 20000])))
        with open(config, 'w', encoding='utf-8') as f:
            json.dump(self.config(rng, kind), f)
        argv = [self.program, 'smith', '-c', config, source, '-o', out]
        if rng.random() < 0.7:
            argv += ['--ensure-termination', '-f', '100']
        return run(argv, out), kind


def run(argv, out):
    """The file that the command wrote, or None."""
    if os.path.exists(out):
        os.remove(out)
    try:
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return None
    if not os.path.exists(out):
        return None
    with open(out, 'rb') as f:
        return f.read()
