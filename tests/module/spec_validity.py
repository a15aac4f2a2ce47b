#!/usr/bin/env python3
"""The specification's own tests, as far as they ask whether a module is one.

    spec_validity.py VALIDATE_FILES SPEC_FOLDER [-v]

Goes over the scripts under SPEC_FOLDER (as `wasm-tools json-from-wast` writes
them) and claims for each command with a binary module:
    module, module_definition, assert_unlinkable, assert_uninstantiable   it loads
    assert_invalid    it is refused as invalid
    assert_malformed  it is refused as malformed
Modules of legacy-exceptions/ that use those instructions are refused by name.
Text modules are counted as skipped. SPEC_FOLDER may come from MOTE_SPEC instead.
"""
import json
import os
import pathlib
import subprocess
import sys

# The features each folder is about. The threads proposal's tests are older than
# several memories and tables, and claim that there are none.
FOLDERS = {
    "core-3.0": "default",
    "threads": "all,-multi-memory,-reference-types",
    "proposals": "all",
    "legacy-exceptions": "default",
}
LEGACY = "legacy-exceptions"
LOADS = {"module", "module_definition", "assert_unlinkable", "assert_uninstantiable"}
REFUSED = {"assert_invalid": "invalid", "assert_malformed": "malformed"}


def commands(listed):
    for command in listed:
        if command["type"] == "thread":
            yield from commands(command["commands"])
        elif command["type"] in LOADS or command["type"] in REFUSED:
            yield command


def judge(command, legacy, status, message):
    """None if the claim holds, else what is wrong."""
    kind = command["type"]
    if legacy and status == "unsupported" and message.startswith("legacy exceptions"):
        return None
    if kind in LOADS:
        return None if status == "ok" else "want it to load"
    if status == "unsupported" and command["text"].startswith("multiple "):
        return None
    want = REFUSED[kind]
    return None if status == want else f"want it refused as {want} ({command['text']})"


def check_folder(tool, folder, verbose):
    work, skipped = [], 0
    for script in sorted(folder.rglob("*.json")):
        for command in commands(json.loads(script.read_text())["commands"]):
            if command.get("module_type", "binary") != "binary":
                skipped += 1
                continue
            work.append((script, command))
    paths = "".join(f"{script.parent / command['filename']}\n" for script, command in work)
    run = subprocess.run([tool, FOLDERS[folder.name]], input=paths, capture_output=True, text=True, errors="replace")
    answers = run.stdout.splitlines()
    passed, failed = 0, 0
    if run.returncode != 0 or len(answers) != len(work):
        print(f"{folder.name}: the tool stopped at {len(answers)} of {len(work)}: {run.stderr[-2000:]}")
        failed += 1
    for (script, command), answer in zip(work, answers):
        status, offset, _, message = answer.split("\t", 3)
        wrong = judge(command, folder.name == LEGACY, status, message)
        if wrong:
            failed += 1
            print(f"{script.name}:{command['line']}: {command['filename']}: {wrong}; have {status} at {offset}: {message}")
        else:
            passed += 1
            if verbose and status != "ok":
                print(f"{command['filename']}: {command.get('text', '')} | {offset}: {message}")
    return passed, failed, skipped


def main():
    args = [a for a in sys.argv[1:] if a != "-v"]
    spec = pathlib.Path(args[1] if len(args) > 1 else os.environ.get("MOTE_SPEC", ""))
    if not args or not spec.is_dir() or not str(spec):
        sys.exit(__doc__)
    total = [0, 0, 0]
    for name in FOLDERS:
        if (spec / name).is_dir():
            total = [a + b for a, b in zip(total, check_folder(args[0], spec / name, "-v" in sys.argv))]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    sys.exit(total[1] != 0 or total[0] == 0)


main()
