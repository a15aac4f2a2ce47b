#!/usr/bin/env python3
"""Manifests from outside: --check, --schema, docs/manifest.md, and that all of these agree.

usage: manifest.py MOTE MOTE_COMPILE GUEST.C DOCS
"""
import json
import os
import re
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from command import MODULE, OK, SYSTEM, USAGE, finish, judge, skip  # noqa: E402
from server import Server, ask, folder, get, guest, mote, want  # noqa: E402
import wasm  # noqa: E402

DOCS = sys.argv[4]
NOBODY = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())


def write(name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb' if isinstance(content, bytes) else 'w') as f:
        f.write(content)
    return name


def check(text):
    """--check of a text, or of a value as JSON, which is YAML."""
    write('app.yaml', text if isinstance(text, str) else json.dumps(text))
    return mote.run('serve', '--check', 'app.yaml')


os.chmod(folder, 0o755)  # other users are to find modules and folders
write('f.wasm', wasm.module([('_start', [], [], b'')], memory=b'\0\1'))
ONE = {'functions': {'f': {'module': 'f.wasm'}}}

# --- the schema and the reader ----------------------------------------------------------------

printed = mote.run('serve', '--schema')
judge('a schema is printed', printed.returncode == OK)
SCHEMA = json.loads(printed.stdout)


def is_type(value, name):
    return {'object': isinstance(value, dict), 'array': isinstance(value, list), 'string': isinstance(value, str),
            'null': value is None, 'boolean': isinstance(value, bool),
            'integer': isinstance(value, int) and not isinstance(value, bool),
            'number': isinstance(value, (int, float)) and not isinstance(value, bool)}[name]


def valid(value, s):
    """As much of JSON Schema as the schema uses; a word that is not known here is an error."""
    for word, of in s.items():
        if word in ('$schema', 'title', 'description', '$defs', 'additionalProperties', 'propertyNames'):
            good = True
        elif word == 'type':
            good = any(is_type(value, t) for t in (of if isinstance(of, list) else [of]))
        elif word == '$ref':
            good = valid(value, SCHEMA['$defs'][of.rsplit('/', 1)[1]])
        elif word in ('anyOf', 'allOf', 'oneOf'):
            n = sum(valid(value, one) for one in of)
            good = {'anyOf': n > 0, 'allOf': n == len(of), 'oneOf': n == 1}[word]
        elif word == 'enum':
            good = value in of
        elif word == 'const':
            good = value == of
        elif word in ('pattern', 'minLength'):
            good = not isinstance(value, str) or (re.search(of, value) if word == 'pattern' else len(value) >= of)
        elif word in ('minimum', 'maximum'):
            good = not is_type(value, 'number') or (value >= of if word == 'minimum' else value <= of)
        elif word == 'items':
            good = not isinstance(value, list) or all(valid(v, of) for v in value)
        elif word in ('minItems', 'minProperties'):
            good = not isinstance(value, (list, dict)) or len(value) >= of
        elif word == 'required':
            good = not isinstance(value, dict) or all(k in value for k in of)
        elif word == 'properties':
            good = not isinstance(value, dict) or all(valid(v, of[k]) for k, v in value.items() if k in of)
        else:
            raise ValueError('the test does not know ' + word)
        if not good:
            return False
    if isinstance(value, dict) and 'additionalProperties' in s:
        rest = [v for k, v in value.items() if k not in s.get('properties', {})]
        if s['additionalProperties'] is False and rest:
            return False
        if isinstance(s['additionalProperties'], dict) and not all(valid(v, s['additionalProperties']) for v in rest):
            return False
        if 'propertyNames' in s and not all(valid(k, s['propertyNames']) for k in value):
            return False
    return True


def within(section, mapping):
    """A manifest with that mapping in the place of a section."""
    whole = {'root': lambda: {**ONE, **mapping},
             'tenant': lambda: {**ONE, 'tenants': {'t': mapping}},
             'function': lambda: {'functions': {'f': {'module': 'f.wasm', **mapping}}},
             'limits': lambda: {'functions': {'f': {'module': 'f.wasm', 'limits': mapping}}},
             'folder': lambda: {'functions': {'f': {'module': 'f.wasm', 'folders': [{'host': '.', **mapping}]}}},
             'route': lambda: {**ONE, 'routes': [{'function': 'f', **({} if 'path' in mapping or 'prefix' in mapping else {'path': '/'}),
                                                 **mapping}]}}
    return whole.get(section, lambda: {**ONE, section: mapping})()


SECTIONS = {'root': SCHEMA, **SCHEMA['$defs']}
VALUES = [None, True, 5, 0, -1, 1.5, '', 'x', '5', 'none', 'auto', '128m', '1MB', '64KiB', '2ms', '70s', '/x', '.', '127.0.0.1:80', '*.a', 'GET',
          'get', 'json', 'skip', 'strict', 'default', 'f', [], {}, ['x'], ['GET', 'PUT'], [5], [None], [[]], {'A': 'b'}, {'A': 5}, {'A': None},
          {'A': []}, {'bad key': {}}]
accepted = differ = 0
for name, section in SECTIONS.items():
    for key in section['properties']:
        have = check(within(name, {key: [[[]]]}))
        judge('%s has the key %s' % (name, key), b'there is no key' not in have.stderr, have)
        some = 0
        for value in VALUES:
            manifest = within(name, {key: value})
            have = check(manifest)
            good, judged = have.returncode != USAGE, valid(manifest, SCHEMA)
            some += good
            accepted += good
            if good and not judged or have.returncode < 0 or have.returncode > 128:
                differ += 1
                judge('%s.%s: %r: the schema says %s' % (name, key, value, judged), False, have)
            if not good and key != 'user' and (have.stderr.count(b'\n') != 1 or not re.match(rb'mote: app\.yaml:\d+: ', have.stderr)):
                judge('%s.%s: %r: one line' % (name, key, value), False, have)
        if key not in ('tenants', 'routes', 'functions', 'folders', 'function', 'host', 'user'):
            judge('%s.%s takes some value and refuses others' % (name, key), 0 < some < len(VALUES))
    unknown = within(name, {'unknownkey': 1})
    judge('%s: an unknown key is refused by both' % name, check(unknown).returncode == USAGE and not valid(unknown, SCHEMA))
judge('what the reader takes the schema takes', differ == 0 and accepted > 200)

# --- docs/manifest.md ---------------------------------------------------------------------------

with open(DOCS, encoding='utf-8') as f:
    page = f.read()
TITLES = {'The file': 'root', 'tenants': 'tenant', 'functions': 'function', 'folders': 'folder', 'routes': 'route'}
documented = {}
for part in re.split(r'^## ', page, flags=re.M)[1:]:
    title, text = part.split('\n', 1)
    documented[TITLES.get(title, title)] = {k: d.strip().strip('`') for k, d in re.findall(r'^\| `(\w+)` \|.*\| ?([^|]*)\|$', text, re.M)}
for name, section in SECTIONS.items():
    have, keys = documented.get(name, {}), section['properties']
    judge('docs/manifest.md has the keys of %s: %s' % (name, set(have) ^ set(keys)), set(have) == set(keys))
    for key, of in keys.items():
        initial = re.search(r'Unless said: (.*)\.$', of['description'])
        wanted = 'must be there' if key in section.get('required', []) else initial.group(1) if initial else ''
        judge('docs/manifest.md: %s.%s: "%s", not "%s"' % (name, key, wanted, have.get(key)), have.get(key, '').replace('`', '') == wanted)

for i, example in enumerate(re.findall(r'^```yaml\n(.*?)^```', page, re.M | re.S)):
    for module in re.findall(r'module: ([\w.]+)', example):
        write(module, wasm.module([('_start', [], [], b'')], memory=b'\0\1'))
    for host in re.findall(r'host: (/[\w/]+)', example):
        os.makedirs(folder + host, exist_ok=True)
        os.chmod(folder + host, 0o777)
        example = example.replace('host: ' + host, 'host: ' + folder + host)
    example = re.sub(r'^user: .*', 'user: "%d:%d"' % NOBODY, example, flags=re.M)
    have = check(example)
    judge('example %d of docs/manifest.md is good' % (i + 1), have.returncode == OK and b' route' in have.stdout, have)
    try:
        import yaml
        judge('to the schema, too', valid(yaml.safe_load(example), SCHEMA))
    except ImportError:
        skip('no YAML in this Python: the schema does not see the examples')
sample = re.search(r'^    (app\.yaml:\d+: .*)$', page, re.M).group(1)
have = check('\n' * 11 + 'functions: {hello: {module: f.wasm, limits: {memory: lots}}}')
judge('the error that docs/manifest.md shows', have.stderr.decode() == 'mote: %s\n' % sample, have)

# --- --check ------------------------------------------------------------------------------------------


def refused(claim, code, words, manifest):
    have = check(manifest)
    judge(claim, have.returncode == code and words in have.stderr.decode(errors='replace') and have.stderr.count(b'\n') == 1 and
          not have.stdout, have)


have = check({'listen': ['127.0.0.1:1', '[::1]:2'], 'admin': '127.0.0.1:3', 'tenants': {'t': None},
              'functions': {'f': {'module': 'f.wasm', 'tenant': 't'}, 'g': {'module': 'f.wasm'}, 'h': {'module': 'f.wasm'}},
              'routes': [{'prefix': '/a', 'function': 'f'}, {'path': '/b', 'host': '*.x', 'method': ['GET', 'PUT'], 'function': 'g'}]})
judge('what would be served is printed', have.returncode == OK and not re.search(rb'mote: (?!.*kernel)', have.stderr) and
      [re.sub(r'\(\S+\)$', '', line).strip() for line in have.stdout.decode().splitlines()] ==
      ['listen 127.0.0.1:1', 'listen [::1]:2', 'admin  127.0.0.1:3', '*       */a[/...] -> f of t', 'GET     *.x/b -> g',
       'PUT     *.x/b -> g', 'no route leads to h', '3 functions, 2 tenants, 3 routes'], have)
refused('a module that is missing', SYSTEM, 'nothing.wasm', {'functions': {'f': {'module': 'nothing.wasm'}}})
write('none.wasm', wasm.HEADER)
refused('no command', MODULE, '_start', {'functions': {'f': {'module': 'none.wasm'}}})
write('bad.wasm', b'\0asm\1\0\0\0\1\5x')
refused('a bad module', MODULE, 'bad.wasm', {'functions': {'f': {'module': 'bad.wasm'}}})
have = check({'on_module_error': 'skip', 'functions': {'f': {'module': 'f.wasm'}, 'g': {'module': 'bad.wasm'}, 'h': {'module': 'nothing.wasm'}}})
judge('skipped functions are told', have.returncode == MODULE and have.stderr.count(b'\n') == 2 and
      b'2 of the functions cannot be served' in have.stdout, have)
refused('a folder that is missing', SYSTEM, 'app.yaml:1: ', {'functions': {'f': {'module': 'f.wasm', 'folders': [{'host': 'nowhere'}]}}})
refused('a file is no folder', SYSTEM, 'app.yaml:1: ', {'functions': {'f': {'module': 'f.wasm', 'folders': [{'host': 'f.wasm'}]}}})
if os.getuid() == 0:
    os.makedirs(os.path.join(folder, 'mine'), exist_ok=True)
    os.chmod(os.path.join(folder, 'mine'), stat.S_IRWXU)
    granted = {'functions': {'f': {'module': 'f.wasm', 'folders': [{'host': 'mine', 'guest': '/m'}]}}}
    judge('a folder of its own user', check(granted).returncode == OK)
    have = check({'user': '%d:%d' % NOBODY, **granted})
    judge('a folder that the user cannot read', have.returncode != OK and b'app.yaml:1: ' in have.stderr, have)
    have = check({'user': 'nosuchuser', **granted})
    judge('a user who is not there', have.returncode != OK and b'nosuchuser' in have.stderr, have)
else:
    skip('not root: users cannot be changed')
have = mote.run('serve', '--check', 'nothing.yaml')
judge('no manifest', have.returncode == SYSTEM and b'nothing.yaml' in have.stderr and have.stderr.count(b'\n') == 1, have)
for words in (['--addr', '127.0.0.1:1'], ['--workers', '1'], ['--dir', '.'], ['--env', 'A=b'], ['--max-body', '1m'], ['-W', 'timeout=1s']):
    have = mote.run('serve', '--check', *words, 'app.yaml')
    judge('%s beside a manifest' % words[0], have.returncode == USAGE and b'app.yaml' in have.stderr, have)
write('app.yaml', 'listen: 8080\n')
have = mote.run('serve', 'app.yaml')
judge('a bad manifest serves nothing', have.returncode == USAGE and b'app.yaml:1: listen: want' in have.stderr, have)
os.makedirs(os.path.join(folder, 'sub'), exist_ok=True)
write('sub/app.json', json.dumps({'functions': {'f': {'module': '../f.wasm', 'folders': [{'host': '.', 'guest': '/'}]}}}))
judge('relative paths begin at the manifest', mote.run('serve', '--check', 'sub/app.json').returncode == OK)

# --- serving ----------------------------------------------------------------------------------------------

write('app.yaml', json.dumps({
    'listen': '127.0.0.1:0', 'workers': 1, 'defaults': {'env': {'A': 'a', 'B': 'b'}},
    'functions': {'one': {'module': guest, 'env': {'B': 'c'}, 'argv0': 'one'},
                  'two': {'module': guest, 'argv0': 'two', 'limits': {'body': 3}}},
    'routes': [{'prefix': '/', 'function': 'one'}, {'host': ['two.org', '*.Two.org'], 'prefix': '/', 'function': 'two'},
               {'host': 'two.org', 'prefix': '/one', 'function': 'one'},
               {'host': 'three.org', 'path': '/only', 'method': ['PUT', 'GET'], 'function': 'two'},
               {'host': 'three.org', 'prefix': '/env/', 'function': 'two'}]}))
server = Server(module='app.yaml')
server.port() or print(''.join(server.lines))


def at(host, path, fields='', method='GET', body=b''):
    return ask(server, get(path, fields, method).replace('localhost', host, 1).encode() + body)


def who(have):
    return dict(line.split('=', 1) for line in have[2].decode().splitlines()).get('ARGV0') if have[0] == 200 else have[0]


judge('any host', who(at('x.org', '/env')) == 'one')
judge('a host', who(at('two.org', '/env')) == 'two' and who(at('Two.org:80', '/env')) == 'two')
judge('hosts below it', who(at('a.b.two.org', '/env')) == 'two')
judge('one that is not', who(at('atwo.org', '/env')) == 'one')
want('what a prefix is none of', at('two.org', '/onetwo'), 200, b'hello /onetwo\n')
judge('another host serves what this one does not', who(at('three.org', '/env')) == 'one')
judge('a longer prefix', who(at('two.org', '/one/env?')) == 'one')
env = dict(line.split('=', 1) for line in at('two.org', '/env')[2].decode().splitlines())
judge('variables of the defaults', env['A'] == 'a' and env['B'] == 'b')
env = dict(line.split('=', 1) for line in at('x.org', '/env')[2].decode().splitlines())
judge('and of the function', env['A'] == 'a' and env['B'] == 'c')
want('a limit of one function', at('two.org', '/count', 'Content-Length: 4\r\n', 'POST', b'abcd'), 413)
want('is not the other one\'s', at('one.org', '/count', 'Content-Length: 4\r\n', 'POST', b'abcd'), 200)
judge('SIGTERM ends it', server.stop() == OK)

write('app.yaml', json.dumps({'listen': '127.0.0.1:0', 'workers': 1, 'functions': {'f': {'module': guest}}, 'routes': [
    {'path': '/x', 'method': ['PUT', 'GET'], 'function': 'f'}]}))
server = Server(module='app.yaml')
want('no route', at('x', '/y'), 404)
have = at('x', '/x', method='POST')
judge('a method that no route has: %s' % (have,), have[0] == 405 and have[1].get('allow') == 'PUT, GET, HEAD')
server.stop()
finish()
