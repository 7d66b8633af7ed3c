#!/usr/bin/env bash
# Builds the images that the checks need from what this machine has installed,
# for where no registry can be reached:
#
#   msmd-ci/memcached  Debian's memcached; arguments are its flags
#   msmd-ci/nginx      Debian's nginx
#   msmd-ci/golang     the Go toolchain and this module's dependencies: BUILDER
#                      of deploy/Dockerfile
#
# Usage: .ci/images.sh
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# binary ROOT PROGRAM puts a program and its libraries under ROOT.
binary() {
  local root=$1 program file
  program=$(PATH="$PATH:/usr/sbin" type -P "$2")
  cp -L --parents "$program" "$root"
  ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}' |
    while read -r file; do cp -L --parents "$file" "$root"; done
  mkdir -p "$root/etc" "$root/run" "$root/tmp"
  chmod 1777 "$root/tmp"
  printf '%s\n' root:x:0:0::/:/ nobody:x:65534:65534::/:/ >"$root/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: >"$root/etc/group"
}

# import_image ROOT IMAGE CHANGE... makes ROOT an image, with Dockerfile lines.
import_image() {
  local root=$1 image=$2 change changes=(--change 'LABEL msmd-ci=1')
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$root" --owner=0 --group=0 --numeric-owner -c . |
    docker import "${changes[@]}" - "$image" >/dev/null
  echo "$image: $(docker image inspect --format '{{.Size}}' "$image" | numfmt --to=iec) bytes"
}

memcached_image() {
  local root=$work/memcached
  mkdir "$root"
  binary "$root" memcached
  import_image "$root" msmd-ci/memcached 'ENV PATH=/usr/bin' 'EXPOSE 11211/tcp' \
    'ENTRYPOINT ["memcached","-u","nobody"]'
}

nginx_image() {
  local root=$work/nginx
  mkdir "$root"
  binary "$root" nginx
  mkdir -p "$root/var/lib/nginx" "$root/var/log/nginx"
  import_image "$root" msmd-ci/nginx 'ENV PATH=/usr/sbin:/usr/bin' 'EXPOSE 80/tcp' \
    'ENTRYPOINT ["nginx"]' 'CMD ["-g","daemon off;"]'
}

# golang_image holds the modules as a file tree that Go takes for a proxy, so that
# "go mod download" in the Dockerfile needs no network.
golang_image() {
  local root=$work/golang goroot
  goroot=$(go env GOROOT)
  mkdir -p "$root/usr/local/go" "$root/etc/ssl/certs" "$root/proxy" "$root/root" "$root/tmp"
  chmod 1777 "$root/tmp"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  tar -C "$goroot" --exclude='*_test.go' --exclude=testdata -c bin lib pkg src go.env VERSION |
    tar -C "$root/usr/local/go" -x
  GOMODCACHE=$work/modules GOFLAGS=-modcacherw \
    GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" go mod download
  cp -r "$work/modules/cache/download/." "$root/proxy/"
  import_image "$root" msmd-ci/golang 'ENV PATH=/usr/local/go/bin' 'ENV HOME=/root' \
    'ENV GOTOOLCHAIN=local' 'ENV GOPROXY=file:///proxy' 'ENV GOSUMDB=off' \
    'VOLUME /root/.cache' # the build cache is not to become a layer
}

# The image that the compose check built last time, or it would stay unnamed.
docker image rm msmd-ci/msmd >/dev/null 2>&1 || true
memcached_image
nginx_image
golang_image
