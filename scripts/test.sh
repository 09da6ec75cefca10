#!/usr/bin/env bash
# Everything that must hold before a change lands; what CI runs.
. "$(dirname "$0")/common.sh"
need_root

step "What the tests need"
# Images are made of busybox-static; the checks for leaks look with ip and nft.
packages /usr/bin/cc:gcc /usr/lib/x86_64-linux-gnu/libc.a:libc6-dev /bin/busybox:busybox-static \
  /usr/sbin/nft:nftables /usr/sbin/ip:iproute2 /usr/bin/unshare:util-linux /sbin/mkfs.ext4:e2fsprogs
step "Formatting and lints"
scripts/lint.sh

step "Tests of the crates"
cargo test --workspace --locked

step "Release binary"
scripts/build.sh

scripts/test-cluster.sh
