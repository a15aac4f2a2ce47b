"""command.py - runs the command and judges what it did; for tests of it from outside."""
import os
import subprocess
import sys

OK, SYSTEM, USAGE, MODULE, LINK, REFUSED, EXCEPTION, TIMEOUT, FUEL, TRAP = 0, 1, 2, 3, 4, 5, 6, 124, 125, 134
counts = {'passed': 0, 'failed': 0, 'skipped': 0}


class Command:
    """MOTE in a folder, with an environment that has nothing but what is said."""

    def __init__(self, mote, folder, **env):
        self.mote, self.folder = mote, folder
        self.env = {'LC_ALL': 'C', 'PATH': os.environ['PATH'], **env}

    def start(self, *words, env=None, **how):
        return subprocess.Popen([self.mote, *words], cwd=self.folder, env=self.env if env is None else env, **how)

    def run(self, *words, env=None, **how):
        how = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'stdin': subprocess.DEVNULL, **how}
        try:
            return subprocess.run([self.mote, *words], cwd=self.folder, env=self.env if env is None else env,
                                  timeout=60, check=False, **how)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, -1, b'', b'it did not end')


def judge(claim, good, have=None):
    counts['passed' if good else 'failed'] += 1
    if good:
        return True
    print(claim)
    if have is not None:
        print('    have exit %s\n    out: %s\n    err: %s' % (
            have.returncode, (have.stdout or b'').decode(errors='replace'), (have.stderr or b'').decode(errors='replace')))
    return False


def skip(why):
    counts['skipped'] += 1
    print('skipped: ' + why)


def finish():
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped' % counts)
    sys.exit(counts['failed'] > 0)
