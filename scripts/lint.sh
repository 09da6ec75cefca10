#!/usr/bin/env bash
# Formatting and lints, as "make test" begins.
. "$(dirname "$0")/common.sh"

cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
