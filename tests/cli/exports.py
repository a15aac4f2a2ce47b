#!/usr/bin/env python3
"""What libmote.so shows the world: mote_ symbols of version MOTE_0 and nothing else; it
needs libc and libm only, and stays small.

usage: exports.py LIBMOTE_SO INCLUDE_FOLDER
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

LIBRARY, INCLUDE = sys.argv[1:3]
MOST_BYTES = 600 * 1000  # stripped
counts = [0, 0]


def claim(what, good, have=''):
    counts[not good] += 1
    if not good:
        print('%s: have %s' % (what, have))


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


symbols = [line.split()[-1] for line in output('nm', '-D', '--defined-only', LIBRARY).splitlines()]
shown = {s.split('@')[0] for s in symbols if s != 'MOTE_0' and not s.startswith('MOTE_0@')}
strange = [s for s in symbols if not re.fullmatch(r'mote_\w+@@MOTE_0', s) and not s.startswith('MOTE_0')]
claim('only mote_ symbols of version MOTE_0', not strange, strange)

declared = set()
for header in glob.glob(os.path.join(INCLUDE, 'mote', '*.h')):
    with open(header, encoding='utf-8') as f:
        text = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.DOTALL)
    declared |= set(re.findall(r'MOTE_API[^;{]*?\b(mote_\w+)\s*\(', text))
claim('all that the headers declare is there', not declared - shown, sorted(declared - shown))
claim('nothing is there that no header declares', not shown - declared, sorted(shown - declared))

needed = re.findall(r'NEEDED.*\[(.*)\]', output('readelf', '-dW', LIBRARY))
claim('needs libc and libm only', all(re.match(r'lib[cm]\.so|ld-linux', n) for n in needed), needed)
claim('soname', 'libmote.so.0' in re.findall(r'SONAME.*\[(.*)\]', output('readelf', '-dW', LIBRARY)))
claim('no writable code', not re.search(r'LOAD.* RWE ', output('readelf', '-lW', LIBRARY)))

with tempfile.TemporaryDirectory() as folder:
    stripped = os.path.join(folder, 'libmote.so')
    subprocess.run(['strip', '-o', stripped, LIBRARY], check=True)
    size = os.path.getsize(stripped)
    print('libmote.so, stripped: %d bytes' % size)
    claim('at most %d bytes stripped' % MOST_BYTES, size <= MOST_BYTES, size)

print('%d passed, %d failed, 0 skipped' % tuple(counts))
sys.exit(counts[1] > 0)
