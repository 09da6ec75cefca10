#!/usr/bin/env bash
# Ends the server that "make run" started. Pods go on; the next "make run" finds them.
. "$(dirname "$0")/common.sh"

pid=$(server_pid)
if [ -z "$pid" ]; then
  say "no server runs"
  exit 0
fi
kill -TERM "$pid"
timeout 30 tail --pid="$pid" -f /dev/null || fail "process $pid still runs 30 s after SIGTERM; its log is $SERVER_LOG"
rm -f "$SERVER_PID"
say "stopped; pods go on (make clean-node ends them)"
