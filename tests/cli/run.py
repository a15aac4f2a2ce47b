#!/usr/bin/env python3
"""mote run, from outside: what programs of preview 1 get, every option, every exit code.

usage: run.py MOTE MOTE_COMPILE
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import time

import wasm
from command import FUEL, LINK, MODULE, OK, SYSTEM, TIMEOUT, TRAP, USAGE, Command, finish, judge, skip
from wasm import DROP, I32, I64, UNREACHABLE, call, const, const64, get, load, module, program, store, text_at, wasi, write_out

MOTE, COMPILER = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:3])
if COMPILER == '-':
    skip('there is no compiler')
    finish()
folder = tempfile.mkdtemp()
mote = Command(MOTE, folder, MOTE_COMPILE=COMPILER, MOTE_CACHE_DIR=os.path.join(folder, 'cache'), HOME='/home/nobody',
               COLOUR='green', EMPTY='')


def strings_of(sizes, get_them):
    """Prints all strings, each ended by a zero."""
    return wasi(sizes, const(0), const(4)) + DROP + wasi(get_them, const(64), const(4096)) + DROP + \
        write_out(4096, load(4)) + DROP


def exits(value):
    return program(value + wasi('proc_exit'))


def opens(path, oflags, rights):
    """Ends with the errno of path_open below descriptor 3."""
    return program(text_at(64, path) + wasi(
        'path_open', const(3), const(1), const(64), const(len(path)), const(oflags), const64(rights), const64(0),
        const(0), const(32)) + wasi('proc_exit'))


# The name of descriptor 3, then of 4, as long as there are any; ends with 0.
name_of = b''.join(
    wasi('fd_prestat_get', const(fd), const(16)) + b'\x45\x04\x40' +
    wasi('fd_prestat_dir_name', const(fd), const(64), load(20)) + DROP + text_at(60, '<') + write_out(60, const(1)) + DROP +
    write_out(64, load(20)) + DROP + b'\x0b' for fd in (3, 4))
CREATE, READ, WRITE = 1, 1 << 1, 1 << 6

MODULES = {
    'args.wasm': program(strings_of('args_sizes_get', 'args_get')),
    'env.wasm': program(strings_of('environ_sizes_get', 'environ_get')),
    'names.wasm': program(name_of),
    'seven.wasm': exits(const(7)),
    'zero.wasm': exits(const(0)),
    'huge.wasm': exits(const(256)),
    'read.wasm': opens('there', 0, READ),
    'write.wasm': opens('there', 0, WRITE),
    'create.wasm': opens('new', CREATE, WRITE),
    'up.wasm': opens('../secret', 0, READ),
    'hello.wasm': program(text_at(64, 'hello\n') + write_out(64, const(6)) + wasi('proc_exit')),
    'accept.wasm': program(wasi('sock_accept', const(3), const(4), const(32)) + wasi('proc_exit')),
    'input.wasm': program(store(8, const(64)) + store(12, const(100)) +
                          wasi('fd_read', const(0), const(8), const(1), const(4)) + DROP +
                          write_out(64, load(4)) + wasi('proc_exit')),
    'trap.wasm': program(text_at(64, 'so far\n') + write_out(64, const(7)) + DROP + UNREACHABLE),
    'spin.wasm': program(b'\x03\x40\x0c\x00\x0b'),
    'deep.wasm': program(call(len(wasm.PREVIEW1))),
    'grow.wasm': module([('grow', [I32], [I32], get(0) + b'\x40\x00')], memory=b'\0\x01'),
    'plain.wasm': module([('add', [I32, I32], [I32], get(0) + get(1) + b'\x6a')]),
    'wrong.wasm': module([('_start', [], [], get(0))]),
    'lib.wasm': module([('twice', [I32], [I32], get(0) + get(0) + b'\x6a')]),
    'needs.wasm': module([('f', [I32], [I32], get(0) + call(0))], imports=[('lib', 'twice', [I32], [I32])]),
    'other.wasm': module([('f', [I64], [I64], get(0) + call(0))], imports=[('lib', 'twice', [I64], [I64])]),
}


def imports(modname, name):
    return module([('_start', [], [], b'')], imports=[(modname, name, [I32], [])])


MISSING = {
    ('wasi_snapshot_preview1', 'fd_frob'): 'no function of this name',
    ('wasi_snapshot_preview1', 'sock_connect'): 'tcplisten',
    ('wasi', 'thread-spawn'): 'wasi-threads',
    ('wasi_ephemeral_nn', 'load'): 'wasi-nn',
    ('wasi:cli/environment@0.2.0', 'get-environment'): 'wasm32-wasip1',
    ('wasix_32v1', 'futex_wait'): 'WASIX',
    ('gojs', 'runtime.wasmExit'): 'GOOS=wasip1',
    ('__wbindgen_placeholder__', '__wbindgen_throw'): 'wasm-bindgen',
    ('env', 'abort'): 'AssemblyScript',
    ('env', 'emscripten_resize_heap'): 'Emscripten',
    ('env', 'my_function'): 'no part of WASI',
    ('game', 'draw'): 'no part of WASI',
}

for path, data in MODULES.items():
    with open(os.path.join(folder, path), 'wb') as f:
        f.write(data)
os.mkdir(os.path.join(folder, 'data'))
for path in ('data/there', 'secret'):
    with open(os.path.join(folder, path), 'w', encoding='utf-8') as f:
        f.write('x')


def ends(words, status, *parts, out=None):
    """It ends so and says something with all these parts, or nothing at all."""
    have = mote.run(*words.split())
    text = have.stderr.decode(errors='replace')
    return judge('mote %s: want exit %d, said: %s%s' % (words, status, ', '.join(parts), '' if out is None else ', out %r' % out),
                 have.returncode == status and all(p in text for p in parts) and bool(text) == bool(parts) and
                 (out is None or have.stdout == out), have)


def says_one_line(words, status, *parts):
    have = mote.run(*words.split())
    text = have.stderr.decode(errors='replace')
    judge('mote %s: want exit %d and one line with: %s' % (words, status, ', '.join(parts)),
          have.returncode == status and all(p in text for p in parts) and text.count('\n') == 1 and
          text.startswith('mote: ') and not have.stdout, have)


def strings(*texts):
    return b''.join(t.encode() + b'\0' for t in texts)


def arguments():
    ends('run args.wasm', OK, out=strings('args.wasm'))
    ends('run ./args.wasm a --b -c', OK, out=strings('args.wasm', 'a', '--b', '-c'))
    ends('args.wasm a b', OK, out=strings('args.wasm', 'a', 'b'))
    ends('run -- args.wasm --help -- x', OK, out=strings('args.wasm', '--help', '--', 'x'))
    ends('run --argv0 other args.wasm a', OK, out=strings('other', 'a'))
    ends('run --argv0=other args.wasm', OK, out=strings('other'))
    shutil.copy(os.path.join(folder, 'args.wasm'), os.path.join(folder, 'args'))
    ends('args a', OK, out=strings('args', 'a'))
    have = mote.run('run', 'args.wasm', '', 'two words', 'ümlaut')
    judge('arguments arrive as they are', have.stdout == strings('args.wasm', '', 'two words', 'ümlaut'), have)


def environment():
    ends('run env.wasm', OK, out=b'')
    ends('run --env A=1 --env B= --env=C=x=y env.wasm', OK, out=strings('A=1', 'B=', 'C=x=y'))
    ends('run --env A=1 --env A=2 env.wasm', OK, out=strings('A=2'))
    ends('run --env COLOUR --env EMPTY env.wasm', OK, out=strings('COLOUR=green', 'EMPTY='))
    says_one_line('run --env NO_SUCH_VARIABLE env.wasm', USAGE, '--env NO_SUCH_VARIABLE', 'no such variable')
    says_one_line('run --env =x env.wasm', USAGE, '--env =x', 'NAME=VALUE')
    have = mote.run('run', '-S', 'inherit-env', '--env', 'COLOUR=red', 'env.wasm')
    got = set(have.stdout.split(b'\0')[:-1])
    judge('all variables are inherited, then changed', b'COLOUR=red' in got and b'HOME=/home/nobody' in got and
          b'COLOUR=green' not in got, have)
    ends('run -S inherit-env=n env.wasm', OK, out=b'')


def folders():
    ends('run names.wasm', OK, out=b'')
    ends('run --dir data names.wasm', OK, out=b'<data')
    ends('run --dir data::/data names.wasm', OK, out=b'</data')
    ends('run --dir data::/a --dir .::/b names.wasm', OK, out=b'</a</b')
    ends('run --dir data:ro names.wasm', OK, out=b'<data')
    ends('run --dir data::/data:ro names.wasm', OK, out=b'</data')
    ends('run --dir data::ro names.wasm', OK, out=b'<ro')
    ends('run read.wasm', 8)  # nothing is granted: no such descriptor
    ends('run --dir data read.wasm', OK)
    ends('run --dir data:ro read.wasm', OK)
    ends('run --dir data write.wasm', OK)
    for grant in ('data:ro', 'data::/data:ro'):
        for name in ('write', 'create'):
            have = mote.run('run', '--dir', grant, name + '.wasm')
            judge('%s.wasm is refused by --dir %s' % (name, grant), have.returncode in (2, 63, 69, 76), have)
    judge('nothing was made', not os.path.exists(os.path.join(folder, 'data/new')))
    ends('run --dir data create.wasm', OK)
    judge('a file was made', os.path.exists(os.path.join(folder, 'data/new')))
    have = mote.run('run', '--dir', 'data', 'up.wasm')
    judge('nothing above the folder', have.returncode in (63, 76), have)
    says_one_line('run --dir nowhere names.wasm', SYSTEM, '--dir nowhere', 'No such file')
    says_one_line('run --dir secret names.wasm', SYSTEM, '--dir secret', 'Not a directory')
    says_one_line('run --dir ::/x names.wasm', USAGE, '--dir ::/x', 'HOST::GUEST')
    says_one_line('run --dir data:: names.wasm', USAGE, 'HOST::GUEST')


def streams():
    ends('hello.wasm', OK, out=b'hello\n')
    have = mote.run('input.wasm', stdin=None, input=b'some words')
    judge('standard input arrives', have.stdout == b'some words' and have.returncode == OK, have)
    ends('run input.wasm', OK, out=b'')
    for words, status, part in ((('hello.wasm',), 64, b''),  # the guest is told: EPIPE
                                (('run', '--invoke', 'add', 'plain.wasm', '1', '2'), SYSTEM, b'standard output cannot be written'),
                                (('help', 'run'), SYSTEM, b'standard output cannot be written'),
                                (('run', '-W', 'help'), SYSTEM, b'standard output cannot be written')):
        reader, writer = os.pipe()
        os.close(reader)
        have = mote.run(*words, stdout=writer)
        os.close(writer)
        judge('a closed pipe: mote %s: want exit %d' % (' '.join(words), status),
              have.returncode == status and part in have.stderr and have.stderr.count(b'\n') == bool(part), have)
    with open('/dev/full', 'wb') as full:
        have = mote.run('hello.wasm', stdout=full)
        judge('a full disk: the guest is told ENOSPC', have.returncode == 51 and not have.stderr, have)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def connects(port):
    for _ in range(1000):
        try:
            socket.create_connection(('127.0.0.1', port)).close()
            return True
        except ConnectionRefusedError:
            time.sleep(0.01)
    return False


def sockets():
    port = free_port()
    for host in ('127.0.0.1', 'localhost'):
        server = mote.start('run', '-S', 'tcplisten=%s:%d' % (host, port), 'accept.wasm')
        judge('a connection to %s is accepted' % host, connects(port) and server.wait(30) == OK)
    ends('run accept.wasm', 8)
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        says_one_line('run -S tcplisten=127.0.0.1:%d accept.wasm' % taken.getsockname()[1], SYSTEM, 'in use')
    for bad in ('80', ':80', '127.0.0.1', '127.0.0.1:x', '127.0.0.1:99999', 'example.org:80', '[::1:80', '1.2.3:80'):
        says_one_line('run -S tcplisten=%s accept.wasm' % bad, USAGE, 'tcplisten=' + bad, '127.0.0.1:8080')
    says_one_line('run -S tcplisten accept.wasm', USAGE, 'tcplisten=ADDR')
    ends('run -S listenfd accept.wasm', 8)


def exit_codes():
    ends('seven.wasm', 7)
    ends('zero.wasm', OK)
    ends('huge.wasm', 255)
    ends('trap.wasm', TRAP, 'trap: ', 'unreachable', '_start', out=b'so far\n')
    ends('deep.wasm', TRAP, 'call stack exhausted')
    ends('run -W max-wasm-stack=64k deep.wasm', TRAP, 'call stack exhausted')
    ends('run -W timeout=50ms spin.wasm', TIMEOUT, 'time limit')
    ends('run -W fuel=10000 spin.wasm', FUEL, 'fuel')
    ends('run -W fuel=100000000 zero.wasm', OK)
    ends('wrong.wasm', MODULE, 'wrong.wasm', 'offset 0x')
    ends('run --preload lib=wrong.wasm --invoke f needs.wasm 1', MODULE, 'wrong.wasm')
    ends('run -W max-memory-size=64k --invoke grow grow.wasm 1', OK, out=b'-1\n')
    ends('run -W max-memory-size=1k --invoke grow grow.wasm 1', MODULE, 'memory')
    ends('run -W max-instances=1 --preload lib=lib.wasm --invoke f needs.wasm 1', MODULE, 'instance')


def missing_imports():
    for (modname, name), part in MISSING.items():
        with open(os.path.join(folder, 'm.wasm'), 'wb') as f:
            f.write(imports(modname, name))
        ends('m.wasm', LINK, '"%s" "%s"' % (modname, name), 'func', part)
    with open(os.path.join(folder, 'm.wasm'), 'wb') as f:
        f.write(module([('_start', [], [], b'')], imports=[('game', 'f%d' % i, [I32], []) for i in range(20)]))
    ends('m.wasm', LINK, '"game" "f0"', 'and 12 more')
    ends('run -S cli=n zero.wasm', LINK, 'proc_exit', '-S cli=n')
    ends('run --invoke f needs.wasm 1', LINK, '"lib" "twice"', '--preload')
    ends('run --preload lib=lib.wasm --invoke f needs.wasm 21', OK, out=b'42\n')
    ends('run --preload lib=lib.wasm --invoke f other.wasm 21', LINK, 'twice', 'i64')
    ends('run --preload lib=nowhere.wasm --invoke f needs.wasm 1', SYSTEM, 'nowhere.wasm')


def flags():
    for words in ('-O0', '-O 1', '-O2', '-Oopt-level=3', '-O opt-level=s', '--optimize=1', '-D debug-info', '-D debug-info=n',
                  '-D address-map=y', '-S cli', '-S cli=y', '-S inherit-network=n', '-S inherit-network', '-S preview2=n',
                  '-S inherit-env,cli', '-C cache=y', '-C cache=n', '-C parallel-compilation=n', '-C cache-size=1m',
                  '-W timeout=20s', '-W timeout=20,fuel=1000000', '-W simd=n', '-W nan-canonicalization', '-v', '--strict',
                  '-Wtimeout=20s', '-W max-table-elements=10'):
        ends('run %s hello.wasm' % words, OK, out=b'hello\n')
    for words, *parts in (
            ('--dri .', 'unknown option --dri', '--dir'), ('-X y', 'unknown option -X'), ('-S', '-S wants'),
            ('-S inherit-enw', 'did you mean inherit-env?'), ('-S http', 'there is no such key', 'tcplisten'),
            ('-S cli=perhaps', 'cli=perhaps', 'y|n'), ('-W timeout=0', 'timeout=0', 'TIME'), ('-W timeout', 'timeout=TIME'),
            ('-W fuel=many', 'fuel=many'), ('-W max-memory-size=big', 'max-memory-size=big', 'SIZE'),
            ('-W frobnicate', 'frobnicate'), ('-O 9', '0 to 3'), ('-O opt-level=9', 'opt-level=9'), ('-O fast', 'opt-level'),
            ('-C cash=n', 'did you mean cache?'), ('-C cache-size=0', 'cache-size=0'), ('-D coredump=x', 'debug-info'),
            ('--preload x', 'NAME=FILE'), ('--env', '--env wants'), ('--dir', '--dir wants')):
        if words in ('-S', '--env', '--dir'):
            says_one_line('run ' + words, USAGE, *parts)
        else:
            says_one_line('run %s hello.wasm' % words, USAGE, *parts)
    for group, part in (('S', b'tcplisten'), ('W', b'max-wasm-stack'), ('O', b'opt-level'), ('C', b'cache'), ('D', b'debug-info')):
        have = mote.run('run', '-' + group, 'help')
        judge('-%s help lists its keys' % group, have.returncode == OK and part in have.stdout and not have.stderr, have)
    have = mote.run('run', '--help')
    judge('--help teaches', all(p in have.stdout for p in (b'--dir', b'examples:', b'tcplisten', b':ro', b'134')), have)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/cli.md'), encoding='utf-8') as page:
        text = page.read()
    for group in 'SWOCD':
        for key in re.findall(r'^-%s (\S+?)=' % group, mote.run('run', '-' + group, 'help').stdout.decode(), re.MULTILINE):
            judge('docs/cli.md tells of -%s %s' % (group, key), '`-%s %s' % (group, key) in text)


def bad_files():
    says_one_line('run nowhere.wasm', SYSTEM, 'nowhere.wasm', 'No such file')
    says_one_line('run data', SYSTEM, 'Is a directory')
    says_one_line('run /dev/zero', SYSTEM, 'not a regular file')
    os.mkfifo(os.path.join(folder, 'fifo.wasm'))
    says_one_line('run fifo.wasm', SYSTEM, 'not a regular file')
    if os.geteuid() == 0:
        skip('root may read every file')
    else:
        os.chmod(os.path.join(folder, 'zero.wasm'), 0)
        says_one_line('run zero.wasm', SYSTEM, 'Permission denied')


def inherited_sockets():
    """A listener handed over as a service manager does it."""
    hand_over = 'import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ["LISTEN_PID"] = str(os.getpid()); ' \
                'os.execv(sys.argv[2], sys.argv[2:])'
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen()
        number = os.dup(s.fileno())
        server = subprocess.Popen(
            [sys.executable, '-c', hand_over, str(number), MOTE, 'run', '-S', 'listenfd', 'accept.wasm'], cwd=folder,
            env=dict(mote.env, LISTEN_FDS='1'), pass_fds=[number])
        judge('-S listenfd grants descriptor 3', connects(s.getsockname()[1]) and server.wait(30) == OK)
        os.close(number)


for group in (arguments, environment, folders, streams, sockets, inherited_sockets, exit_codes, missing_imports, flags, bad_files):
    group()
subprocess.run(['rm', '-rf', folder], check=False)
finish()
