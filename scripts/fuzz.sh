#!/usr/bin/env bash
# Runs each fuzz target (tests/fuzz) for SECONDS, 600 by default, one on each core; more arguments
# choose targets by their names. Inputs found are kept in target/fuzz/corpus, findings in
# target/fuzz/artifacts.
. "$(dirname "$0")/common.sh"

seconds=${1:-600}
shift || true
packages /usr/bin/g++:g++
rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal ||
  fail "fuzzing needs a nightly toolchain: rustup toolchain install nightly"
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
output=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list --fuzz-dir tests/fuzz)

export CARGO_TARGET_DIR=$output/build
for target in "${targets[@]}"; do
  cargo +nightly fuzz build --fuzz-dir tests/fuzz --target "$TRIPLE" "$target" ||
    fail "$target does not build"
done

run() {
  local target=$1 result="no finding" runs
  # Until it has ended well it counts as one that did not.
  touch "$output/findings/$target"
  mkdir -p "$output/corpus/$target" "$output/artifacts/$target"
  # Findings are small inputs; memory and time of one input are bounded as the server's are.
  "$CARGO_TARGET_DIR/$TRIPLE/release/$target" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$output/artifacts/$target/" "$output/corpus/$target" \
    "tests/fuzz/corpus/$target" 2>"$output/$target.log" || result="FINDING"
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$output/$target.log")
  say "$target: $result in ${runs:-?} runs of $seconds s"
  if [ "$result" = "no finding" ]; then rm "$output/findings/$target"; else tail -n 40 "$output/$target.log"; fi
}

step "${targets[*]}, $seconds s each, $(nproc) at once"
rm -rf "$output/findings"
mkdir -p "$output/findings"
for target in "${targets[@]}"; do
  # A target that fails is in `findings`.
  if [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; then wait -n || :; fi
  run "$target" &
done
wait
findings=$(ls "$output/findings")
[ -z "$findings" ] || fail "findings: ${findings//$'\n'/ }; the inputs are in $output/artifacts"
