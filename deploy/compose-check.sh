#!/usr/bin/env bash
# Brings docker-compose.yml up on a free port, sets an attribute, kills a
# memcached, an msmd and an app, sees the attribute after each, and takes it
# all down again. The variables of docker-compose.yml apply.
#
# Usage: deploy/compose-check.sh
set -euo pipefail
cd "$(dirname "$0")"

readonly ready_seconds=60
readonly rounds=8 # requests after each step: the round robins pass everyone

project=msmd-check-$$
export MSMD_PORT=0 # the engine picks one
export MSMD_IMAGE=${MSMD_IMAGE:-$project}
work=$(mktemp -d)
jar=$work/cookies
started=$SECONDS

if docker compose version >/dev/null 2>&1; then
  tool=(docker compose)
else
  tool=(docker-compose)
fi

compose() { "${tool[@]}" -p "$project" -f docker-compose.yml "$@"; }

say() { printf '%3d s  %s\n' $((SECONDS - started)) "$*"; }

fail() {
  say "FAILED: $*" >&2
  exit 1
}

# take_down runs at every exit, with the logs if that is a failure.
take_down() {
  local code=$?
  trap - EXIT INT TERM
  if [ "$code" -ne 0 ]; then
    compose ps >&2 || true
    compose logs --no-color --tail=50 >&2 || true
  fi
  if ! compose down --volumes --remove-orphans --timeout 3 >"$work/down" 2>&1; then
    cat "$work/down" >&2
    [ "$code" -ne 0 ] || code=1
  fi
  if [ "$MSMD_IMAGE" = "$project" ]; then
    docker image rm "$project" >/dev/null || true
  fi
  rm -rf "$work"
  say "taken down"
  exit "$code"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# request METHOD-AND-DATA... leaves the body in $work/body, the upstream that
# nginx chose in $upstream, and fails unless the status is 200.
request() {
  local status
  : >"$work/headers"
  status=$(curl --silent --show-error --max-time 10 --cookie "$jar" --cookie-jar "$jar" \
    --header 'Accept: application/json' --output "$work/body" --dump-header "$work/headers" \
    --write-out '%{http_code}' "$@" "$url" 2>"$work/curl") || status="no answer: $(cat "$work/curl")"
  upstream=$(tr -d '\r' <"$work/headers" | sed -n 's/^[Xx]-[Uu]pstream: //p')
  case $status in 200 | 303) ;; *) return 1 ;; esac
}

# field NAME prints a text of the JSON's first level.
field() { sed -n "s/^  \"$1\": \"\(.*\)\",\$/\1/p" "$work/body"; }

wait_ready() {
  local deadline=$((SECONDS + ready_seconds))
  until request && [ -n "$(field app)" ]; do
    [ "$SECONDS" -lt "$deadline" ] || fail "no page within $ready_seconds s"
    sleep 0.5
  done
}

# post NAME VALUE sets an attribute as the page's form does.
post() {
  request --data-urlencode "dataName=$1" --data-urlencode "dataValue=$2" ||
    fail "setting $1: $(head -c 300 "$work/body")"
}

# start_on NODE makes sessions until one lives on NODE, so that killing NODE
# takes the session's home and not only its copy.
start_on() {
  local try
  for try in {1..40}; do
    rm -f "$jar"
    post city Ulm
    request || fail "no session"
    if [ "$(field node)" = "$1" ]; then
      say "session $try of this check lives on $1"
      return
    fi
  done
  fail "none of $try sessions lives on $1"
}

# see STEP NAME=VALUE... requests the session several times: always the same
# one, always with all the attributes. It leaves who answered in $apps, $nodes
# and $upstreams.
see() {
  local step=$1 round pair
  shift
  apps='' nodes='' upstreams=''
  for ((round = 1; round <= rounds; round++)); do
    request || fail "$step, request $round: $(head -c 300 "$work/body")"
    [ "$(field ref)" = "$ref" ] || fail "$step, request $round: another session, $(field ref), not $ref"
    [ "$(field created)" = "$created" ] || fail "$step, request $round: created $(field created), not $created"
    for pair in "$@"; do
      grep -qF "\"${pair%%=*}\": \"${pair#*=}\"" "$work/body" ||
        fail "$step, request $round: no attribute $pair in $(cat "$work/body")"
    done
    apps+="$(field app)"$'\n' nodes+="$(field node)"$'\n' upstreams+="${upstream##*, }"$'\n'
  done
  apps=$(set_of "$apps") nodes=$(set_of "$nodes") upstreams=$(set_of "$upstreams")
  say "$step: $* seen $rounds times; apps $apps; nodes $nodes; msmd at $upstreams"
}

set_of() { sort -u <<<"$1" | xargs; }

# expect VALUE WANT WHAT compares what see has seen.
expect() { [ "$1" = "$2" ] || fail "$3: '$1', want '$2'"; }

kill_one() {
  docker kill "$(compose ps -q "$1")" >/dev/null
  [ -z "$(docker ps -q --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1")" ] || fail "$1 is still running"
  say "killed $1"
}

compose up -d --build >"$work/up" 2>&1 || {
  cat "$work/up" >&2
  fail "compose up"
}
url=http://$(compose port nginx 80)/
say "up at $url"
wait_ready
say "ready"

start_on n1
ref=$(field ref)
created=$(field created)
see "all up" city=Ulm
expect "$apps" "app1 app2" "apps"
expect "$(wc -w <<<"$upstreams")" 2 "number of msmd that answered"

kill_one n1
see "without n1" city=Ulm
post river Danube
see "without n1, after a change" city=Ulm river=Danube
expect "$nodes" n2 "nodes"

kill_one msmd1
see "without msmd1" city=Ulm river=Danube
expect "$(wc -w <<<"$upstreams")" 1 "number of msmd that answered"

kill_one app1
see "without app1" city=Ulm river=Danube
expect "$apps" app2 "apps"
post bridge Herdbruecke
see "without all three, after a change" city=Ulm river=Danube bridge=Herdbruecke

say "PASSED"
