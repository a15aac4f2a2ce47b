#!/usr/bin/env python3
"""mote snapshot and mote compile --snapshot, from outside; what they write is run by mote, and
by Wasmtime and Node where these are found.

usage: snapshot.py MOTE MOTE_COMPILE
Without a compiler (MOTE_COMPILE is `-`) all is skipped.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from wasm import DROP, I32, I64, UNREACHABLE, call, module

MOTE, COMPILER = os.path.abspath(sys.argv[1]), sys.argv[2]
OK, SYSTEM, USAGE, MODULE, LINK, STATE, TIMEOUT, TRAP = 0, 1, 2, 3, 4, 7, 124, 134
INIT = 'wizer-initialize'
P1 = 'wasi_snapshot_preview1'
passed = failed = skipped = 0
folder = tempfile.mkdtemp()


def const(n):
    """i32.const n, for n up to 2^31."""
    out = bytearray(b'\x41')
    while True:
        byte, n = n & 0x7f, n >> 7
        if n == 0 and not byte & 0x40:
            return bytes(out + bytes([byte]))
        out.append(byte | 0x80)


def const64(n):
    return b'\x42' + const(n)[1:]


def store(at, value):
    return const(at) + value + b'\x36\x02\x00'


def load(at):
    return const(at) + b'\x28\x02\x00'


GET = ('get', [], [I32], load(64))


def wasi(name, params, *args):
    """A module whose initialiser calls this function and keeps what is at 64."""
    return module([(INIT, [], [], b''.join(args) + call(0) + DROP), GET], imports=[(P1, name, params, [I32])],
                  memory=b'\0\1')


MODULES = {
    'ready.wasm': module([(INIT, [], [], store(64, const(4242))), GET], memory=b'\0\1'),
    'old.wasm': module([('wizer.initialize', [], [], store(64, const(7))), GET], memory=b'\0\1'),
    'setup.wasm': module([('setup', [], [], store(64, const(8))), GET, ('other', [], [I32], const(9))], memory=b'\0\1'),
    'grown.wasm': module([(INIT, [], [], const(2) + b'\x40\x00' + DROP + store(150000, const(11))),
                          ('get', [], [I32], load(150000) + b'\x3f\x00\x6a')], memory=b'\0\1'),
    'trap.wasm': module([(INIT, [], [], UNREACHABLE)]),
    'spin.wasm': module([(INIT, [], [], b'\x03\x40\x0c\x00\x0b')]),
    'grow.wasm': module([(INIT, [], [], b'\x03\x40' + const(64) + b'\x40\x00' + b'\x41\x7f\x47\x0d\x00\x0b')], memory=b'\0\1'),
    'fill.wasm': module([(INIT, [], [], b'\x03\x40' + const(64) + b'\x40\x00' + b'\x41\x7f\x47\x0d\x00\x0b' + UNREACHABLE)],
                        memory=b'\0\1'),
    'exit.wasm': module([(INIT, [], [], const(3) + call(0))], imports=[(P1, 'proc_exit', [I32], [])], memory=b'\0\1'),
    'random.wasm': wasi('random_get', [I32, I32], const(64), const(4)),
    'clock.wasm': wasi('clock_time_get', [I32, I64, I32], const(0), const64(1), const(64)),
    'env.wasm': wasi('environ_get', [I32, I32], const(1024), const(64)),
    'args.wasm': wasi('args_sizes_get', [I32, I32], const(64), const(68)),
    'open.wasm': module([(INIT, [], [], store(64, const(0x61)) + const(3) + const(0) + const(64) + const(1) + const(0) +
                          const64(2) + const64(0) + const(0) + const(128) + call(0) + DROP), ('get', [], [I32], load(128))],
                        imports=[(P1, 'path_open', [I32, I32, I32, I32, I32, I64, I64, I32, I32], [I32])], memory=b'\0\1'),
    'print.wasm': module([(INIT, [], [], store(0, const(64)) + store(4, const(3)) + store(64, const(0x0a6968)) +
                           const(1) + const(0) + const(1) + const(32) + call(0) + DROP), GET],
                         imports=[(P1, 'fd_write', [I32, I32, I32, I32], [I32])], memory=b'\0\1'),
    'needs.wasm': module([(INIT, [], [], store(64, call(0))), GET], imports=[('lib', 'five', [], [I32])], memory=b'\0\1'),
    'lib.wasm': module([('five', [], [I32], const(5))]),
    'stuck.wasm': module([('five', [], [I32], const(5)), ('', [], [], b'\x03\x40\x0c\x00\x0b')], start=1),
    'none.wasm': module([GET], memory=b'\0\1'),
    'wrong.wasm': module([(INIT, [I32], [], b'')]),
    'cut.wasm': module([GET], memory=b'\0\1')[:-9],
    'text.wat': b'(module)',
    'empty.wasm': b'',
}
for path, data in MODULES.items():
    with open(os.path.join(folder, path), 'wb') as f:
        f.write(data)
with open(os.path.join(folder, 'a'), 'w', encoding='ascii') as f:
    f.write('file')


def run(words, **more):
    env = dict(os.environ, MOTE_COMPILE=COMPILER, MOTE_CACHE_DIR=os.path.join(folder, 'cache'), LC_ALL='C', SNAP='of here',
               HOME=folder)
    try:
        return subprocess.run(words, cwd=folder, env=env, capture_output=True, timeout=60, check=False, **more)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, -1, b'', b'it did not end')


def judge(claim, good, have):
    global passed, failed
    if good:
        passed += 1
        return
    failed += 1
    print('%s\n    have exit %d\n    out: %s\n    err: %s' % (
        claim, have.returncode, have.stdout.decode(errors='replace')[:400], have.stderr.decode(errors='replace')))


def read(name):
    try:
        with open(os.path.join(folder, name), 'rb') as f:
            return f.read()
    except FileNotFoundError:
        return None


def makes(words, out, said=''):
    """mote snapshot ends with 0, says exactly this and writes a module that is valid."""
    have = run([MOTE, 'snapshot', *words, '-o', out])
    judge('mote snapshot %s: want %s' % (' '.join(words), out),
          have.returncode == OK and (said in have.stderr.decode() if said else not have.stderr), have)
    valid = run([MOTE, 'validate', out])
    judge('mote validate %s' % out, valid.returncode == OK, valid)
    if shutil.which('wasm-tools'):
        valid = run(['wasm-tools', 'validate', out])
        judge('wasm-tools validate %s' % out, valid.returncode == OK, valid)


def refuses(words, status, *parts):
    """It ends so, says all of these, and neither makes the file nor touches one that is there."""
    for old in (None, b'old'):
        if old:
            with open(os.path.join(folder, 'out.wasm'), 'wb') as f:
                f.write(old)
        have = run([MOTE, 'snapshot', *words, '-o', 'out.wasm'])
        text = have.stderr.decode(errors='replace')
        left = [name for name in os.listdir(folder) if name.startswith(('out.wasm', '.out.wasm', '.mote'))]
        judge('mote snapshot %s: want exit %d, said: %s' % (' '.join(words), status, ', '.join(parts)),
              have.returncode == status and all(p in text for p in parts) and text.startswith('mote: ') and
              read('out.wasm') == old and left == (['out.wasm'] if old else []), have)
    os.unlink(os.path.join(folder, 'out.wasm'))


NODE = '''
const bytes = require('fs').readFileSync(process.argv[1]);
const module_ = new WebAssembly.Module(bytes), imports = {};
for (const i of WebAssembly.Module.imports(module_)) (imports[i.module] ??= {})[i.name] = () => { throw 'called'; };
console.log(new WebAssembly.Instance(module_, imports).exports.get());
'''


def gives(name, value, engines=True):
    """`get` returns it, in whatever engine there is."""
    global skipped
    commands = [[MOTE, 'run', '--invoke', 'get', name]]
    if engines:
        commands += [['wasmtime', 'run', '--invoke', 'get', name], ['node', '-e', NODE, name]]
    for command in commands:
        if not shutil.which(command[0]):
            skipped += 1
            continue
        have = run(command)
        judge('%s %s: want %d' % (command[0], name, value), have.stdout.decode().split() == [str(value)], have)


def state_is_kept():
    makes(['ready.wasm'], 'a.wasm')
    gives('a.wasm', 4242)
    makes(['old.wasm'], 'b.wasm')
    gives('b.wasm', 7)
    makes(['-f', 'setup', 'setup.wasm'], 'c.wasm')
    gives('c.wasm', 8)
    makes(['grown.wasm'], 'd.wasm')
    gives('d.wasm', 14)
    makes(['ready.wasm'], 'e.wasm')
    judge('two snapshots are the same', read('a.wasm') == read('e.wasm'), run(['true']))
    have = run([MOTE, 'snapshot', 'ready.wasm', '-o', '-'])
    judge('-o - writes the same', have.stdout == read('a.wasm') and not have.stderr, have)
    have = run([MOTE, 'snapshot', 'ready.wasm', '-o', '/dev/null'])
    judge('-o /dev/null leaves it a device', have.returncode == OK and not os.path.isfile('/dev/null'), have)


def names_are_kept_or_not():
    for words, want in ((['setup.wasm', '-f', 'setup'], ['get', 'other']),
                        (['setup.wasm', '-f', 'setup', '--keep-init-func'], ['setup', 'get', 'other']),
                        (['setup.wasm', '-f', 'setup', '--keep-init-func=true'], ['setup', 'get', 'other']),
                        (['setup.wasm', '-f', 'setup', '--keep-init-func=false'], ['get', 'other']),
                        (['setup.wasm', '-f', 'setup', '-r', 'get=other'], ['get']),
                        (['setup.wasm', '-f', 'setup', '-r', 'new=other'], ['get', 'new'])):
        makes(words, 'f.wasm')
        text = run([MOTE, 'inspect', 'f.wasm']).stdout.decode()
        judge('%s: want the exports %s' % (words, want),
              all(('%s' % name) in text for name in want) and
              all(name in want or ('"%s"' % name) not in text for name in ('setup', 'get', 'other', 'new')), run([MOTE, 'inspect', 'f.wasm']))
    makes(['setup.wasm', '-f', 'setup', '-r', 'get=other'], 'f.wasm')
    gives('f.wasm', 9)
    refuses(['setup.wasm', '-f', 'setup', '-r', 'get=nothing'], USAGE, 'no exported function nothing')
    refuses(['setup.wasm', '-f', 'setup', '-r', 'get'], USAGE, 'want DST=SRC')
    refuses(['setup.wasm', '--keep-init-func=maybe'], USAGE, 'want true or false')


def what_is_granted():
    makes(['env.wasm', '--env', 'NAME=abc'], 'g.wasm')
    gives('g.wasm', int.from_bytes(b'NAME', 'little'))
    makes(['env.wasm', '--env', 'SNAP'], 'g.wasm')
    gives('g.wasm', int.from_bytes(b'SNAP', 'little'))
    makes(['env.wasm'], 'g.wasm')
    gives('g.wasm', 0)
    makes(['env.wasm', '--inherit-env', '--allow-wasi'], 'g.wasm')
    makes(['args.wasm'], 'g.wasm')
    gives('g.wasm', 0)
    makes(['needs.wasm', '--preload', 'lib=lib.wasm'], 'g.wasm')
    have = run([MOTE, 'run', '--preload', 'lib=lib.wasm', '--invoke', 'get', 'g.wasm'])
    judge('its imports stay', have.stdout == b'5\n', have)
    refuses(['needs.wasm'], LINK, 'lib', 'five')
    makes(['open.wasm'], 'g.wasm')                 # nothing granted: no descriptor, an errno
    refuses(['open.wasm', '--dir', '.'], STATE, 'open (4)')
    refuses(['open.wasm', '--dir', 'nowhere'], SYSTEM, 'nowhere')
    makes(['--wasm-simd', 'ready.wasm'], 'g.wasm')
    makes(['--wasm-bulk-memory=true', '-W', 'simd=n', 'ready.wasm'], 'g.wasm')
    have = run([MOTE, 'snapshot', 'print.wasm', '-o', 'g.wasm'])
    judge('the initialiser may print', have.returncode == OK and have.stdout == b'hi\n', have)
    have = run([MOTE, 'snapshot', 'print.wasm', '-o', '-'])
    judge('what it prints does not get into the module', have.stdout == read('g.wasm') and have.stderr == b'hi\n', have)


def chance_is_refused():
    refuses(['random.wasm'], TRAP, 'random numbers', '--allow random')
    refuses(['random.wasm', '--allow', 'clock'], TRAP, '--allow random')
    refuses(['clock.wasm'], TRAP, 'the time', '--allow clock')
    refuses(['clock.wasm', '--allow', 'time'], USAGE, 'random, clock')
    makes(['random.wasm', '--allow', 'random'], 'h.wasm', 'warning')
    makes(['random.wasm', '--allow', 'random,clock'], 'i.wasm', 'warning')
    judge('allowed randomness is the same each time', read('h.wasm') == read('i.wasm'), run(['true']))
    makes(['clock.wasm', '--allow', 'clock'], 'h.wasm', 'warning')
    gives('h.wasm', 0)


def failures():
    refuses(['trap.wasm'], TRAP, 'unreachable')
    refuses(['spin.wasm', '-W', 'timeout=200ms'], TIMEOUT, '-W timeout')
    refuses(['needs.wasm', '--preload', 'lib=stuck.wasm', '-W', 'timeout=200ms'], TIMEOUT, 'stuck.wasm')
    refuses(['grow.wasm', '-W', 'max-memory-size=16m'], STATE, '16777216 bytes')
    refuses(['fill.wasm', '-W', 'max-memory-size=16m'], TRAP, 'max-memory-size')
    refuses(['exit.wasm'], STATE, 'exit code 3')
    refuses(['none.wasm'], USAGE, INIT)
    refuses(['wrong.wasm'], USAGE, 'parameters')
    refuses(['ready.wasm', '-f', 'nothing'], USAGE, 'nothing')
    refuses(['cut.wasm'], MODULE, 'cut.wasm')
    refuses(['empty.wasm'], MODULE, 'not WebAssembly')
    refuses(['text.wat'], MODULE, 'text')
    refuses(['missing.wasm'], SYSTEM, 'missing.wasm')
    refuses(['ready.wasm', 'old.wasm'], USAGE, 'one file at a time')
    for words in (['ready.wasm'], ['-o', 'x.wasm'], []):
        have = run([MOTE, 'snapshot', *words])
        judge('mote snapshot %s: usage' % words, have.returncode == USAGE and b'usage: mote snapshot' in have.stderr, have)
    have = run([MOTE, 'snapshot', 'ready.wasm', '-o', 'no/such/folder.wasm'])
    judge('a folder that is not there', have.returncode == SYSTEM and b'no/such' in have.stderr, have)


def compiled():
    have = run([MOTE, 'compile', '--snapshot', 'ready.wasm', '-o', 'ready.mote'])
    judge('mote compile --snapshot', have.returncode == OK and not have.stderr, have)
    gives('ready.mote', 4242, engines=False)
    have = run([MOTE, 'compile', '-O1', '--snapshot', '-f', 'setup', '-r', 'get=other', '-W', 'timeout=5s', 'setup.wasm', '-o', 'setup.mote'])
    judge('mote compile --snapshot, with options', have.returncode == OK and not have.stderr, have)
    gives('setup.mote', 9, engines=False)
    for words, status, part in ((['--snapshot', 'ready.wasm'], USAGE, b'-o OUT'),
                                (['-f', 'setup', 'setup.wasm', '-o', 'x.mote'], USAGE, b'--snapshot'),
                                (['-W', 'timeout=1s', 'setup.wasm', '-o', 'x.mote'], USAGE, b'--snapshot'),
                                (['--snapshot', 'trap.wasm', '-o', 'x.mote'], TRAP, b'unreachable')):
        have = run([MOTE, 'compile', *words])
        judge('mote compile %s' % words, have.returncode == status and part in have.stderr and read('x.mote') is None, have)


if COMPILER == '-':
    skipped += 1
else:
    COMPILER = os.path.abspath(COMPILER)
    for part in (state_is_kept, names_are_kept_or_not, what_is_granted, chance_is_refused, failures, compiled):
        part()
shutil.rmtree(folder)
print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
sys.exit(failed != 0)
