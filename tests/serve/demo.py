#!/usr/bin/env python3
"""make demo, in C only: each line that it prints does what it says, and Ctrl-C ends it well.

usage: demo.py BUILD MOTE_COMPILE
"""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))
from command import finish, judge, skip  # noqa: E402
import png  # noqa: E402

BUILD, COMPILER = sys.argv[1:3]
PATIENCE = 300
if COMPILER == '-':
    skip('there is no compiler')
    finish()
if not shutil.which('curl'):
    skip('no curl on PATH')
    finish()
folder = tempfile.mkdtemp()
demo = subprocess.Popen([sys.executable, os.path.join(ROOT, 'tools', 'demo'), '--only', 'c', '--port', '0', '--out', folder, BUILD],
                        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                        env=dict(os.environ, MOTE_CACHE_DIR=os.path.join(folder, 'cache'), ASAN_OPTIONS='detect_leaks=0'))
watchdog = threading.Timer(PATIENCE, lambda: demo.poll() is None and os.killpg(demo.pid, signal.SIGKILL))
watchdog.daemon = True
watchdog.start()


def read_lines():
    """Up to the last line that the demo prints when all is ready; without clang it says why not."""
    text = ''
    for line in demo.stdout:
        text += line.decode(errors='replace')
        if re.search(r'image\?width=.*\n', text) or (line == b'\n' and text.count('curl') >= 3 and 'libstb-dev' in text and '/state' in text):
            break
    return text


def run_line(line):
    return subprocess.run(line, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)


text = read_lines()
lines = {re.search(r'/(\w*)[? ]', line.split('://', 1)[1].replace("'", '') + ' ').group(1): line
         for line in re.findall(r'^curl .*', text, re.MULTILINE)}
if 'skipped c-hello' in re.sub(' +', ' ', text):
    skip('clang cannot build the example')
    os.killpg(demo.pid, signal.SIGKILL)
    finish()
if not judge('it says what to try', {'', 'hash', 'state'} <= set(lines)):
    print(text)
else:
    judge('hello', run_line(lines['']).stdout == b'Hello, you, from C.\n')
    with open(os.path.join(ROOT, 'README.md'), 'rb') as f:
        wanted = hashlib.sha256(f.read()).hexdigest().encode() + b'\n'
    judge('hash', run_line(lines['hash']).stdout == wanted)
    judge('state counts', [run_line(lines['state']).stdout for _ in range(3)] == [b'1\n', b'2\n', b'3\n'])
    if 'image' in lines:
        run_line(lines['image'])
        with open(os.path.join(folder, 'small.png'), 'rb') as f:
            width, height, _, _ = png.read(f.read())
        judge('image', (width, height) == (100, 75))
    else:
        skip('image: ' + ''.join(re.findall(r'skipped +c-image.*', text)))
os.killpg(demo.pid, signal.SIGINT)
rest, _ = demo.communicate(timeout=PATIENCE)
judge('Ctrl-C ends it with 0', demo.returncode == 0)
judge('and no more words than it needs: %r' % rest[:200], b'Traceback' not in rest)
shutil.rmtree(folder, ignore_errors=True)
finish()
