#!/usr/bin/env bash
# Prints a directory for PYTHONPATH with the Python client for the tests: of the versions and
# contents that python-client.txt pins, installed on first use.
. "$(dirname "$0")/common.sh"

directory=$PWD/target/tools/python-client
mark=$directory/.installed-$(sha256sum scripts/python-client.txt | cut -c -12)
if [ ! -e "$mark" ]; then
  packages /usr/bin/python3:python3 >&2
  python3 -m pip --version >/dev/null 2>&1 || packages /nonexistent:python3-pip >&2
  rm -rf "$directory"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --root-user-action=ignore --target "$directory" --requirement scripts/python-client.txt >&2 ||
    fail "the tests need the Python client of Kubernetes from PyPI"
  touch "$mark"
fi
say "$directory"
