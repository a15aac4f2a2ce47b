#!/usr/bin/env python3
"""compiler_id.py - a header that names this compiler by a hash of all that it is made from,
so that what another one made is not taken for its work.

usage: compiler_id.py OUTPUT VERSION-WORD... -- SOURCE...
"""
import hashlib
import sys

output, words = sys.argv[1], sys.argv[2:]
at = words.index('--')
digest = hashlib.sha256()
for word in words[:at]:
    digest.update(word.encode() + b'\0')
for path in sorted(words[at + 1:]):
    with open(path, 'rb') as f:
        digest.update(f.read())
with open(output, 'w', encoding='utf-8') as f:
    f.write('/* compiler_id.h - written by compiler_id.py. */\n#define MO_COMPILER_ID "%s"\n' % digest.hexdigest()[:32])
