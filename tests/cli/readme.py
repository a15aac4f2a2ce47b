#!/usr/bin/env python3
"""README.md's C program, built as it says and run.

usage: readme.py BUILD MOTE_COMPILE CC [FLAGS]
"""
import os
import re
import subprocess
import sys
import tempfile

from wasm import I32, get, module

BUILD, COMPILER, *CC = sys.argv[1:]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
if COMPILER == '-':
    print('no compiler was built\n0 passed, 0 failed, 1 skipped')
    sys.exit(0)

with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as f:
    program = re.search(r'```c\n(.*?)```', f.read(), re.DOTALL).group(1)
with tempfile.TemporaryDirectory() as folder:
    def at(name):
        return os.path.join(folder, name)

    with open(at('embed.c'), 'w', encoding='utf-8') as f:
        f.write(program)
    with open(at('sum.wasm'), 'wb') as f:
        f.write(module([('add', [I32, I32], [I32], get(0) + get(1) + b'\x6a')]))
    steps = (
        CC + ['-Wall', '-Wextra', '-Werror', '-I', os.path.join(ROOT, 'include'), at('embed.c'),
              '-L', BUILD, '-Wl,-rpath,' + os.path.abspath(BUILD), '-lmote', '-o', at('embed')],
        [COMPILER, at('sum.wasm'), '-o', at('sum.mote')],
        [at('embed'), at('sum.mote')],
    )
    passed = 0
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            print('%s\n%s%s' % (' '.join(step), done.stdout, done.stderr))
            break
        passed += 1
    good = passed == len(steps) and done.stdout == '3\n'
print('%d passed, %d failed, 0 skipped' % (good, not good))
sys.exit(not good)
