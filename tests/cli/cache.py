#!/usr/bin/env python3
"""The cache of mote run, from outside: compiled once, seen when changed, safe with many
processes, bounded, and nothing left behind.

usage: cache.py MOTE MOTE_COMPILE
"""
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

from command import OK, SYSTEM, USAGE, Command, finish, judge, skip
from wasm import I32, const, get, module

MOTE, COMPILER = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:3])
if COMPILER == '-':
    skip('there is no compiler')
    finish()
folder = tempfile.mkdtemp()
cache, log, wrapper = (os.path.join(folder, name) for name in ('cache', 'log', 'compiler'))
with open(wrapper, 'w', encoding='utf-8') as f:  # writes down who compiles
    f.write('#!/bin/sh\necho $$ >>"%s"\nexec "%s" "$@"\n' % (log, COMPILER))
os.chmod(wrapper, 0o700)
mote = Command(MOTE, folder, MOTE_COMPILE=wrapper, MOTE_CACHE_DIR=cache, HOME=folder)
SETTLED = 2.7  # seconds until a file's times are believed


def write(name, data):
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


def answers(n):
    """Each of these modules has the same size."""
    return module([('f', [], [I32], const(1000 + n))])


# A module that takes seconds to compile: functions that call nothing and fold to nothing.
def step(i):
    return get(0) + const(i | 0x10000) + b'\x6c' + get(0) + const(i % 31 + 1) + b'\x78\x73' + b'\x21\x00'


LONG = module([('f', [I32], [I32], b''.join(step(i * 7 + k) for k in range(400)) + get(0)) for i in range(1)] +
              [('', [I32], [I32], b''.join(step(i * 977 + k) for k in range(300)) + get(0)) for i in range(1000)])


def compilers():
    try:
        with open(log, encoding='utf-8') as f:
            return [int(line) for line in f]
    except FileNotFoundError:
        return []


def fresh():
    shutil.rmtree(cache, ignore_errors=True)
    if os.path.exists(log):
        os.unlink(log)


def files(ending=''):
    try:
        return sorted(n for n in os.listdir(cache) if n != 'lock' and n.endswith(ending))
    except FileNotFoundError:
        return []


def gives(n, *words, name='m.wasm', env=None):
    """The module answers so, and nothing is said."""
    have = mote.run('run', *words, '--invoke', 'f', name, env=env)
    return judge('%s gives %d' % (name, 1000 + n),
                 have.returncode == OK and have.stdout == b'%d\n' % (1000 + n) and not have.stderr, have)


def compiled(n, when):
    have = len(compilers())
    judge('%s: compiled %d times, want %d' % (when, have, n), have == n)


def once():
    fresh()
    write('m.wasm', answers(1))
    gives(1)
    gives(1)
    compiled(1, 'run twice')
    mode = os.stat(cache)
    judge('the folder has mode 0700', stat.S_IMODE(mode.st_mode) == 0o700)
    judge('one entry, no front yet', len(files('.mote')) == 1 and len(files()) == 1)
    time.sleep(SETTLED)
    gives(1)
    gives(1)
    judge('the file is known', len(files('.file')) == 1)
    trace = os.path.join(folder, 'trace')
    if shutil.which('strace') and subprocess.run(['strace', '-o', trace, MOTE, 'run', '--invoke', 'f', 'm.wasm'], cwd=folder,
                                                 env=mote.env, capture_output=True, check=False).returncode == 0:
        with open(trace, encoding='utf-8') as f:
            judge('an unchanged module is not even opened', 'open' in f.read() and not re.search(
                r'open\w*\([^)]*m\.wasm', open(trace, encoding='utf-8').read()))
    else:
        skip('strace is not to be had')
    shutil.copy(os.path.join(folder, 'm.wasm'), os.path.join(folder, 'copy.wasm'))
    gives(1, name='copy.wasm')
    compiled(1, 'a copy')
    gives(1, '-O0')
    gives(1, '-O0')
    compiled(2, 'another level')
    gives(1, '-W', 'fuel=1000')
    compiled(3, 'with fuel')
    gives(1, '-C', 'cache=n')
    gives(1, '-C', 'cache=n')
    compiled(5, 'without the cache')


def changes():
    """Every change is seen, however quick it is and whatever its times say."""
    fresh()
    for n in range(30):
        write('m.wasm', answers(n))
        gives(n)
        if n % 3 == 0:
            os.utime(os.path.join(folder, 'm.wasm'), (1, 1))
            gives(n)
    time.sleep(SETTLED)
    gives(29)
    gives(29)
    before = os.stat(os.path.join(folder, 'm.wasm'))
    with open(os.path.join(folder, 'm.wasm'), 'r+b') as f:  # in place, same size, old time put back
        f.write(answers(40))
    os.utime(os.path.join(folder, 'm.wasm'), ns=(before.st_atime_ns, before.st_mtime_ns))
    gives(40)


def damage():
    def cut(path):
        os.truncate(path, 4500)

    def empty(path):
        os.truncate(path, 0)

    def alter(path):
        with open(path, 'r+b') as f:
            f.seek(60)
            f.write(b'damage')

    def open_to_all(path):
        os.chmod(path, 0o666)

    for times, how in enumerate((cut, empty, alter, open_to_all)):
        fresh()
        write('m.wasm', answers(times))
        gives(times)
        how(os.path.join(cache, files('.mote')[0]))
        gives(times)
        compiled(2, 'after ' + how.__name__)
        gives(times)
        compiled(2, 'and once more after ' + how.__name__)
    fresh()
    write('m.wasm', answers(1))
    time.sleep(SETTLED)
    gives(1)
    cut(os.path.join(cache, files('.file')[0]))
    gives(1)
    compiled(2, 'when it was found by its file')


def twenty():
    fresh()
    write('m.wasm', answers(7))
    runs = [mote.start('run', '--invoke', 'f', 'm.wasm', stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(20)]
    good = [r.communicate(timeout=120) == (b'1007\n', b'') and r.returncode == OK for r in runs]
    judge('twenty at once all run', all(good))
    compiled(1, 'twenty at once')
    judge('and leave one entry', len(files()) == 1)
    fresh()
    names = []
    for n in range(5):
        names.append('m%d.wasm' % n)
        write(names[-1], answers(n))
    runs = [(k % 5, mote.start('run', '-C', 'cache-size=40k', '--invoke', 'f', names[k % 5], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)) for k in range(20)]
    good = [r.communicate(timeout=120) == (b'%d\n' % (1000 + n), b'') and r.returncode == OK for n, r in runs]
    judge('twenty at once in a cache too small for all run', all(good))


def bound():
    fresh()
    write('m.wasm', answers(0))
    gives(0)
    size = os.path.getsize(os.path.join(cache, files('.mote')[0]))
    limit = '%d' % (3 * size + size // 2)
    first = files('.mote')[0]
    for n in range(1, 6):
        for k, name in enumerate(files('.mote')):  # all long ago, the first one last
            os.utime(os.path.join(cache, name), (1000 + (name == first), 1000 + (name == first)))
        write('m.wasm', answers(n))
        gives(n, '-C', 'cache-size=' + limit)
    judge('three entries are left', len(files('.mote')) == 3)
    judge('what was used last is among them', first in files('.mote'))
    have = mote.run('cache', 'list')
    judge('mote cache list', have.returncode == OK and have.stdout.count(b'-O2') == 3 and b'3 modules' in have.stdout, have)
    have = mote.run('cache', 'path')
    judge('mote cache path', have.stdout == cache.encode() + b'\n', have)
    write('cache/diary.mote', b'dear diary')
    have = mote.run('cache', 'clear')
    judge('mote cache clear', have.returncode == OK and b'removed 3 modules' in have.stdout and files() == ['diary.mote'], have)
    have = mote.run('cache', 'list')
    judge('it is empty', have.stdout == b'0 modules, 0 bytes\n', have)
    fresh()
    have = mote.run('cache', 'list')
    judge('no cache is an empty cache', have.stdout == b'0 modules, 0 bytes\n' and not os.path.exists(cache), have)
    for words in (['cache'], ['cache', 'lst'], ['cache', 'list', 'path'], ['cache', '--all']):
        have = mote.run(*words)
        judge('mote %s is one line and %d' % (' '.join(words), USAGE),
              have.returncode == USAGE and have.stderr.count(b'\n') == 1 and not have.stdout, have)
    judge('mote cache --help', b'MOTE_CACHE_DIR' in mote.run('cache', '--help').stdout)


def no_folder(claim, **env):
    """It runs all the same; only -v says why it is slow."""
    write('m.wasm', answers(3))
    env = {k: v for k, v in {**mote.env, **env}.items() if v is not None}
    gives(3, env=env)
    have = mote.run('run', '-v', '--invoke', 'f', 'm.wasm', env=env)
    judge('%s: -v says so in one line' % claim,
          have.returncode == OK and have.stderr.count(b'\n') == 1 and b'cache' in have.stderr, have)


def unusable():
    fresh()
    no_folder('no home', MOTE_CACHE_DIR=None, HOME=None)
    no_folder('a folder that cannot be made', MOTE_CACHE_DIR='/proc/nowhere/cache')
    no_folder('a file', MOTE_CACHE_DIR=os.path.join(folder, 'm.wasm'))
    have = mote.run('cache', 'list', env={'PATH': mote.env['PATH']})
    judge('mote cache list without a home', have.returncode == SYSTEM and have.stderr.count(b'\n') == 1, have)
    os.mkdir(cache)
    os.chmod(cache, 0o777)
    no_folder('a folder that others can write')
    judge('and nothing was written there', not os.listdir(cache))
    have = mote.run('cache', 'list')
    judge('nor is it listed', have.returncode == 5 and b'0777' in have.stderr, have)
    os.chmod(cache, 0o500)
    if os.geteuid() != 0:
        no_folder('a folder that cannot be written')
    else:
        os.chmod(cache, 0o700)
        os.chown(cache, 12345, 12345)
        no_folder("another user's folder")
        judge('and nothing was written there', not os.listdir(cache))
        home = os.path.join(folder, 'home')
        os.mkdir(home)
        os.chown(home, 12345, 12345)
        no_folder("another user's home", MOTE_CACHE_DIR=None, HOME=home)
        judge('nor is a folder made there', not os.listdir(home))
    fresh()
    os.mkdir(cache)
    if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8k,mode=700', 'none', cache],
                                           capture_output=True, check=False).returncode != 0:
        skip('a small tmpfs cannot be mounted')
        return
    no_folder('a full disk')
    judge('a full disk keeps nothing', not files())
    subprocess.run(['umount', cache], check=True)


def gone(pid):
    """Has the process ended? It may wait for somebody to ask for its status."""
    try:
        with open('/proc/%d/stat' % pid, encoding='utf-8') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except FileNotFoundError:
        return True


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def interrupted():
    write('long.wasm', LONG)
    for number in (signal.SIGINT, signal.SIGKILL):
        fresh()
        run = mote.start('run', '-C', 'parallel-compilation=n', '--invoke', 'f', 'long.wasm', '1', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        judge('a compiler is started', until(lambda: len(compilers()) == 1))
        time.sleep(0.3)
        if not judge('it takes long enough', run.poll() is None):
            run.wait()
            continue
        run.send_signal(number)
        judge('%s ends the run' % number.name, run.wait(20) == -number)
        judge('and the compiler', until(lambda: gone(compilers()[0])))
        judge('and leaves nothing', not files())
    # Another one that waited goes on.
    fresh()
    first = mote.start('run', '-C', 'parallel-compilation=n', '--invoke', 'f', 'long.wasm', '1', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: len(compilers()) == 1)
    second = mote.start('run', '-C', 'parallel-compilation=n', '--invoke', 'f', 'long.wasm', '1', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    compiled(1, 'while the second waits')
    end, terminal = pty.openpty()
    third = mote.start('run', '-C', 'parallel-compilation=n', '--invoke', 'f', 'long.wasm', '1', stdout=subprocess.DEVNULL,
                       stderr=terminal)
    os.close(terminal)
    select.select([end], [], [], 20)
    third.terminate()
    judge('a third one says that it waits, and wipes that', b'waiting for another' in (text := read_terminal(end, third)) and
          text.endswith(b'\r\x1b[K'))
    os.close(end)
    first.kill()
    first.wait()
    judge('the second takes over', until(lambda: len(compilers()) == 2))
    second.kill()
    second.wait()


def read_terminal(end, run):
    text = b''
    while True:
        ready, _, _ = select.select([end], [], [], 0.1)
        if not ready and run.poll() is not None:
            return text
        try:
            text += os.read(end, 4096) if ready else b''
        except OSError:
            return text


def progress():
    """A bar on a terminal, and none elsewhere."""
    fresh()
    end, terminal = pty.openpty()
    run = mote.start('run', '-C', 'parallel-compilation=n', '--invoke', 'f', 'long.wasm', '1', stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    text = read_terminal(end, run)
    os.close(end)
    shown = [int(p) for p in re.findall(rb'(\d+) %', text)]
    judge('a bar is shown, does not go back, and is wiped: %r' % text[-200:],
          run.wait() == OK and b'compiling long.wasm [' in text and shown and shown == sorted(shown) and
          max(shown) <= 100 and text.endswith(b'\r\x1b[K'))
    end, terminal = pty.openpty()
    run = mote.start('run', '-C', 'parallel-compilation=n', '--invoke', 'f', 'long.wasm', '1', stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    judge('nothing is shown when it is there', read_terminal(end, run) == b'' and run.wait() == OK)
    os.close(end)


for group in (once, changes, damage, twenty, bound, unusable, interrupted, progress):
    group()
subprocess.run(['rm', '-rf', folder], check=False)
finish()
