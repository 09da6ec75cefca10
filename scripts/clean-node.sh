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
rm -f "$SERVER_LOG"

left=$(scripts/leftovers.sh)
[ -z "$left" ] || fail "still here:
$left"
say "nothing of rk3s is left"
