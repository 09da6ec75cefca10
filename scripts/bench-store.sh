#!/usr/bin/env bash
# The store beside etcd, in turns, on one disk. Both get realtime priority where `chrt` may give it,
# so that what else runs on the machine meets neither. Orientation, not a test.
. "$(dirname "$0")/common.sh"
packages /usr/bin/etcd:etcd-server /usr/bin/chrt:util-linux

root=${RK3S_BENCH_ROOT:-/tmp/rk3s-bench-store}
clean() { rm -rf --one-file-system "$root"; }
trap clean EXIT
clean
mkdir -p "$root"
# As the binary sets them (src/runtime/src/allocator.rs).
export MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=1048576
cargo build --quiet --locked --release -p store --example bench_store
target=${CARGO_TARGET_DIR:-target}
run=("$target/$TRIPLE/release/examples/bench_store" "$root" /usr/bin/etcd)
# etcd is its child, ends with it, and has the same priority.
if chrt --rr 1 true 2>/dev/null; then run=(chrt --rr 1 "${run[@]}"); fi
"${run[@]}"
say
say "Measured $(date +%F) by \`make bench-store\` on $(nproc) cores ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r); $(etcd --version | head -n 1), fsync on, asked in gRPC over HTTP/2 with a connection per client; the store is called in its process."
