#!/usr/bin/env python3
"""mote serve while it changes: reloads, workers and generations that die, systemd's sockets.

usage: reload.py MOTE MOTE_COMPILE GUEST.C
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import OK, finish, judge, skip  # noqa: E402
from server import CLANG, PATIENCE, Broken, Client, Server, ask, folder, get, guest, mote, wait_until, want  # noqa: E402


def program(name, words):
    """A module that answers with these words."""
    source = os.path.join(folder, 'program.c')
    made = os.path.join(folder, name)
    with open(source, 'w', encoding='ascii') as f:
        f.write('#include <stdio.h>\nint main(void) { puts("Content-Type: text/plain\\n\\n%s"); }\n' % words)
    subprocess.run([CLANG, '--target=wasm32-wasi', '-O1', source, '-o', made], check=True)
    return made


def replace(path, by):
    """At once, as who deploys should."""
    shutil.copy(by, path + '.new')
    os.rename(path + '.new', path)


def reload_and_wait(server, number):
    server.process.send_signal(signal.SIGHUP)
    return server.logged('generation %d serves' % number)


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


one, two = program('one.wasm', 'one'), program('two.wasm', 'two')

# --- a reload ------------------------------------------------------------------------

module = os.path.join(folder, 'served.wasm')
shutil.copy(one, module)
server = Server(module=module, workers=2)
want('before', ask(server, get('/')), 200, b'one\n')
idle, begun = server.connect(), server.connect()
want('a connection', idle.send(get('/')).answer(), 200, b'one\n')
begun.send('GET / HTTP/1.1\r\nHo')
time.sleep(0.2)
old = set(server.workers())
replace(module, two)
judge('SIGHUP loads it again', reload_and_wait(server, 2))
want('after', ask(server, get('/')), 200, b'two\n')
judge('other workers serve', len(server.workers()) == 2 and not old & set(server.workers()))
judge('the old ones end', wait_until(lambda: not any(alive(pid) for pid in old), 20))
have = idle.send(get('/')).answer()
want('an idle connection lives on', have, 200, b'two\n')
judge('and is kept', 'connection' not in have[1])
want('so does a request of which half was sent', begun.send('st: x\r\n\r\n').answer(), 200, b'two\n')
want('and the next one', idle.send(get('/')).answer(), 200, b'two\n')

with open(module, 'wb') as f:
    f.write(b'no module')
before, nlines = server.workers(), len(server.lines)
server.process.send_signal(signal.SIGHUP)
judge('a bad module refuses the reload', server.logged('the reload is refused'))
time.sleep(0.3)
judge('in one line', sum('served.wasm' in line for line in server.lines[nlines:]) == 1)
want('what was there goes on', idle.send(get('/')).answer(), 200, b'two\n')
judge('with the same workers', server.workers() == before)
replace(module, one)
judge('the next reload may be good', reload_and_wait(server, 4))
want('and is', idle.send(get('/')).answer(), 200, b'one\n')
judge('it ends well', server.stop() == OK)

# --- what is under way ------------------------------------------------------------------

server = Server(workers=2)
slow = server.connect().send(get('/sleep?1500'))
time.sleep(0.3)
judge('a reload does not wait', reload_and_wait(server, 2))
have = slow.answer()
want('what was begun is answered', have, 200, b'slept\n')
judge('and its connection is kept', 'connection' not in have[1])
want('and goes on', slow.send(get('/x')).answer(), 200, b'hello /x\n')
queued = server.connect().send(get('/sleep?700') + get('/a') + get('/b'))
time.sleep(0.2)
judge('another', reload_and_wait(server, 3))
judge('requests in a row', [queued.answer()[2] for _ in range(3)] == [b'slept\n', b'hello /a\n', b'hello /b\n'])

stopped, faults, answers = threading.Event(), [], [0] * 8


def load(index):
    c = server.connect()
    while not stopped.is_set():
        path = '/%d-%d' % (index, answers[index])
        try:
            have = c.send(get(path)).answer()
        except (Broken, OSError) as why:
            faults.append(str(why))
            return
        if have[0] != 200 or have[2] != b'hello %s\n' % path.encode():
            faults.append(repr(have))
            return
        answers[index] += 1
    c.close()


threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
for t in threads:
    t.start()
for number in range(4, 14):
    judge('a reload under load', reload_and_wait(server, number))
stopped.set()
for t in threads:
    t.join()
judge('no answer is lost or wrong: %s' % faults[:3], not faults)
judge('all were served', min(answers) > 0)

# --- deaths -----------------------------------------------------------------------------------

for pid in server.workers():
    os.kill(pid, signal.SIGSTOP)
waiting = [server.connect().send(get('/%d' % i)) for i in range(20)]
time.sleep(0.2)
for pid in server.workers():
    os.kill(pid, signal.SIGKILL)
judge('what was queued is answered by successors', [c.answer()[2] for c in waiting] == [b'hello /%d\n' % i for i in range(20)])


def generation():
    out = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(server.process.pid)], stdout=subprocess.PIPE, check=False)
    return [int(word) for word in out.stdout.split()]


time.sleep(1.1)
old, workers = generation(), server.workers()
judge('one generation is left', len(old) == 1)
os.kill(old[0], signal.SIGKILL)
judge('another takes its place', server.logged('generation 14 serves'))
judge('connections live on', all(c.send(get('/y')).answer()[2] == b'hello /y\n' for c in waiting))
judge('orphans end', wait_until(lambda: not any(alive(pid) for pid in workers), 20))
everybody = generation() + server.workers()
os.kill(server.process.pid, signal.SIGKILL)
judge('without a supervisor all end', wait_until(lambda: not any(alive(pid) for pid in everybody), 40))
server.process.wait()

# --- changed files ---------------------------------------------------------------------------------

replace(module, one)
server = Server('--watch', module=module)
want('watched', ask(server, get('/')), 200, b'one\n')
replace(module, two)
judge('a file that is replaced is loaded', server.logged('generation 2 serves'))
want('as is to be seen', ask(server, get('/')), 200, b'two\n')
shutil.copy(one, module)
judge('one that is written over, too', server.logged('generation [34] serves') and
      wait_until(lambda: ask(server, get('/'))[2] == b'one\n', 20))
server.stop()

# --- systemd ------------------------------------------------------------------------------------------

told = os.path.join(folder, 'notify')
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(told)
receiver.settimeout(PATIENCE)
given = socket.socket()
given.bind(('127.0.0.1', 0))
given.listen(100)
early = Client(socket.create_connection(given.getsockname(), timeout=PATIENCE)).send(get('/early'))


def pass_socket():
    os.dup2(given.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ['LISTEN_PID'] = str(os.getpid())


class Activated(Server):
    def __init__(self):
        self.lines = []
        env = {**mote.env, 'LISTEN_FDS': '1', 'NOTIFY_SOCKET': told}
        self.process = subprocess.Popen(
            ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', mote.mote, 'serve', '--workers', '3', guest], env=env,
            cwd=folder, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=pass_socket, close_fds=False)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_until(lambda: self.port() or self.process.poll() is not None)


try:
    server = Activated()
except OSError as why:
    skip('a socket cannot be passed: %s' % why)
    finish()
judge('it serves the socket that was passed', server.port() == given.getsockname()[1])
judge('and says that it is ready', b'READY=1' in receiver.recv(1000))
want('what came before it is answered', early.answer(), 200, b'hello /early\n')
judge('by all workers', all(ask(server, get('/x'))[0] == 200 for _ in range(20)))
server.process.send_signal(signal.SIGHUP)
words = receiver.recv(1000)
judge('a reload is told', b'RELOADING=1' in words and b'MONOTONIC_USEC=' in words)
judge('and its end', b'READY=1' in receiver.recv(1000))
judge('the socket is still there', ask(server, get('/x'))[0] == 200)
judge('it ends', server.stop() == OK)
judge('and says so', b'STOPPING=1' in receiver.recv(1000))
last = Client(socket.create_connection(given.getsockname(), timeout=PATIENCE)).send(get('/late'))
server = Activated()
want('what came in between is answered, too', last.answer(), 200, b'hello /late\n')
server.stop()

shutil.rmtree(folder, ignore_errors=True)
finish()
