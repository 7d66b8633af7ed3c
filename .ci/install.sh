#!/usr/bin/env bash
# Installs, from Debian's packages, the programs that .ci/run needs and that
# are not there. Go itself is expected to be there.
#
# Usage: .ci/install.sh
set -euo pipefail

PATH=$PATH:/usr/sbin
sudo=sudo
[ "$(id -u)" -ne 0 ] || sudo=

# add PROGRAM PACKAGE... notes the packages if there is no such program.
packages=()
add() {
  type -P "$1" >/dev/null || packages+=("${@:2}")
}

add memcached memcached
add nginx nginx-light
add php php-cli
add python3 python3
add node nodejs
add gcc gcc libc6-dev # for go test -race
add curl curl ca-certificates
add git git
add make make
add shellcheck shellcheck
add docker docker.io
docker compose version >/dev/null 2>&1 || add docker-compose docker-compose

if [ "${#packages[@]}" -eq 0 ]; then
  echo "nothing is missing"
  exit
fi
echo "installing ${packages[*]}"

# Debian starts the servers that it installs, unless this file forbids it. The
# checks start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
  $sudo chmod 755 "$policy"
  trap '$sudo rm -f "$policy"' EXIT
fi
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  "${packages[@]}" >/dev/null
