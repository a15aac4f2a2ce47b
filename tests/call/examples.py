#!/usr/bin/env python3
"""Each program of examples/, built as C and as C++ and run: it must print what its last
comment says, where `...` is anything within a line.

usage: examples.py EXAMPLES INCLUDE LIBRARY MOTE_COMPILE CC [CXX]
"""
import os
import re
import subprocess
import sys
import tempfile

EXAMPLES, INCLUDE, LIBRARY, COMPILER, CC, *CXX = sys.argv[1:]
FLAGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Werror', '-O1', '-I' + INCLUDE]
LANGUAGES = [[CC, '-std=c17', '-x', 'c']] + [[cxx, '-std=c++17', '-x', 'c++'] for cxx in CXX]
if COMPILER == '-':
    print('no compiler was built\n0 passed, 0 failed, 1 skipped')
    sys.exit(0)

passed = failed = 0
for name in sorted(os.listdir(EXAMPLES)):
    if not name.endswith('.c'):
        continue
    path = os.path.join(EXAMPLES, name)
    with open(path, encoding='utf-8') as f:
        wanted = re.search(r'/\* It prints:\n(.*)\*/\n\Z', f.read(), re.DOTALL)
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, 'program')
            build = language + FLAGS + [path, '-x', 'none', LIBRARY, '-lpthread', '-lm', '-o', program]
            run = subprocess.run(build, check=False)
            printed = None
            if run.returncode == 0:
                run = subprocess.run([program], env={**os.environ, 'MOTE_COMPILE': COMPILER}, timeout=60,
                                     stdout=subprocess.PIPE, text=True, check=False)
                printed = run.stdout
            if wanted and run.returncode == 0 and re.fullmatch(re.escape(wanted.group(1)).replace(r'\.\.\.', '.*'), printed):
                passed += 1
            else:
                failed += 1
                print(f'FAILED {name} by {language[0]}: status {run.returncode}, printed:\n{printed}')
print(f'{passed} passed, {failed} failed, 0 skipped')
sys.exit(failed != 0)
