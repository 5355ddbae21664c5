#!/bin/sh
# Says in the first second what this machine lacks, all of it at once, one line each with its remedy, and fails.
# On success prints the Python that `make` uses. POSIX sh, because the thing that may be missing is Python itself.
set -u

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    # A version manager's shim is on PATH even when nothing answers behind it, so the candidate has to run.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done

missing=0
lacks() {
    printf 'kvguard: %s\n' "$1" >&2
    missing=1
}

if [ -z "$python" ]; then
    lacks 'Python 3.11 or newer is missing: apt-get install python3 python3-venv, or https://www.python.org/downloads/'
elif ! "$python" -c 'import ensurepip, ssl, venv' >/dev/null 2>&1; then
    lacks "$python has no venv or ssl module: apt-get install python3-venv"
fi

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)
if [ -z "$node_major" ]; then
    lacks 'Node.js 20 or newer is missing: https://nodejs.org/en/download (Azurite, the local Azure Storage, runs on it)'
elif [ "$node_major" -lt 20 ]; then
    lacks "Node.js $node_major is too old, 20 or newer is needed: https://nodejs.org/en/download"
fi
if ! command -v npm >/dev/null 2>&1; then
    lacks 'npm is missing: it comes with https://nodejs.org/en/download, or apt-get install npm'
fi

[ "$missing" -eq 0 ] || exit 1
"$python" -c 'import sys; print(sys.executable)'
