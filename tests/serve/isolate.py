#!/usr/bin/env python3
"""What a worker of mote serve can do when it is taken over: as little as isolate.h says.

usage: isolate.py MOTE MOTE_HOOKED MOTE_COMPILE FILES.C MOTE.SERVICE

MOTE_HOOKED is mote with hook.c linked in, which tries things from inside a worker.
"""
import ctypes
import errno
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, Command, finish, judge, skip  # noqa: E402

MOTE, HOOKED, COMPILER, SOURCE, UNIT = (os.path.abspath(word) if word != '-' else word for word in sys.argv[1:6])
CLANG = shutil.which(os.environ.get('CLANG', 'clang-19'))
PATIENCE = 120
NOBODY = 65534
root = os.geteuid() == 0

with open(MOTE, 'rb') as f, open(HOOKED, 'rb') as g:
    judge('the hook is no part of mote', b'x-hook' not in f.read().lower() and b'x-hook' in g.read().lower())
if COMPILER == '-' or not CLANG:
    skip('there is no compiler')
    finish()
folder = tempfile.mkdtemp()
os.chmod(folder, 0o755)


def path(*names):
    return os.path.join(folder, *names)


made = subprocess.run([CLANG, '--target=wasm32-wasi', '-O1', SOURCE, '-o', path('files.wasm')], stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, check=False)
if made.returncode:
    skip('clang has no wasm32-wasi: ' + made.stdout.decode(errors='replace')[:200])
    finish()
mote = Command(MOTE, folder, MOTE_COMPILE=COMPILER, MOTE_CACHE_DIR=path('cache'), HOME='/nonexistent',
               ASAN_OPTIONS='detect_leaks=0')
if not judge('compile', mote.run('compile', path('files.wasm'), '-o', path('files.mote')).returncode == OK):
    finish()
hooked = Command(path('mote-hooked'), folder, MOTE_CACHE_DIR=path('cache'), ASAN_OPTIONS='detect_leaks=0')
shutil.copy(HOOKED, path('mote-hooked'))
os.chmod(path('mote-hooked'), 0o755)
os.chmod(path('files.mote'), 0o644)
for name in ('one', 'two', 'public', 'closed', 'outside'):
    os.mkdir(path(name))
    os.chmod(path(name), 0o755)
    with open(path(name, 'file'), 'wb') as f:
        f.write(b'text')
    os.chmod(path(name, 'file'), 0o666)
os.chmod(path('outside'), 0o777) # all that keeps a worker from it is Landlock
for name in ('one', 'two'):
    os.chmod(path(name), 0o777)


class Named(Command):
    """Where /etc/passwd and /etc/group are those of the test."""

    def start(self, *words, **how):
        own = ('mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"')
        return Command.start(self, '--mount', '--propagation', 'private', 'sh', '-c', own, 'sh', path('passwd'), path('group'),
                             self.program, *words, **how)


with open(path('passwd'), 'w', encoding='ascii') as f:
    f.write('root:x:0:0:root:/root:/bin/sh\nweb:x:4321:4321:web:/:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n')
with open(path('group'), 'w', encoding='ascii') as f:
    f.write('root:x:0:\nweb:x:4321:\nlogs:x:4400:root,web\nweb-data:x:4401:web\nothers:x:4402:webb\n')
named = Named(shutil.which('unshare') or 'unshare', folder, MOTE_CACHE_DIR=path('cache'), ASAN_OPTIONS='detect_leaks=0')
named.program = path('mote-hooked')
names = root and named.start('cache', '--help', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait() == OK


class Server:
    def __init__(self, *words, command=hooked, before=(), manifest=None, **how):
        self.lines = []
        words = ('serve', manifest) if manifest else ('serve', '--addr', '127.0.0.1:0', '--workers', '1', *words, path('files.mote'))
        self.process = command.start(*before, *words,
                                     stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **how)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        end = time.monotonic() + PATIENCE
        while not self.port() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode(errors='replace'))

    def log(self):
        return ''.join(self.lines)

    def port(self):
        found = re.search(r'http://127\.0\.0\.1:(\d+)/', self.log())
        return int(found.group(1)) if found else None

    def logged(self, pattern):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if re.search(pattern, self.log()):
                return True
            time.sleep(0.01)
        return False

    def ask(self, target, fields=''):
        """The answer's lines, or [] where the connection broke."""
        held = b''
        try:
            with socket.create_connection(('127.0.0.1', self.port()), timeout=PATIENCE) as s:
                s.sendall(('GET %s HTTP/1.0\r\n%s\r\n' % (target, fields)).encode())
                while True:
                    data = s.recv(4096)
                    if not data:
                        break
                    held += data
        except OSError:
            return []
        return held.decode('latin-1').partition('\r\n\r\n')[2].splitlines()

    def hook(self, words, target='/'):
        """The errno that an attempt ended with, 0, or None: it ended the worker."""
        lines = self.ask(target, 'X-Hook: %s\r\n' % words)
        return int(lines[1]) if len(lines) == 2 and lines[1].isdigit() else None

    def worker(self):
        out = subprocess.run(['ps', '-eo', 'pid=,ppid=,comm='], stdout=subprocess.PIPE, check=False).stdout.decode()
        processes = [line.split(None, 2) for line in out.splitlines()]
        family = {str(self.process.pid)}
        for _ in range(3):
            family |= {pid for pid, parent, _ in processes if parent in family}
        return next(int(pid) for pid, _, name in processes if pid in family and name.startswith('mote-worker'))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = None
        self.reader.join(10)
        return status


GRANTS = ('--dir', path('one') + '::/one', '--dir', path('two') + '::/two', '--dir', path('public') + '::/public:ro')
probe = Server(*GRANTS)
if not judge('the server starts', probe.port() is not None):
    print(probe.log())
    finish()
lacks = re.search(r'less isolated than they should be: (.*)', probe.log())
probe.stop()
if lacks:
    skip('this kernel: ' + lacks.group(1))
    finish()

# --- what a guest may do with its grants ------------------------------------------------------

GUEST = (
    ('/look?/one/file', 'done'),
    ('/look?/public/file', 'done'),
    ('/make?/one/new', 'done'),
    ('/make?/public/new', 'Operation not permitted'),
    ('/rename?/one/new&/two/new', 'done'),
    ('/link?/two/new&/one/linked', 'done'),
    ('/rename?/one/linked&/two/linked', 'done'),
    ('/mkdir?/two/folder', 'done'),
    ('/rename?/two/folder&/one/folder', 'done'),
    ('/symlink?file&/one/name', 'done'),
    ('/unlink?/one/name', 'done'),
    ('/unlink?/two/new', 'done'),
    ('/link?/public/file&/one/stolen', 'Operation not permitted'),
    ('/look?/outside/file', 'Capabilities insufficient'),
    ('/look?/one/../outside/file', 'Operation not permitted'),
)

# --- what it is refused: an error, and the worker goes on ---------------------------------------

DENIED = (errno.EACCES, errno.EXDEV, errno.EPERM)
GONE = (errno.ENOSYS,)
one, two, public, outside = path('one', 'file'), path('two', 'file'), path('public', 'file'), path('outside', 'file')
REFUSED = (
    ('read /etc/passwd', DENIED), ('read /proc/self/mem', DENIED), ('read /proc/self/maps', DENIED),
    ('read /proc/1/environ', DENIED), ('read /dev/null', DENIED), ('read /', DENIED), ('read ' + folder, DENIED),
    ('read ' + outside, DENIED), ('write ' + outside, DENIED), ('truncate ' + outside, DENIED),
    ('read ' + path('one', '..', 'outside', 'file'), DENIED), ('create ' + path('outside', 'new'), DENIED),
    ('mkdir ' + path('outside', 'new'), DENIED), ('unlink ' + outside, DENIED), ('symlink ' + path('outside', 'new'), DENIED),
    ('rename %s %s' % (one, path('outside', 'new')), DENIED), ('rename %s %s' % (outside, path('one', 'new')), DENIED),
    ('link %s %s' % (outside, path('one', 'new')), DENIED), ('link %s %s' % (one, path('outside', 'new')), DENIED),
    ('write ' + public, DENIED), ('truncate ' + public, DENIED), ('create ' + path('public', 'new'), DENIED),
    ('unlink ' + public, DENIED), ('rename %s %s' % (public, path('one', 'new')), DENIED),
    ('link %s %s' % (public, path('one', 'new')), DENIED), ('rename %s %s' % (one, path('public', 'new')), DENIED),
    ('read ' + one, (0,)), ('write ' + one, (0,)), ('read ' + public, (0,)),
    ('chmod ' + one, GONE), ('chown ' + one, GONE), ('setxattr ' + one, GONE), ('truncate-name ' + one, GONE),
    ('chdir /', GONE), ('statfs /', GONE), ('inotify', GONE), ('nice', GONE), ('affinity', GONE), ('clone3', GONE),
    ('userfaultfd', GONE), ('settime', GONE),
    ('shutdown', DENIED), ('filter', DENIED), ('setown', DENIED), ('limit', DENIED),
    ('dumpable', (errno.EINVAL,)), ('terminal', (errno.ENOTTY,)),
    ('thread /etc/passwd', DENIED), ('thread ' + one, (0,)), ('mmap-data', (0,)),
)

# --- what ends the worker -----------------------------------------------------------------------

FATAL = (
    'socket', 'socket-unix', 'socket-netlink', 'socketpair', 'connect', 'bind', 'listen', 'fastopen',
    'execve', 'execveat', 'clone', 'kill', 'tgkill', 'sigqueue', 'pidfd', 'ptrace', 'peek', 'poke',
    'memfd', 'mprotect', 'mmap', 'mmap-file ' + one, 'pkey', 'shm', 'personality',
    'uring', 'bpf', 'perf', 'seccomp', 'unshare', 'setns', 'setuid', 'capset', 'keyctl',
    'chroot /', 'mount /', 'handle', 'mknod ' + path('one', 'fifo'), 'x32', 'int80',
)


def tidy():
    for at, names in (('one', ('new', 'linked', 'name', 'stolen', 'fifo')), ('two', ('new', 'linked')), ('outside', ('new',))):
        for name in names:
            if os.path.lexists(path(at, name)):
                os.unlink(path(at, name))
    for at in ('one', 'two'):
        if os.path.isdir(path(at, 'folder')):
            os.rmdir(path(at, 'folder'))


def status_of(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f)


def check_self(who, server):
    """What the kernel says of the worker."""
    facts = status_of(server.worker())
    judge(who + ': no capability', all(int(facts[name], 16) == 0 for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')))
    judge(who + ': no new privileges, a filter', facts['NoNewPrivs'] == '1' and facts['Seccomp'] == '2')
    if 'started by' not in who:
        judge(who + ': not even for programs that it starts', int(facts['CapBnd'], 16) == 0)
    if root:
        fds = '/proc/%d/fd' % server.worker()
        held = sorted(os.readlink(os.path.join(fds, fd)) for fd in os.listdir(fds))
        known = re.compile(r'/dev/null|pipe:|socket:|anon_inode:|/proc/\d+/(pagemap|statm)|%s/(one|two|public|files.mote)$|/memfd:' % folder)
        judge(who + ': descriptors: ' + ' '.join(held), all(known.match(name) for name in held))
    return facts


def check_worker(who, server):
    if not judge(who + ': the server starts', server.port() is not None):
        print(server.log())
        return
    facts = check_self(who, server)
    for target, wanted in GUEST:
        have = server.ask(target)
        judge('%s: %s is %s: %s' % (who, target, wanted, have), have[:1] == [wanted])
    for _ in range(40): # the kernel's word which pages were written is had without privileges
        have = server.ask('/fill')
        if have[:1] != ['done']:
            break
    judge('%s: memory is new for every request: %s' % (who, have), have[:1] == ['done'])
    for words, wanted in REFUSED:
        have = server.hook(words)
        judge('%s: %s: %s' % (who, words, have and errno.errorcode.get(have)), have in wanted)
    judge(who + ': the worker is the first one still', status_of(server.worker()) and not re.search('was ended', server.log()))
    judge(who + ': it ends as it should', server.stop() == OK)
    tidy()
    return facts


if root:
    facts = check_worker('root, for numbers', Server('--user', '%d:%d' % (NOBODY, NOBODY), *GRANTS))
    judge('numbers', facts and facts['Uid'].split() == [str(NOBODY)] * 4 and facts['Gid'].split() == [str(NOBODY)] * 4 and
          facts['Groups'].strip() == '')
    check_worker('root', Server(*GRANTS))
    with open(UNIT, encoding='ascii') as f:
        text = f.read()
    kept = [word[4:].lower() for word in re.search(r'^CapabilityBoundingSet=(.*)$', text, re.M).group(1).split()]
    as_unit = Command(shutil.which('setpriv') or 'setpriv', folder, MOTE_CACHE_DIR=path('cache'), ASAN_OPTIONS='detect_leaks=0')
    if shutil.which('setpriv'):
        server = Server('--user', '%d:%d' % (NOBODY, NOBODY), *GRANTS, command=as_unit, before=(
            '--no-new-privs', '--bounding-set', '-all,+' + ',+'.join(kept), path('mote-hooked')))
        check_worker('with the privileges of the unit', server)
    else:
        skip('there is no setpriv')
    check_worker('started by nobody', Server('--isolation', 'strict', *GRANTS, user=NOBODY, group=NOBODY, extra_groups=[]))
else:
    skip('becoming another user needs root')
    check_worker('started by this user', Server('--isolation', 'strict', *GRANTS))

USERS = (('nobody', [NOBODY, NOBODY, '']), ('web', [4321, 4321, '4400 4401']), ('web:logs', [4321, 4400, '4400 4401']),
         ('web:77', [4321, 77, '4400 4401']), ('4321', [4321, 4321, '4400 4401']))
for user, ids in USERS if names else ():
    server = Server('--user', user, *GRANTS, command=named)
    facts = status_of(server.worker())
    have = [int(facts['Uid'].split()[2]), int(facts['Gid'].split()[2]), facts['Groups'].strip()]
    judge('%s: %s' % (user, have), have == ids)
    judge(user + ' serves', server.ask('/look?/one/file')[:1] == ['done'])
    server.stop()
if not names:
    skip('names of users need root and a mount namespace')

for words in FATAL:
    server = Server(*GRANTS)
    have = server.hook(words)
    judge('%s ends the worker: %s' % (words, have), have is None and server.logged('was ended by signal %d' % signal.SIGSYS))
    judge('and another one serves', server.ask('/look?/one/file')[:1] == ['done'])
    server.stop()
tidy()

# --- tenants with workers of their own ------------------------------------------------------------------

MANIFEST = '''listen: 127.0.0.1:0
workers: 1
tenants: {alone: {isolate: true}, others: {}}
functions:
  one: {module: files.mote, tenant: alone, folders: [{host: one, guest: /one, writable: true}]}
  two: {module: files.mote, tenant: others, folders: [{host: two, guest: /two, writable: true}]}
routes:
  - {prefix: /1, function: one}
  - {prefix: /2, function: two}
'''
with open(path('app.yaml'), 'w', encoding='ascii') as f:
    f.write(MANIFEST)
server = Server(manifest=path('app.yaml'))
for target, own, other in (('/1', one, two), ('/2', two, one)):
    have = [server.hook('read ' + own, target), server.hook('write ' + own, target)]
    judge('%s: its own grants: %s' % (target, have), have == [0, 0])
    have = [server.hook('read ' + other, target), server.hook('write ' + other, target)]
    judge("%s: not the others': %s" % (target, have), have == [errno.EACCES] * 2)
server.stop()

# --- without -----------------------------------------------------------------------------------------

server = Server('--isolation', 'off', *GRANTS)
judge('off is off', server.hook('read /etc/passwd') == 0)
server.stop()

# --- kernels that lack something --------------------------------------------------------------------------

LANDLOCK_CREATE_RULESET, SECCOMP = 444, {'x86_64': 317}.get(os.uname().machine)
LIBC = ctypes.CDLL(None, use_errno=True)


def lack(*numbers):
    """In a process about to begin: these system calls are unknown."""
    code = [(0x20, 0, 0, 0)] # load the number
    for number in numbers:
        code += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | errno.ENOSYS)]
    program = b''.join(struct.pack('HBBI', *step) for step in code + [(0x06, 0, 0, 0x7fff0000)])
    room = ctypes.create_string_buffer(program)
    filtered = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(room)))
    if LIBC.prctl(38, 1, 0, 0, 0) != 0 or LIBC.prctl(22, 2, filtered, 0, 0) != 0: # no new privileges; a filter
        os._exit(99)


server = Server(*GRANTS, preexec_fn=lambda: lack(LANDLOCK_CREATE_RULESET))
judge('without Landlock: one line of warning: ' + server.log(), server.log().count('less isolated than they should be: no Landlock') == 1)
judge('its files are all the user may', server.hook('read /etc/passwd') == 0)
judge('and still no program, no socket', server.hook('execve') is None and server.logged('was ended by signal %d' % signal.SIGSYS))
server.stop()
server = Server(*GRANTS, preexec_fn=lambda: lack(LANDLOCK_CREATE_RULESET, SECCOMP))
judge('without seccomp: that too: ' + server.log(), 'no Landlock' in server.log() and 'no seccomp' in server.log())
judge('it serves', server.ask('/look?/one/file')[:1] == ['done'])
judge('as no-new-privileges', status_of(server.worker())['NoNewPrivs'] == '1')
server.stop()
server = Server('--isolation', 'strict', *GRANTS, preexec_fn=lambda: lack(LANDLOCK_CREATE_RULESET))
judge('strict does not start', server.process.wait(PATIENCE) not in (OK, None))
server.reader.join(10)
judge('and says why: ' + server.log(), re.search('isolation is strict, but there is no Landlock', server.log()) and len(server.lines) == 1)

# --- the unit for systemd ---------------------------------------------------------------------------------

analyze = shutil.which('systemd-analyze')
if analyze:
    with open(UNIT, encoding='ascii') as f, open(path('mote.service'), 'w', encoding='ascii') as g:
        g.write(f.read().replace('/usr/bin/mote', path('mote-hooked')))
    have = subprocess.run([analyze, 'verify', '--man=no', path('mote.service')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    judge('systemd understands the unit: %s' % have.stdout, have.returncode == 0 and b'mote.service' not in have.stdout)
else:
    skip('there is no systemd-analyze')

# --- what is refused at the start --------------------------------------------------------------------

os.chmod(path('closed'), 0o700)
for words, wanted in (
        (('--user', 'nobody', '--dir', path('closed')), r'folder .*/closed: user nobody cannot read it: Permission denied'),
        (('--user', 'nobody', '--dir', path('public')), r'folder .*/public: user nobody cannot write it: Permission denied'),
        (('--user', 'no-such-user'), r"user 'no-such-user': /etc/passwd has no no-such-user"),
        (('--user', 'nobody:no-such-group'), r'/etc/group has no no-such-group'),
        (('--user', '77777'), r'/etc/passwd has no 77777'),
        (('--user', ''), r'want a name, name:group or numbers'),
        (('--isolation', 'some'), r'--isolation some: want auto, strict or off')):
    if not names and any(word.startswith('nobody') for word in words):
        skip('becoming another user needs root and a mount namespace')
        continue
    server = Server(*words, command=named if names else hooked)
    ended = server.process.wait(PATIENCE)
    server.reader.join(10)
    judge('%s: %s' % (words, server.log()), ended not in (OK, None) and re.search(wanted, server.log()) and len(server.lines) == 1)
if root:
    server = Server('--user', '0:0', user=NOBODY, group=NOBODY, extra_groups=[])
    server.process.wait(PATIENCE)
    server.reader.join(10)
    judge('a user that cannot become another: ' + server.log(), re.search(r'user 0:0: .*: Operation not permitted', server.log()))

shutil.rmtree(folder)
finish()
