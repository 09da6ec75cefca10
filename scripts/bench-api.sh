#!/usr/bin/env bash
# The API's figures over TLS beside etcd and a bare axum server, on a network namespace and
# directories of its own. Arguments choose rows by parts of their names: list, watch, create, get.
# Orientation, not a test: it fails only when something does not work.
. "$(dirname "$0")/common.sh"
need_root
packages /usr/bin/etcd:etcd-server /usr/sbin/ip:iproute2 /usr/bin/unshare:util-linux

if [ -z "${RK3S_BENCH_INSIDE:-}" ]; then
  RK3S_BINARY=${RK3S_BINARY:-$BINARY}
  [ -x "$RK3S_BINARY" ] || fail "$RK3S_BINARY is missing: run make build"
  built=$(cargo build --quiet --locked --release --bench api --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/api-[^"]*\)".*/\1/p' | tail -n 1)
  export RK3S_BINARY RK3S_BENCH_PROGRAM=$built RK3S_BENCH_INSIDE=yes
  exec unshare --net "$0" "$@"
fi
root=${RK3S_BENCH_ROOT:-/tmp/rk3s-bench-api}
export RK3S_BENCH_DIR=$root RK3S_DATA_DIR=$root/data RK3S_RUN_DIR=$root/run \
  RK3S_KUBELET_DIR=$root/kubelet RK3S_LOG_DIR=$root/pods RK3S_CGROUP_ROOT=/rk3s-bench-api \
  RK3S_BRIDGE=rk3sbench1 RK3S_KUBECONFIG_OUTPUT=$root/rk3s.yaml RK3S_NODE_NAME=bench
unset RK3S_CONFIG_FILE

clean() {
  [ ! -d "$root" ] || "$RK3S_BINARY" clean-node >>"$root/clean.log" 2>&1 || cat "$root/clean.log" >&2
  rm -rf --one-file-system "$root"
}
trap clean EXIT
clean
mkdir -p "$root/echo"
# Each of 1,000 watchers is a connection, on both sides.
ulimit -Sn "$(ulimit -Hn)"
ip link set lo up
ip link add bench0 type veth peer name bench1
ip addr add 192.0.2.20/24 dev bench0
ip link set bench0 up
ip link set bench1 up

"$RK3S_BENCH_PROGRAM" "$@"
say
say "Measured $(date +%F) by \`make bench-api\` on $(nproc) cores ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r); $(etcd --version | head -n 1)."
