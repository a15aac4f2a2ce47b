"""The engines that fuzz/differential compares: mote, Node's V8, Wasmtime.

Mote and Node are processes that stay and get one job after the other; one that dies or
hangs is started anew and the job's answer says so. Wasmtime gets a script of assertions.

    steps [(fresh, name, [(letter, bits)...])...]  ->  [Outcome...]
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

DIGITS = {'i': 8, 'l': 16, 'f': 8, 'd': 16, 'v': 32, 'n': 1}


def word(value):
    letter, bits = value
    return '%s:%0*x' % (letter, DIGITS[letter], bits)


class Outcome:
    """What came of one step: ok, trap, exception, stack, fuel, hang or failed."""

    def __init__(self, kind, values=(), trap=None, frames=(), words='', fuel=0, hashes=None):
        self.kind, self.values, self.trap, self.frames = kind, tuple(values), trap, list(frames)
        self.words, self.fuel, self.hashes = words, fuel, hashes

    def __str__(self):
        more = ' '.join(map(str, self.values))
        if self.kind == 'trap':
            more = '%s %s' % (self.trap, ' '.join('%d:%#x' % f for f in self.frames))
        return ('%s %s' % (self.kind, more or self.words)).strip()


class Answer:
    """All steps' outcomes, or why there are none: refused, crash, hang."""

    def __init__(self, outcomes=(), problem=None, words='', compile_us=0, counts=None):
        self.outcomes, self.problem, self.words = list(outcomes), problem, words
        self.compile_us, self.counts = compile_us, counts or {}


class Pipe:
    """A process that is spoken to in lines."""

    def __init__(self, argv, env=None):
        self.argv, self.env, self.process, self.left = argv, env, None, b''

    def start(self):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        env=self.env, start_new_session=True)
        self.left = b''

    def stop(self):
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.errors.close()
        self.process = None

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def line(self, deadline):
        """The next line; None at the end; TimeoutError."""
        fd = self.process.stdout.fileno()
        while b'\n' not in self.left:
            rest = deadline - time.monotonic()
            if rest <= 0 or not select.select([fd], [], [], rest)[0]:
                raise TimeoutError
            more = os.read(fd, 1 << 16)
            if not more:
                return None
            self.left += more
        line, self.left = self.left.split(b'\n', 1)
        return line.decode(errors='replace')

    def last_words(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors='replace')[-2000:].strip()


# --- mote --------------------------------------------------------------------

TRAPS = {1: 'unreachable', 2: 'out of bounds memory access', 3: 'out of bounds table access', 4: 'undefined element',
         5: 'uninitialized element', 6: 'indirect call type mismatch', 7: 'integer overflow',
         8: 'integer divide by zero', 9: 'invalid conversion to integer', 10: 'null reference',
         11: 'null function reference', 12: 'null exception reference', 13: 'unaligned atomic',
         14: 'expected shared memory', 19: 'out of memory'}
STACK, FUEL, INTERRUPTED, TIMEOUT = 15, 16, 17, 18


class Mote:
    def __init__(self, runner, compiler):
        self.pipe = Pipe([runner])
        self.compiler = compiler

    def stop(self):
        self.pipe.stop()

    def run(self, flags, host, main, steps, fuel=0, timeout_ms=3000, count=False):
        """host, main: paths. A step's first part is True, False or 'auto'."""
        if self.pipe.process is None:
            self.pipe.start()
            self.pipe.say('compiler %s\n' % self.compiler)
        text = ['flags ' + ' '.join(flags)]
        if host:
            text.append('host ' + host)
        text += ['main ' + main, 'fuel %d' % fuel, 'timeout %d' % timeout_ms]
        if count:
            text.append('count')
        for fresh, name, values in steps:
            fresh = {True: 'fresh', False: 'same'}.get(fresh, fresh)
            text.append(' '.join(['step', fresh, name] + [word(v) for v in values]))
        deadline = time.monotonic() + 60 + len(steps) * timeout_ms / 1000
        answer = Answer()
        try:
            self.pipe.say('\n'.join(text + ['run\n']))
            while True:
                line = self.pipe.line(deadline)
                if line is None:
                    return self.died(answer)
                if line == 'done':
                    return answer
                self.take(answer, line)
        except BrokenPipeError:
            return self.died(answer)
        except TimeoutError:
            self.stop()
            answer.problem, answer.words = 'hang', 'no answer after %d steps' % len(answer.outcomes)
            return answer

    def died(self, answer):
        status = self.pipe.process.wait()
        answer.problem = 'crash'
        answer.words = 'runner ended with %d in step %d: %s' % (status, len(answer.outcomes), self.pipe.last_words())
        self.stop()
        return answer

    def take(self, answer, line):
        what, _, rest = line.partition(' ')
        if what == 'compiled':
            answer.compile_us = int(rest.split()[0])
        elif what == 'refused':
            answer.problem, answer.words = 'refused', rest
        elif what == 'step':
            answer.outcomes.append(self.outcome(rest))
        elif what == 'fuel':
            answer.outcomes[-1].fuel = int(rest)
        elif what == 'hash':
            answer.outcomes[-1].hashes = rest.split()
        elif what == 'count':
            op, n = rest.rsplit(' ', 1)
            answer.counts[op] = int(n)

    @staticmethod
    def outcome(text):
        kind, _, rest = text.partition(' ')
        if kind == 'ok':
            return Outcome('ok', rest.split())
        if kind == 'trap':
            code, *frames = rest.split()
            code = int(code)
            frames = [tuple(map(int, f.split(':'))) for f in frames]
            special = {STACK: 'stack', FUEL: 'fuel', TIMEOUT: 'hang', INTERRUPTED: 'hang'}.get(code)
            return Outcome(special or 'trap', trap=TRAPS.get(code, 'trap %d' % code), frames=frames)
        return Outcome(kind, words=rest)


# --- Node --------------------------------------------------------------------

NODE_TRAPS = [('unreachable', 'unreachable'), ('memory access out of bounds', 'out of bounds memory access'),
              ('data segment', 'out of bounds memory access'), ('Atomics.wait', 'expected shared memory'),
              ('unaligned', 'unaligned atomic'), ('remainder by zero', 'integer divide by zero'),
              ('divide by zero', 'integer divide by zero'), ('divide result unrepresentable', 'integer overflow'),
              ('float unrepresentable', 'float'), ('table index is out of bounds', 'table'), ('table access', 'table'),
              ('table or element', 'table'), ('element segment', 'table'), ('null function or function signature', 'signature'),
              ('dereferencing a null', 'null reference')]
# What V8 does not tell apart, or tells apart where others do not.
SAME = {'float': {'integer overflow', 'invalid conversion to integer'},
        'table': {'out of bounds table access', 'undefined element'},
        'signature': {'indirect call type mismatch', 'uninitialized element'},
        'unaligned atomic': {'out of bounds memory access'}, # which comes first is not specified
        'out of bounds memory access': {'unaligned atomic'}}


class Node:
    name = 'node'

    def __init__(self, program):
        here = os.path.dirname(os.path.abspath(__file__))
        self.pipe = Pipe([program, '--expose-gc', '--experimental-wasm-extended-const',
                          os.path.join(here, 'differential.js')])
        self.jobs = 0

    def stop(self):
        self.pipe.stop()

    def run(self, host, main, steps):
        """host, main: bytes."""
        self.jobs += 1
        if self.jobs % 200 == 0:
            self.stop()
        if self.pipe.process is None:
            self.pipe.start()
        job = {'host': host and base64.b64encode(host).decode(), 'main': base64.b64encode(main).decode(),
               'steps': [[fresh, name, [word(v).split(':') for v in values]] for fresh, name, values in steps]}
        try:
            self.pipe.say(json.dumps(job) + '\n')
            line = self.pipe.line(time.monotonic() + 20)
        except BrokenPipeError:
            line = None
        except TimeoutError:
            self.stop()
            return Answer(problem='hang')
        if line is None:
            words = self.pipe.last_words()
            self.stop()
            return Answer(problem='crash', words=words)
        reply = json.loads(line)
        if 'refused' in reply:
            return Answer(problem='refused', words=reply['refused'])
        return Answer([self.outcome(step) for step in reply['steps']])

    @staticmethod
    def outcome(step):
        if 'ok' in step:
            return Outcome('ok', [':'.join(v) for v in step['ok']], hashes=step['hash'])
        if 'trap' in step:
            trap = next((ours for theirs, ours in NODE_TRAPS if theirs in step['trap']), step['trap'])
            return Outcome('trap', trap=trap, hashes=step['hash'])
        for kind in ('exception', 'stack'):
            if kind in step:
                return Outcome(kind, hashes=step['hash'])
        return Outcome('failed', words=step['failed'])


# --- Wasmtime ------------------------------------------------------------------

FEATURES = ('exceptions,function-references,gc,tail-call,memory64,multi-memory,wide-arithmetic,threads,shared-memory,'
            'extended-const,custom-page-sizes,relaxed-simd')


# Words that both sides of an unspecified order have: of an atomic access that is out of
# bounds and unaligned, either trap may come first.
WASMTIME_TRAPS = {'unaligned atomic': 'wasm trap', 'null exception reference': 'null reference'}


def wasmtime_words(main, came):
    at = came.frames[0][1] if came.frames else 0
    return 'wasm trap' if main[at] == 0xfe else WASMTIME_TRAPS.get(came.trap, came.trap)


def quoted(data):
    return '"' + ''.join('\\%02x' % b for b in data) + '"'


def constants(values):
    return ' '.join('(%s.const 0x%s)' % ('i64' if v[0] == 'l' else 'i32', v[2:]) for v in values)


class Wasmtime:
    name = 'wasmtime'

    def __init__(self, program):
        self.program = program

    def stop(self):
        pass

    def script(self, host, main, steps, outcomes):
        """Lines, and of each line the step that it is about."""
        lines, of = [], []

        def add(step, line):
            lines.append(line)
            of.append(step)
        if host:
            add(0, '(module definition $H binary %s)' % quoted(host))
        add(0, '(module definition $M binary %s)' % quoted(main))
        for n, ((fresh, name, values), came) in enumerate(zip(steps, outcomes)):
            if fresh:
                if host:
                    add(n, '(module instance $h%d $H)' % n)
                    add(n, '(register "host" $h%d)' % n)
                    host_now = '$h%d' % n
                if came.kind == 'exception' and came.hashes[0] == '-':
                    continue # scripts have no words for that
                if came.kind == 'trap' and came.hashes[0] == '-':
                    add(n, '(assert_trap (module binary %s) "%s")' % (quoted(main), wasmtime_words(main, came)))
                    continue
                add(n, '(module instance $m%d $M)' % n)
                main_now = '$m%d' % n
            call = '(invoke %s "%s" %s)' % (main_now, name, constants(map(word, values)))
            if name == '-':
                pass
            elif came.kind == 'ok':
                add(n, '(assert_return %s %s)' % (call, constants(came.values)))
            elif came.kind == 'exception':
                add(n, '(assert_exception %s)' % call)
            else:
                add(n, '(assert_trap %s "%s")' % (call, wasmtime_words(main, came)))
            if came.hashes[0] != '-':
                add(n, '(assert_return (invoke %s "#hash") (i64.const 0x%s))' % (main_now, came.hashes[0]))
            if host and came.hashes[1] != '-':
                add(n, '(assert_return (invoke %s "#hash") (i64.const 0x%s))' % (host_now, came.hashes[1]))
        return lines, of

    def check(self, host, main, steps, outcomes):
        """None if Wasmtime sees what outcomes say, else (step, words)."""
        lines, of = self.script(host, main, steps, outcomes)
        with tempfile.NamedTemporaryFile('w', suffix='.wast') as f:
            f.write('\n'.join(lines) + '\n')
            f.flush()
            argv = [self.program, 'wast', '-W', FEATURES, '-W', 'nan-canonicalization=y,max-wasm-stack=900000', f.name]
            try:
                p = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
            except subprocess.TimeoutExpired:
                return -1, 'hang'
        if p.returncode == 0:
            return None
        marker = f.name + ':'
        at = p.stderr.find(marker)
        if at < 0:
            return -1, p.stderr[-800:]
        line = int(p.stderr[at + len(marker):].split(':')[0].split()[0])
        words = p.stderr[at + len(marker):].strip()
        step = of[line - 1] if line - 1 < len(of) else -1
        return step, '%s\n%s' % (lines[line - 1][:300] if step >= 0 else '', words[:600])


def find(name, more=()):
    """A program on PATH or in one of the folders given."""
    return shutil.which(name) or next((p for p in (os.path.join(os.path.expanduser(d), name) for d in more)
                                       if os.access(p, os.X_OK)), None)
