#!/usr/bin/env bash
# The real binary, target/rk3s, with a real kubectl. Arguments choose tests by parts of their names.
. "$(dirname "$0")/common.sh"
need_root

step "Tests of the binary with a real kubectl"
packages /bin/busybox:busybox-static /usr/sbin/nft:nftables /usr/sbin/ip:iproute2 /usr/bin/unshare:util-linux
[ -x "$BINARY" ] || fail "target/rk3s is missing: run make build"
KUBECTL=$(scripts/kubectl.sh)
RK3S_TEST_PYTHON=$(scripts/python-client.sh)
export KUBECTL RK3S_TEST_PYTHON RK3S_BINARY=$BINARY RK3S_TEST_IMAGE=$PWD/target/busybox.tar
[ -e "$RK3S_TEST_IMAGE" ] || scripts/image.sh "$RK3S_TEST_IMAGE"
unset RK3S_DATA_DIR RK3S_RUN_DIR RK3S_KUBECONFIG_OUTPUT
# With --workspace the crates are built with the features that the other tests built them with.
cargo test --locked --workspace --test cluster -- "$@"
