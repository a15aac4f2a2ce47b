#!/usr/bin/env python3
"""libc's block functions are recognised, and do the same with the short cut as without.

usage: known.py MOTE MOTE_COMPILE KNOWN_DEF FOLDER_OF_TESTS
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

MOTE, COMPILER, KNOWN_DEF, HERE = sys.argv[1:]
NAMES = ('memcpy', 'memmove', 'memset', 'memcmp')
counts = {'passed': 0, 'failed': 0, 'skipped': 0}


def claim(words, good):
    counts['passed' if good else 'failed'] += 1
    if not good:
        print('failed:', words)


def end():
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped' % counts)
    sys.exit(counts['failed'] > 0)


def run(artifact, function, *args):
    done = subprocess.run([MOTE, 'run', '--invoke', function, artifact, *args], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else 'status %d' % done.returncode


def build(folder):
    clang = shutil.which('clang-19') or shutil.which('clang')
    wasm, unlinked = os.path.join(folder, 'known.wasm'), os.path.join(folder, 'known.o')
    target = [str(clang), '--target=wasm32-wasi']
    for command in ([*target, '-O1', '-fno-builtin', '-c', os.path.join(HERE, 'known.c'), '-o', unlinked],
                    [*target, '-nostartfiles', '-Wl,--no-entry', unlinked, '-o', wasm]):  # no -O: no wasm-opt
        done = subprocess.run(command, capture_output=True, text=True, check=False) if clang else None
        if done is None or done.returncode:
            print('no C compiler for WebAssembly with a libc:', done.stderr.strip() if done else 'clang')
            counts['skipped'] += 1
            end()
    return wasm


def compiled(wasm, *flags):
    artifact = '%s%s.mote' % (wasm, ''.join(flags))
    subprocess.run([COMPILER, *flags, wasm, '-o', artifact], check=True)
    return artifact


def rows(text):
    return set(re.findall(r'^KNOWN\((\w+), (\w+), (\w+),', text, re.MULTILINE))


with tempfile.TemporaryDirectory() as work:
    module = build(work)
    with open(KNOWN_DEF, encoding='utf-8') as file:
        known = rows(file.read())
    here = rows(subprocess.run([COMPILER, '--emit', 'known', module, '-o', '-'], capture_output=True, text=True,
                               check=True).stdout)
    claim('the module has them all', sorted(name for name, *_ in here) == sorted(NAMES))
    for row in here:
        if row in known:
            claim('known: ' + row[0], True)
        else:
            print('this libc\'s %s has no row in known.def' % row[0])
            counts['skipped'] += 1
    plain, short = compiled(module, '--strict'), compiled(module, '-O2')
    for function in ('copies', 'moves', 'sets', 'compares'):
        claim(function + ' as plain loops do', run(short, function) == '0')
    claim('overlapping copies do what they did', run(short, 'overlaps') == run(plain, 'overlaps'))
    for which in range(5):
        claim('operand %d ends with the memory' % which, run(short, 'reach_end', str(which), '0') == '1')
        claim('operand %d ends outside' % which, run(short, 'reach_end', str(which), '1') == 'status 134')
end()
