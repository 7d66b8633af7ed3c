#!/usr/bin/env bash
# Runs the fuzz targets of the whole repository, one after the other.
#
# Usage: .ci/fuzz.sh [SECONDS [SECONDS_OF_OTHERS]]
#
# What reads input of strangers gets SECONDS (30) each: session ids, cookies,
# stored records, the headers of apps. The other targets get SECONDS_OF_OTHERS
# (10).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly seconds=${1:-30} others=${2:-10}
# package/target, as regular expressions; each must match a target.
readonly required=(
  'pkg/sessionid/' '/Fuzz[A-Za-z]*Cookie' 'pkg/transcoder/' 'internal/appheader/' '/FuzzParseMeta'
)

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# targets prints a line "package target" for each.
targets() {
  go test -list '^Fuzz' ./... | awk '
    /^Fuzz/    { names[n++] = $1 }
    $1 == "ok" { for (i = 0; i < n; i++) print $2, names[i]; n = 0 }'
}

# fuzz PACKAGE TARGET SECONDS runs one. When the time is up, the fuzzer itself
# sometimes fails with "context deadline exceeded" and no input to blame
# (golang/go#75804); that is tried once more.
fuzz() {
  local attempt
  for attempt in 1 2; do
    if go test -run '^$' -fuzz "^$2\$" -fuzztime "$3s" -fuzzminimizetime 5s "$1" >"$log" 2>&1; then
      echo "$1 $2: $3 s, $(grep -o 'execs: [0-9]*' "$log" | tail -1)"
      return
    fi
    if grep -q 'Failing input written' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
      break
    fi
    echo "$1 $2: attempt $attempt ended with the fuzzer's own timeout"
  done
  tail -60 "$log"
  echo "FAILED: $1 $2"
  return 1
}

all=$(targets)
for pattern in "${required[@]}"; do
  tr ' ' / <<<"$all" | grep -qE "$pattern" || {
    echo "FAILED: no fuzz target matches $pattern"
    missing=1
  }
done

failed=${missing:-0}
while read -r package target; do
  time=$others
  for pattern in "${required[@]}"; do
    if grep -qE "$pattern" <<<"$package/$target"; then time=$seconds; fi
  done
  fuzz "$package" "$target" "$time" </dev/null || failed=1
done <<<"$all"
exit "$failed"
