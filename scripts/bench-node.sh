#!/usr/bin/env bash
# Measures what README's table says, on a network namespace and directories of its own, and prints
# the table. Orientation, not a test: it fails only when something does not work.
. "$(dirname "$0")/common.sh"
need_root
packages /bin/busybox:busybox-static /usr/sbin/ip:iproute2 /usr/bin/crun:crun /usr/bin/unshare:util-linux

if [ -z "${RK3S_BENCH_INSIDE:-}" ]; then
  [ -x "$BINARY" ] || fail "target/rk3s is missing: run make build"
  KUBECTL=$(scripts/kubectl.sh)
  export KUBECTL RK3S_BENCH_INSIDE=yes
  [ -e target/busybox.tar ] || scripts/image.sh "$PWD/target/busybox.tar"
  cargo build --quiet --locked --release -p runtime --example bench
  exec unshare --net "$0" "$@"
fi
idle_seconds=${1:-60}
root=/tmp/rk3s-bench
export RK3S_DATA_DIR=$root/data RK3S_RUN_DIR=$root/run RK3S_KUBELET_DIR=$root/kubelet \
  RK3S_LOG_DIR=$root/pods RK3S_CGROUP_ROOT=/rk3s-bench RK3S_BRIDGE=rk3sbench0 \
  RK3S_KUBECONFIG_OUTPUT=$root/rk3s.yaml RK3S_NODE_NAME=bench KUBECONFIG=$root/rk3s.yaml HOME=$root
unset RK3S_CONFIG_FILE

clean() {
  [ -z "${server:-}" ] || { kill -TERM "$server" 2>/dev/null && wait "$server" || true; }
  [ ! -d "$root" ] || "$BINARY" clean-node >>"$root/clean.log" 2>&1 || cat "$root/clean.log" >&2
  rm -rf --one-file-system "$root"
}
trap clean EXIT
clean
mkdir -p "$RK3S_DATA_DIR/agent/images"
cp target/busybox.tar "$RK3S_DATA_DIR/agent/images/"
ip link set lo up
ip link add bench0 type veth peer name bench1
ip addr add 192.0.2.20/24 dev bench0
ip link set bench0 up
ip link set bench1 up

now() { date +%s%N; }
seconds() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.2f s", (to - from) / 1e9 }'; }
# poll COMMAND...: asks as fast as it answers, for a minute.
poll() {
  local deadline=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { tail -n 5 "$root/server.log" >&2; fail "not within 60 s: $*"; }
    [ -d "/proc/$server" ] || { tail -n 5 "$root/server.log" >&2; fail "the server ended"; }
  done
}
node_is_ready() { "$KUBECTL" get nodes --no-headers | grep -q ' Ready '; }
start_server() { "$BINARY" server >>"$root/server.log" 2>&1 & server=$!; }
# shims: the process ids of all shims of this server.
shims() { grep -lsz '^shim$' /proc/[0-9]*/cmdline | cut -d/ -f3; }
# total FIELD PID...: kilobytes of a field of smaps_rollup.
total() {
  local field=$1 pid
  shift
  for pid in "$@"; do cat "/proc/$pid/smaps_rollup"; done | awk -v f="$field:" '$1 == f { sum += $2 } END { printf "%.1f MB", sum / 1024 }'
}
# ticks PID...: processor time used, in hundredths of a second.
ticks() {
  local pid sum=0
  for pid in "$@"; do
    sum=$((sum + $(awk '{ print $14 + $15 }' "/proc/$pid/stat")))
  done
  say "$sum"
}
percent() { awk -v t="$1" -v s="$idle_seconds" 'BEGIN { printf "%.2f %% of a core", t / s }'; }
row() { printf '| %s | %s |\n' "$1" "$2" | tee -a "$root/table" >&2; }
available() {
  local from
  from=$(now)
  sed "s/replicas: 3/replicas: $1/" packaging/examples/hello.yaml | "$KUBECTL" apply -f - >/dev/null
  # Not the condition Available, which three quarters of the pods fulfil.
  "$KUBECTL" rollout status --timeout=120s deployment/hello >/dev/null
  seconds "$from" "$(now)"
}
gone() { [ -z "$("$KUBECTL" get pods -o name 2>&1)" ]; }
remove() { "$KUBECTL" delete deployment hello >/dev/null; poll gone; }

row "binary" "$(awk -v b="$(stat -c %s "$BINARY")" 'BEGIN { printf "%.1f MB", b / 1e6 }')"
from=$(now)
start_server
poll "$KUBECTL" get --raw /readyz
row "first start to API ready" "$(seconds "$from" "$(now)")"
poll node_is_ready
row "first start to node Ready" "$(seconds "$from" "$(now)")"
row "apply to 1 pod available" "$(available 1)"
remove
from=$(now)
row "apply to 30 pods available" "$(available 30)"
row "server with 30 pods, resident" "$(total Rss "$server")"
remove
kill -TERM "$server"
wait "$server"
from=$(now)
start_server
poll node_is_ready
row "second start to node Ready" "$(seconds "$from" "$(now)")"
available 3 >/dev/null
# What follows a start ends: compaction, imports, first leases.
sleep 10
mapfile -t pids < <(shims)
[ ${#pids[@]} = 3 ] || fail "3 shims expected: ${pids[*]}"
before=$(ticks "$server") shims_before=$(ticks "${pids[@]}")
sleep "$idle_seconds"
row "server, idle with 3 pods, resident" "$(total Rss "$server")"
row "server, idle with 3 pods, processor over $idle_seconds s" "$(percent $(($(ticks "$server") - before)))"
row "3 shims, idle, resident (proportional, private)" "$(total Rss "${pids[@]}") ($(total Pss "${pids[@]}"), $(total Private_Dirty "${pids[@]}"))"
row "3 shims, idle, processor over $idle_seconds s" "$(percent $(($(ticks "${pids[@]}") - shims_before)))"
remove
beside=$("target/$TRIPLE/release/examples/bench" 30 | tail -n 3 | paste -sd ';' | sed 's/;/; /g')
row "create, start, wait and delete beside crun $(crun --version | awk 'NR == 1 { print $3 }')" "$beside"

say
say "Measured $(date +%F) by \`make bench-node\` on $(nproc) cores ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r)."
say
say "| what | figure |"
say "|---|---|"
cat "$root/table"
