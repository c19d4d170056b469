#!/bin/sh
# Print a Python >= 3.11 that can make virtual environments, newest first; say what is missing if there is none.
# $PYTHON, when it is set, is the only one asked.
set -eu

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

without_venv=""
for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
    is_new_enough "$candidate" || continue
    if makes_venvs "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
    without_venv="${without_venv:-$candidate}"
done

{
    if [ -n "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "jotary: $without_venv cannot make virtual environments: its venv or ensurepip module is missing."
        echo "On Debian and Ubuntu: apt-get install python$version-venv"
    else
        echo "jotary needs Python 3.11 or newer, and found none${PYTHON:+ at PYTHON=$PYTHON}."
        echo "Found: $(python3 --version 2>/dev/null || echo 'no python3 on the PATH')"
    fi
    echo "To use one that is not on the PATH: make PYTHON=/path/to/python3 ..."
} >&2
exit 1
