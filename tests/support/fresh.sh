#!/usr/bin/env bash
# What a stranger does, done: a bare Debian 12 in a folder, a clone of HEAD without ../shared in
# it, deploy/demo, a chat, stop, and the tests. Needs root (debootstrap, chroot) and a mirror,
# which is the one that this machine uses.
#
# usage: fresh.sh [--keep] [--demo-only] [-- arguments of tests/run in there]
#
# The bare system is kept as a tarball in build/fresh, so only the first run downloads it;
# packages that apt fetched are kept there too.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cache=$top/build/fresh
keep=no
tests=yes
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --demo-only) tests=no ;;
    --) shift; break ;;
    *) echo "usage: $0 [--keep] [--demo-only] [-- ARGUMENTS OF tests/run]" >&2; exit 2 ;;
  esac
  shift
done

if [ "$(id -u)" -ne 0 ]; then
  echo "fresh: needs root, for debootstrap and chroot: sudo tests/run fresh" >&2
  exit 1
fi
command -v debootstrap >/dev/null || { echo "fresh: install debootstrap" >&2; exit 1; }

# The Debian mirror of this machine, from either form of sources.
mirror() {
  {
    sed -nE 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' /etc/apt/sources.list.d/*.sources
    sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+bookworm[[:space:]].*/\2/p' \
      /etc/apt/sources.list /etc/apt/sources.list.d/*.list
  } 2>/dev/null | grep -E '/debian/?$' | head -1 || true # not every system has every file
}

# As few packages as Debian allows: whatever Parley needs it must ask for.
make_base() {
  local from root=$cache/base.tmp
  from=$(mirror)
  [ -n "$from" ] || { echo "fresh: no Debian mirror in /etc/apt" >&2; return 1; }
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates,git bookworm "$root" "$from"
  tar -C "$root" -cf "$cache/base.tar.tmp" .
  rm -rf "$root"
  mv "$cache/base.tar.tmp" "$cache/base.tar"
}

# The same mirrors, proxies and certificates as here; only Debian's own sources.
copy_network() {
  local root=$1
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  cp -L /etc/hosts "$root/etc/hosts"
  rm -f "$root/etc/apt/sources.list"
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
  else
    cp /etc/apt/sources.list "$root/etc/apt/sources.list"
  fi
  for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    case $file in
      */docker-*) ;; # what containers do to keep images small; we keep downloads
      *) [ ! -f "$file" ] || ! grep -qiE 'proxy|verify|cainfo' "$file" || cp "$file" "$root$file" ;;
    esac
  done
  cp -rL /etc/ssl/certs "$root/etc/ssl/" 2>/dev/null || true
  [ ! -d /usr/local/share/ca-certificates ] ||
    cp -rL /usr/local/share/ca-certificates "$root/usr/local/share/"
}

# Runs inside the new mount and pid namespaces: what is mounted and started here ends with it.
inside() {
  local root=$1
  shift
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  mount --bind "$cache/archives" "$root/var/cache/apt/archives"
  chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive ${NPM_REGISTRY:+npm_config_registry="$NPM_REGISTRY"} \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    bash /parley/tests/support/fresh_inside.sh "$@"
}

if [ "${PARLEY_FRESH_INSIDE:-}" ]; then
  inside "$PARLEY_FRESH_INSIDE" "$tests" "$@"
  exit
fi

mkdir -p "$cache/archives/partial"
[ -f "$cache/base.tar" ] || make_base
root=$cache/root
rm -rf --one-file-system "$root"
mkdir -p "$root"
tar -C "$root" -xf "$cache/base.tar"
copy_network "$root"
git -c safe.directory='*' clone -q --no-hardlinks "$top" "$root/parley"
git -C "$root/parley" remote remove origin
NPM_REGISTRY=$(npm config get registry 2>/dev/null || true)
export NPM_REGISTRY
status=0
flags=(); [ "$tests" = yes ] || flags=(--demo-only)
PARLEY_FRESH_INSIDE=$root unshare --mount --pid --fork --kill-child \
  "$0" "${flags[@]}" -- "$@" || status=$?
[ $keep = yes ] || rm -rf --one-file-system "$root"
exit $status
