#!/usr/bin/env bash
# Runs go test and shows what matters of its output: the packages' lines, what
# backend the tests chose, skips, and all that failed. A skipped test fails the
# run, unless it is allowed.
#
# Usage: .ci/gotest.sh [--skips-allowed] GO-TEST-ARGUMENTS...
set -euo pipefail
cd "$(dirname "$0")/.."

skips_allowed=
if [ "$1" = --skips-allowed ]; then
  skips_allowed=1
  shift
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "\$ go test $*"
# The packages' lines show while the others still run.
set +e
go test -v "$@" 2>&1 | tee "$log" | awk '
  /^--- PASS|\[no test files\]$/    { next }
  /^memcachedtest: using/ && !seen[$0]++ ||
  /^(ok|FAIL|---|panic:|WARNING: DATA RACE)|^ +--- (SKIP|FAIL)/ { print; fflush() }'
code=${PIPESTATUS[0]}
set -e
echo "$(grep -cE '^ *--- PASS' "$log") tests and subtests passed, $(grep -cE '^ *--- SKIP' "$log") skipped"

if [ "$code" -ne 0 ]; then
  echo "--- the output of the packages that failed, without the tests that passed:"
  awk '{ text = text $0 "\n" }
    /^ok / || /^ok\t/ { text = "" }
    /^FAIL\t/ { printf "%s", text; text = "" }
    END { printf "%s", text }' "$log" | grep -vE '^(=== |PASS$)|^ *--- PASS' | head -400
  exit "$code"
fi
if [ -z "$skips_allowed" ] && grep -qE '^ *--- SKIP' "$log"; then
  echo "--- FAILED: these tests should run here, but were skipped:"
  grep -E -B 2 '^ *--- SKIP' "$log" | grep -E '^ *--- SKIP|^ +[^ ]+_test.go:'
  exit 1
fi
