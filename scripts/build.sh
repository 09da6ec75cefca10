#!/usr/bin/env bash
# Leaves the static release binary at target/rk3s.
. "$(dirname "$0")/common.sh"

# A linker and C compiler for ring and zstd, and libc.a for the static link.
packages /usr/bin/cc:gcc /usr/lib/x86_64-linux-gnu/libc.a:libc6-dev
command -v cargo >/dev/null || fail "Rust is missing: install rustc and cargo 1.95 or newer"

cargo build --release --locked --bin rk3s
install -m 0755 "target/$TRIPLE/release/rk3s" "$BINARY.new"
# A running server keeps its own file: the new one takes the name.
mv "$BINARY.new" "$BINARY"

# ldd fails on what is not dynamic, and says so.
linked=$(ldd "$BINARY" 2>&1) && fail "$BINARY is not static: $linked"
case $linked in *"not a dynamic executable"*) ;; *) fail "ldd $BINARY: $linked" ;; esac
# e_type, the two bytes at 16: 2 is EXEC, 3 would be a position-independent executable.
[ "$(od -An -tu2 -j16 -N2 "$BINARY" | tr -d ' ')" = 2 ] || fail "$BINARY is position-independent"
say "target/rk3s: $(stat -c %s "$BINARY") bytes, static"
