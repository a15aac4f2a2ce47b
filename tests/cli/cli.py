#!/usr/bin/env python3
"""The command, from outside: what it prints, what it says, what it ends with.

usage: cli.py MOTE MOTE_COMPILE VERSION
Without a compiler (MOTE_COMPILE is `-`) what needs one is skipped.
"""
import os
import re
import stat
import subprocess
import sys
import tempfile

import wasm
from wasm import F32, F64, I32, I64, V128, EXTERNREF, call, get, module

MOTE, COMPILER, VERSION = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
COMPILER = COMPILER if COMPILER == '-' else os.path.abspath(COMPILER)
OK, SYSTEM, USAGE, MODULE, LINK, REFUSED, EXCEPTION, TIMEOUT, FUEL, TRAP = 0, 1, 2, 3, 4, 5, 6, 124, 125, 134
passed = failed = skipped = 0
folder = tempfile.mkdtemp()
CACHE = os.path.join(folder, 'cache')

ADD = ('add', [I32, I32], [I32], get(0) + get(1) + b'\x6a')
MODULES = {
    'sum.wasm': module([ADD]),
    'same.wasm': module([
        ('i32', [I32], [I32], get(0)), ('i64', [I64], [I64], get(0)), ('f32', [F32], [F32], get(0)),
        ('f64', [F64], [F64], get(0)), ('v128', [V128], [V128], get(0)), ('ref', [EXTERNREF], [EXTERNREF], get(0)),
        ('two', [I32, I64], [I64, I32], get(1) + get(0)), ('none', [], [], b'')]),
    'trap.wasm': module([
        ('div', [I32, I32], [I32], get(0) + get(1) + b'\x6d'), ('outer', [], [I32], b'\x41\x01\x41\x00' + call(0)),
        ('deep', [], [], call(2)), ('spin', [], [], b'\x03\x40\x0c\x00\x0b')]),
    'command.wasm': module([('_start', [], [], b'')]),
    'fails.wasm': module([('_start', [], [], wasm.UNREACHABLE)]),
    'start.wasm': module([('', [], [], wasm.UNREACHABLE)], start=0),
    'library.wasm': module([('answer', [], [I32], b'\x41\x2a')]),
    'needs.wasm': module([('f', [I32], [I32], get(0) + call(0))], imports=[('lib', 'twice', [I32], [I32])]),
    'twice.wasm': module([('twice', [I32], [I32], get(0) + get(0) + b'\x6a')]),
    'wasi.wasm': module([('_start', [], [], b'')], imports=[('wasi_snapshot_preview1', 'proc_exit', [I32], [])]),
    'wrong.wasm': module([('f', [I64], [I32], get(0))]),
    'simd.wasm': module([('f', [], [], b'\xfd\x0c' + b'\0' * 16 + wasm.DROP)]),
    'cut.wasm': module([ADD])[:-20],
    'big.wasm': module([('grow', [I32], [I32], get(0) + b'\x40\x00')], memory=b'\0\x01'),
    'component.wasm': b'\0asm\x0d\0\1\0',
    'text.wat': b'(module)',
    'noise.bin': b'\x7fELF nothing here',
    'empty.wasm': b'',
    'fake.mote': b'\0mote\r\n\x1a' + b'\0' * 5000,
}
for path, data in MODULES.items():
    with open(os.path.join(folder, path), 'wb') as f:
        f.write(data)


def run(*words):
    env = dict(os.environ, MOTE_COMPILE=COMPILER, MOTE_CACHE_DIR=CACHE, LC_ALL='C')
    try:
        return subprocess.run([MOTE, *words], cwd=folder, env=env, capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, -1, b'', b'it did not end')


def judge(claim, good, have):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print('%s\n    have exit %d\n    out: %s\n    err: %s' % (
            claim, have.returncode, have.stdout.decode(errors='replace'), have.stderr.decode(errors='replace')))


def prints(words, lines):
    """It ends with 0, prints exactly these lines and says nothing."""
    have = run(*words.split())
    judge('mote %s: want %r' % (words, lines),
          have.returncode == OK and have.stdout.decode().splitlines() == lines and not have.stderr, have)


def says(words, status, *parts):
    """It ends with this status and says something with all these parts; out stays empty."""
    have = run(*words.split())
    text = have.stderr.decode(errors='replace')
    judge('mote %s: want exit %d, said: %s' % (words, status, ', '.join(parts)),
          have.returncode == status and all(p in text for p in parts) and text.startswith('mote') and
          not have.stdout, have)


def tells(words, *parts):
    """It ends with 0 and prints something with all these parts."""
    have = run(*words.split())
    text = have.stdout.decode(errors='replace')
    judge('mote %s: want %s' % (words, ', '.join(parts)),
          have.returncode == OK and all(p in text for p in parts), have)


def words_and_help():
    prints('--version', ['mote ' + VERSION])
    tells('--help', 'run', 'compile', 'validate', 'inspect', 'usage')
    for name in ('run', 'compile', 'validate', 'inspect', 'help'):
        tells('help ' + name, 'usage: mote ' + name, 'exit status', '134')
        tells(name + ' --help', 'usage: mote ' + name)
        tells('help --man ' + name, '.TH', '.SH NAME', '.SH EXIT STATUS')
    tells('help --man', '.TH MOTE 1')
    says('rnu', USAGE, 'did you mean mote run?')
    says('xyzzyplugh', USAGE, 'no command or file')
    says('run --invok f sum.wasm', USAGE, 'unknown option --invok', '--invoke')
    says('run --zzzzzzzzzzzz sum.wasm', USAGE, 'unknown option --zzzzzzzzzzzz', 'help run')
    says('run', USAGE, 'usage: mote run')
    says('run --invoke', USAGE, '--invoke wants NAME')
    says('run --strict=1 sum.wasm', USAGE, 'takes no value')
    says('run -O9 sum.wasm', USAGE, '0 to 3')
    says('run -W simdd sum.wasm', USAGE, 'did you mean simd?')
    says('run -W simd=maybe sum.wasm', USAGE, 'y or n')
    says('run -W timeout=soon sum.wasm', USAGE, 'timeout=soon')
    says('run --preload nothing sum.wasm', USAGE, 'NAME=FILE')
    tells('run -W help', 'simd', 'threads', 'memory64')
    says('help nothing', USAGE, 'no command nothing')
    says('compile', USAGE, 'usage')
    says('validate', USAGE, 'usage')
    says('inspect', USAGE, 'usage')
    says('inspect sum.wasm trap.wasm', USAGE, 'one file at a time')


def documented():
    """docs/cli.md has the exit codes that the command prints."""
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/cli.md')
    with open(page, encoding='utf-8') as f:
        rows = re.findall(r'^\| (\d+) \| (.*) \|$', f.read(), re.MULTILINE)
    tells('help run', *('%3d  %s\n' % (int(code), text) for code, text in rows))


def bad_input():
    for name in ('run', 'validate', 'inspect', 'compile'):
        says(name + ' nowhere.wasm', SYSTEM, 'nowhere.wasm: No such file')
        says(name + ' .', SYSTEM, 'Is a directory')
        says(name + ' /dev/null', SYSTEM, 'not a regular file')
        says(name + ' text.wat', MODULE, 'wat2wasm text.wat', 'wasm-tools parse')
        says(name + ' component.wasm', MODULE, 'component')
        says(name + ' noise.bin', MODULE, 'not WebAssembly')
        says(name + ' empty.wasm', MODULE, 'not WebAssembly')
    says('validate wrong.wasm', MODULE, 'wrong.wasm', 'offset 0x', 'function 0', 'i32', 'i64')
    says('validate cut.wasm', MODULE, 'cut.wasm: offset 0x', 'malformed')
    says('inspect cut.wasm', MODULE, 'malformed')
    says('validate -W simd=n simd.wasm', MODULE, 'simd')
    says('validate fake.mote', MODULE, 'an artifact')
    says('run fake.mote', REFUSED, 'fake.mote')
    says('inspect fake.mote', REFUSED, 'fake.mote')
    says('inspect --verify sum.wasm', USAGE, 'not an artifact')


def good_modules():
    prints('validate sum.wasm simd.wasm', [])
    says('validate sum.wasm wrong.wasm nowhere.wasm', MODULE, 'wrong.wasm', 'nowhere.wasm')
    tells('inspect sum.wasm', 'a WebAssembly module', 'type', 'code', '"add" func (param i32 i32) (result i32)')
    tells('inspect needs.wasm', '"lib" "twice" func', '1 of them imported')
    tells('inspect simd.wasm', 'simd')


def running():
    prints('run --invoke add sum.wasm 1 2', ['3'])
    prints('--invoke add sum.wasm 1 2', ['3'])
    prints('run --invoke=add sum.wasm -1 0x10', ['15'])
    for level in '0123':
        prints('run -O%s --invoke add sum.wasm 1 2' % level, ['3'])
    prints('run -O opt-level=1 --invoke add sum.wasm 1 2', ['3'])
    prints('run command.wasm', [])
    prints('./command.wasm', [])
    prints('run command.wasm --any --words', [])
    prints('run --invoke none same.wasm', [])
    prints('run --invoke two same.wasm 1 2', ['2', '1'])
    for kind, word, line in (
            ('i32', '4294967295', '-1'), ('i32', '-2147483648', '-2147483648'), ('i32', '0xffffffff', '-1'),
            ('i64', '18446744073709551615', '-1'), ('i64', '-0x10', '-16'),
            ('f32', '1.5', '1.5'), ('f32', '0.1', '0.1'), ('f32', '16777216', '16777216'), ('f32', '1e-7', '0.0000001'),
            ('f64', '0.1', '0.1'), ('f64', '1e21', '1000000000000000000000'), ('f64', '-0', '-0'),
            ('f64', '123456.789', '123456.789'), ('f64', '0x1p-2', '0.25'),
            ('f64', 'inf', 'inf'), ('f64', '-inf', '-inf'), ('f64', 'nan', 'NaN'),
            ('v128', '1', '1'), ('v128', '0xffffffffffffffffffffffffffffffff', str(2 ** 128 - 1)),
            ('ref', 'null', '<null externref>')):
        prints('run --invoke %s same.wasm %s' % (kind, word), [line])
    says('run --invoke i32 same.wasm 4294967296', USAGE, '4294967296 is no i32')
    says('run --invoke i32 same.wasm 1x', USAGE, '1x is no i32')
    says('run --invoke f32 same.wasm one', USAGE, 'one is no f32')
    says('run --invoke add sum.wasm 1', USAGE, 'takes 2 arguments (i32, i32), 1 given')
    says('run --invoke ad sum.wasm 1', USAGE, 'no exported function ad', 'add')
    prints('run --preload lib=twice.wasm --invoke f needs.wasm 21', ['42'])


def failing():
    says('run --invoke div trap.wasm 1 0', TRAP, 'integer divide by zero', 'div')
    says('run --invoke div trap.wasm 0x80000000 -1', TRAP, 'integer overflow')
    says('run --invoke outer trap.wasm', TRAP, 'integer divide by zero', 'div', 'outer')
    says('run --invoke deep trap.wasm', TRAP, 'call stack exhausted')
    says('run fails.wasm', TRAP, 'unreachable', '_start')
    says('run start.wasm', TRAP, 'unreachable')
    says('run --invoke f needs.wasm 1', LINK, 'lib', 'twice')
    prints('run wasi.wasm', [])
    says('run -S cli=n wasi.wasm', LINK, 'wasi_snapshot_preview1', 'proc_exit', '-S cli=n')
    says('run wrong.wasm', MODULE, 'wrong.wasm', 'offset 0x')
    says('run -W simd=n --invoke f simd.wasm', MODULE, 'simd')
    says('run -W timeout=50ms --invoke spin trap.wasm', TIMEOUT, 'time limit')
    says('run -W fuel=10000 --invoke spin trap.wasm', FUEL, 'fuel')
    prints('run -W max-memory-size=1m --invoke grow big.wasm 100', ['-1'])
    prints('run --invoke grow big.wasm 100', ['1'])


def compiling():
    prints('compile sum.wasm -o sum.mote', [])
    prints('run --invoke add sum.mote 40 2', ['42'])
    prints('--invoke add sum.mote 40 2', ['42'])
    tells('inspect sum.mote', 'an artifact', 'x86_64', 'add', 'module hash')
    tells('inspect --verify sum.mote', 'contents are what the compiler wrote')
    tells('inspect --disassemble add sum.mote', 'lea')
    tells('inspect --disassemble 0 sum.mote', 'lea')
    tells('inspect --check sum.mote', 'accepted')
    says('inspect --disassemble nothing sum.mote', USAGE, 'nothing')
    says('compile sum.mote -o x.mote', MODULE, 'an artifact')
    says('compile wrong.wasm -o wrong.mote', MODULE, 'wrong.wasm', 'offset 0x')
    says('compile sum.wasm -o /nowhere/x.mote', SYSTEM, '/nowhere/x.mote')
    says('compile --emit=nothing sum.wasm', USAGE, 'nothing')
    prints('compile --emit=asm sum.wasm -o sum.s', [])
    prints('compile --emit=llvm sum.wasm -o sum.ll', [])
    prints('compile --fuel -O0 trap.wasm -o trap.mote', [])
    says('run -W fuel=10000 --invoke spin trap.mote', FUEL, 'fuel')
    says('run -W fuel=10000 --invoke add sum.mote 1 2', USAGE, 'compiled without')
    with open(os.path.join(folder, 'sum.mote'), 'rb') as f:
        data = f.read()
    with open(os.path.join(folder, 'cut.mote'), 'wb') as f:
        f.write(data[:-100])
    says('run --invoke add cut.mote 1 2', REFUSED, 'cut.mote')
    with open(os.path.join(folder, 'altered.mote'), 'wb') as f:
        f.write(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    says('inspect --verify altered.mote', REFUSED, 'altered.mote')
    os.chmod(os.path.join(folder, 'sum.mote'), 0o666)
    says('run --invoke add sum.mote 1 2', REFUSED, 'sum.mote')


def devices_stay():
    """Output to a pipe or device goes into it; it is not replaced by a file."""
    fifo = os.path.join(folder, 'fifo')
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    have = run('compile', 'sum.wasm', '-o', 'fifo')
    os.set_blocking(end, False)
    judge('an artifact comes out of the pipe', have.returncode == OK and os.read(end, 5) == b'\0mote', have)
    judge('the pipe is a pipe still', stat.S_ISFIFO(os.stat(fifo).st_mode), have)
    os.close(end)


def without_compiler():
    global COMPILER
    COMPILER = '/nowhere/mote-compile'
    says('run --invoke add sum.wasm 1 2', SYSTEM, 'mote-compile')


for group in (words_and_help, documented, bad_input, good_modules):
    group()
for group in (running, failing, compiling, devices_stay, without_compiler):
    if COMPILER == '-':
        skipped += 1
    else:
        group()
subprocess.run(['rm', '-rf', folder], check=False)
print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
sys.exit(failed > 0)
