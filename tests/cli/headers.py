#!/usr/bin/env python3
"""Each public header alone, as a C and as a C++ program would include it first.

usage: headers.py INCLUDE_FOLDER CC [CXX]
"""
import os
import subprocess
import sys

INCLUDE, COMPILERS = sys.argv[1], sys.argv[2:]
WAYS = ((COMPILERS[0], 'c', ('c99', 'c11', 'c17')), *((c, 'c++', ('c++11', 'c++17')) for c in COMPILERS[1:2]))
passed = failed = 0
for header in sorted(os.listdir(os.path.join(INCLUDE, 'mote'))):
    for compiler, language, standards in WAYS:
        for standard in standards:
            done = subprocess.run(
                [compiler, '-x', language, '-std=' + standard, '-Wall', '-Wextra', '-Wpedantic', '-Wshadow',
                 '-Werror', '-fsyntax-only', '-I', INCLUDE, '-'],
                input='#include "mote/%s"\n' % header, capture_output=True, text=True, check=False)
            passed += done.returncode == 0
            failed += done.returncode != 0
            if done.returncode:
                print('mote/%s as %s:\n%s' % (header, standard, done.stderr))
print('%d passed, %d failed, 0 skipped' % (passed, failed))
sys.exit(failed > 0)
