# shellcheck shell=bash
# Sourced by the other scripts: strict mode, the project's root, places, and small words.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The same variables that the server reads, with the same defaults.
export RK3S_DATA_DIR=${RK3S_DATA_DIR:-/var/lib/rk3s}
export RK3S_RUN_DIR=${RK3S_RUN_DIR:-/run/rk3s}
export RK3S_KUBECONFIG_OUTPUT=${RK3S_KUBECONFIG_OUTPUT:-/etc/rk3s/rk3s.yaml}
readonly BINARY=$PWD/target/rk3s
readonly TRIPLE=x86_64-unknown-linux-gnu
readonly SERVER_PID=$RK3S_RUN_DIR/server.pid
readonly SERVER_LOG=${RK3S_SERVER_LOG:-/var/log/rk3s.log}

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || fail "this needs root: run it with sudo"; }

# packages FILE:PACKAGE...: installs the Debian packages whose file is missing.
packages() {
  local missing=() pair
  for pair in "$@"; do
    [ -e "${pair%%:*}" ] || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "install these packages first: ${missing[*]}"
  need_root
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# until_true SECONDS WHAT COMMAND...: asks again until it holds; past the deadline it fails with
# the command's last words.
until_true() {
  local deadline=$((SECONDS + $1)) what=$2 words
  shift 2
  until words=$("$@" 2>&1); do
    [ "$SECONDS" -lt "$deadline" ] || fail "$what: $words"
    sleep 0.1
  done
}

# The running server's process id, or nothing. A pid file outlives a machine's restart, so the
# process must be this program.
server_pid() {
  local pid
  pid=$(cat "$SERVER_PID" 2>/dev/null) || return 0
  case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
    *rk3s\ server*) say "$pid" ;;
  esac
}

# The embedded kubectl, as the administrator.
kubectl() { KUBECONFIG=$RK3S_KUBECONFIG_OUTPUT "$BINARY" kubectl "$@"; }
