#!/usr/bin/env bash
# Starts a node in the background and shows a Deployment on it. Running it again is harmless.
. "$(dirname "$0")/common.sh"
need_root

show() { printf '$ kubectl %s\n' "$*"; kubectl "$@"; }
node_ready() { kubectl get nodes | tee /dev/stderr | awk 'NR > 1 && $2 == "Ready" { ready = 1 } END { exit !ready }'; }
available() { kubectl get deployment hello | tee /dev/stderr | awk 'NR > 1 && $2 == "3/3" && $4 == 3 { done = 1 } END { exit !done }'; }

step "Image"
archive=$RK3S_DATA_DIR/agent/images/busybox.tar
[ -e "$archive" ] || scripts/image.sh "$archive"
say "$archive"

step "Server"
pid=$(server_pid)
if [ -n "$pid" ]; then
  say "already running, process $pid"
else
  mkdir -p "$RK3S_RUN_DIR" "$(dirname "$SERVER_LOG")"
  # setsid: the server outlives this terminal.
  setsid "$BINARY" server >>"$SERVER_LOG" 2>&1 </dev/null &
  pid=$!
  say "$pid" >"$SERVER_PID"
  say "process $pid, log $SERVER_LOG"
fi
alive_and() {
  [ -d "/proc/$pid" ] || { say "the server ended; its last words:"; tail -n 5 "$SERVER_LOG"; return 1; }
  "$@"
}
until_true 60 "the node is not Ready" alive_and node_ready

step "Deployment"
show apply -f packaging/examples/hello.yaml
until_true 60 "the Deployment is not Available" available
show get deployments,replicasets,pods -o wide
pod=$(kubectl get pods -l app=hello -o name | head -n 1)
show logs "$pod"

cat <<EOT

It runs. What to try next, with any kubectl (or "target/rk3s kubectl"):
  export KUBECONFIG=$RK3S_KUBECONFIG_OUTPUT
  kubectl get pods -o wide -w
  kubectl scale deployment hello --replicas=5
  kubectl describe ${pod/\// }
  kubectl delete ${pod/\// }
  kubectl create deployment other --image=busybox:1.35 --replicas=2 -- sleep 3600
Images come from $RK3S_DATA_DIR/agent/images: put an archive of "docker save" there.

make stop         stops the server; pods go on
make clean-node   removes everything
EOT
