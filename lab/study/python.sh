# Finds a Python that has matplotlib, for Debian's package serves Debian's Python only;
# without any, the one on PATH, and there will be no pictures. Wants $here, the lab's folder.
python=python3
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("matplotlib") is None)' 2>/dev/null; then
        python=$candidate
        break
    fi
done
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
