#!/usr/bin/env bash
# Lists what rk3s has on this machine: processes, mounts, interfaces, cgroups, rules and files.
. "$(dirname "$0")/common.sh"

cgroup=${RK3S_CGROUP_ROOT:-/kubepods}
bridge=${RK3S_BRIDGE:-rk3s0}
kubelet=${RK3S_KUBELET_DIR:-/var/lib/kubelet}
logs=${RK3S_LOG_DIR:-/var/log/pods}

for process in /proc/[0-9]*; do
  # A process may end while it is looked at; then it is not left.
  case $(readlink "$process/exe" 2>/dev/null) in
    "$BINARY"*) say "process ${process#/proc/} $(tr '\0' ' ' 2>/dev/null <"$process/cmdline")" ;;
    *) grep -qsE ":$cgroup(/|\$)" "$process/cgroup" && say "process ${process#/proc/}" ;;
  esac
done
awk -v run="$RK3S_RUN_DIR/" -v data="$RK3S_DATA_DIR/" -v kubelet="$kubelet/" \
  'index($5, run) == 1 || index($5, data) == 1 || index($5, kubelet) == 1 { print "mount " $5 }' /proc/self/mountinfo
for interface in /sys/class/net/*; do
  case ${interface##*/} in "$bridge" | rk3v*) say "interface ${interface##*/}" ;; esac
done
find /sys/fs/cgroup -type d -path "*$cgroup" -prune -printf 'cgroup %p\n'
if command -v nft >/dev/null; then
  nft list tables | awk '/rk3s/ { print "rules " $0 }'
fi
for path in "$RK3S_RUN_DIR" "$RK3S_DATA_DIR" "$kubelet" "$logs" "$RK3S_KUBECONFIG_OUTPUT"; do
  if [ -e "$path" ]; then say "file $path"; fi
done
