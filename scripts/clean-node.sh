#!/usr/bin/env bash
# Stops the server and removes every pod, mount, interface, cgroup, rule and file of rk3s.
. "$(dirname "$0")/common.sh"
need_root

scripts/stop.sh
if [ -x "$BINARY" ]; then
  "$BINARY" clean-node
elif [ -e "$RK3S_RUN_DIR" ]; then
  fail "$BINARY is missing; run make build first, it knows what to remove"
fi
# The command keeps the data, as an upgrade needs; here it goes too.
for path in "$RK3S_DATA_DIR" "$RK3S_RUN_DIR"; do
  case $path in
    /*/*) rm -rf --one-file-system "$path" ;;
    *) fail "$path does not look like a directory of rk3s' own" ;;
  esac
done
rm -f "$SERVER_LOG" "$RK3S_KUBECONFIG_OUTPUT"
kubelet=${RK3S_KUBELET_DIR:-/var/lib/kubelet} logs=${RK3S_LOG_DIR:-/var/log/pods}
for path in "$(dirname "$RK3S_KUBECONFIG_OUTPUT")" "$kubelet/pods" "$kubelet" "$logs" "${logs%/*}/containers"; do
  # Others' files may be there.
  rmdir "$path" 2>/dev/null || true
done

left=$(scripts/leftovers.sh)
[ -z "$left" ] || fail "still here:
$left"
say "nothing of rk3s is left"
