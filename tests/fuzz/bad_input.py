#!/usr/bin/env python3
"""Modules that are large, deep or odd on purpose, through the command: each works, or is
refused in words that name the limit. Nothing crashes, nothing hangs.

usage: bad_input.py MOTE MOTE_COMPILE [--all] [--only WORDS] [--times]

Without --all the large ones are validated only, and those compiled are smaller by ten;
with it all is compiled at -O0 and -O2 (half an hour). Address space is capped, so that a
length that is believed before the bytes are there is found.
"""
import os
import resource
import subprocess
import sys
import tempfile
import time

from bad_modules import HEAD, Module, Unfit, each, shapes, small_module

MOTE, COMPILER, *WORDS = sys.argv[1:]
MOTE, COMPILER = os.path.abspath(MOTE), os.path.abspath(COMPILER)
ALL, TIMES = '--all' in WORDS, '--times' in WORDS
ONLY = WORDS[WORDS.index('--only') + 1] if '--only' in WORDS else ''
OK, SYSTEM, MODULE, TIMEOUT, TRAP = 0, 1, 3, 124, 134
LEVELS = ('-O0', '-O2')
SANITIZED = b'__asan_init' in open(MOTE, 'rb').read()
HANGS = 1500 if ALL else 240  # seconds that no run may take
ROOM = 2 << 30  # address space of a command that only validates
passed = failed = 0
folder = tempfile.TemporaryDirectory()
FILE, OUT = (os.path.join(folder.name, name) for name in ('module.wasm', 'module.mote'))


def cap():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))


def run(argv, **more):
    env = dict(os.environ, MOTE_COMPILE=COMPILER, LC_ALL='C')
    begin = time.monotonic()
    try:
        p = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANGS, check=False, **more)
    except subprocess.TimeoutExpired:
        return None, 'no end after %d s' % HANGS
    if TIMES:
        print('    %6.1f s  exit %d  %s' % (time.monotonic() - begin, p.returncode, ' '.join(argv[1:])))
    return p.returncode, p.stderr.decode(errors='replace').strip()


def judge(name, words, good, have):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    if not good:
        print('%s: mote %s: exit %s: %s' % (name, words, have[0], have[1][-300:]))


def named(have):
    """Is this a refusal whose words name a limit?"""
    return have[0] in (MODULE, SYSTEM, TIMEOUT) and 'limit' in have[1]


def remove():
    if os.path.exists(OUT):
        os.remove(OUT)


def put(data):
    with open(FILE, 'wb') as f:
        f.write(data)


def compile_and_run(name, data, level):
    remove()
    have = run([MOTE, 'compile', level, '-Wall', FILE, '-o', OUT])
    judge(name, 'compile ' + level, have[0] == OK or named(have), have)
    if have[0] != OK:
        judge(name, 'compile %s, no file' % level, not os.path.exists(OUT), have)
        return
    call, nparams = how_to_run(data)
    if call is None:
        return
    have = run([MOTE, 'run', '-W', 'timeout=2s', *call, OUT] + ['1'] * nparams)
    judge(name, 'run', have[0] in (OK, TIMEOUT, TRAP) or named(have) or 'memory is out' in have[1], have)


def how_to_run(data):
    """(words that name "f", how many arguments it wants); None if the module cannot be run alone."""
    try:
        m = Module(data)
    except Unfit: # types that are no functions, or such
        return [], 0
    if m.imports:
        return None, 0
    index = next((i for text, kind, i in m.exports if text == b'f'), None)
    return ([], 0) if index is None else (['--invoke', 'f'], len(m.types[m.funcs[index]][0]))


def try_module(name, data, right, compiles):
    put(data)
    have = run([MOTE, 'validate', '-Wall', FILE], preexec_fn=cap)
    if right == 'works':
        judge(name, 'validate', have == (OK, ''), have)
        for level in LEVELS if compiles else ():
            compile_and_run(name, data, level)
        return
    judge(name, 'validate', have[0] == MODULE and right in have[1], have)
    remove()
    have = run([MOTE, 'compile', FILE, '-o', OUT])
    judge(name, 'compile', have[0] == MODULE and right in have[1] and not os.path.exists(OUT), have)


def try_prefixes():
    """A small module of every section, cut everywhere; mote validate takes many files."""
    whole = small_module()
    paths = []
    for n in range(len(whole)):
        paths.append(os.path.join(folder.name, '%d.wasm' % n))
        with open(paths[-1], 'wb') as f:
            f.write(whole[:n])
    have = run([MOTE, 'validate', '-Wall', *paths], preexec_fn=cap)
    lines = [line for line in have[1].splitlines() if line.startswith('mote: ')]
    # a prefix that ends where a section does may be a module of its own
    whole_ones = sum(is_section_end(whole, n) for n in range(len(whole)))
    judge('cut at each byte', 'validate', have[0] == MODULE and len(whole) - whole_ones <= len(lines) <= len(whole), have)
    put(whole)
    for level in LEVELS:
        compile_and_run('not cut', whole, level)


def is_section_end(data, n):
    at = len(HEAD)
    while at < n:
        size = shift = 0
        at += 1
        while True:
            byte = data[at]
            size |= (byte & 0x7f) << shift
            shift, at = shift + 7, at + 1
            if not byte & 0x80:
                break
        at += size
    return at == n


def try_limits():
    """What LLVM would need minutes and gigabytes for."""
    put(dict(shapes(7000000))['divisions'])
    for flag, status in (('--time-limit=1', TIMEOUT), ('--memory-limit=600M', SYSTEM)):
        if SANITIZED and 'memory' in flag:
            continue
        remove()
        have = run([MOTE, 'compile', '-O0', flag, FILE, '-o', OUT])
        judge('limits', 'compile ' + flag, have[0] == status and flag[:-2].split('=')[0] in have[1] and not os.path.exists(OUT), have)


try_prefixes()
try_limits()
for name_, data_, right_, compiles_ in each(ALL):
    if ONLY in name_:
        if TIMES:
            print('%s, %d bytes' % (name_, len(data_)))
        try_module(name_, data_, right_, compiles_)
print('%d passed, %d failed, 0 skipped' % (passed, failed))
sys.exit(failed != 0)
