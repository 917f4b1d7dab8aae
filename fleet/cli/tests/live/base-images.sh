#!/bin/sh
# The base images of the live tests, for an engine that cannot pull them.
#
#   base-images.sh SOCKET CACHE_DIR
#
# Makes `debian:trixie-slim` with debootstrap and a stand-in for `pgvector/pgvector:pg17` from
# Debian's packages, unless the engine has them. What was made is kept in CACHE_DIR, so that the
# next engine gets it in seconds. The package mirror and apt's transport settings are the host's.
set -eu

fail() {
    echo "base-images.sh: $*" >&2
    exit 1
}

[ $# -eq 2 ] || fail "usage: base-images.sh SOCKET CACHE_DIR"
socket=$1
mkdir -p "$2"
cache=$(cd "$2" && pwd -P)
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/mirror.sh"
debian=debian:trixie-slim
pgvector=pgvector/pgvector:pg17

client() {
    docker --host "unix://$socket" "$@"
}

have() {
    client image inspect "$1" >/dev/null 2>&1
}

make_debian() {
    [ "$(id -u)" = 0 ] || fail "debootstrap needs root (this is uid $(id -u))"
    command -v debootstrap >/dev/null || fail "debootstrap is not installed"
    root=$(mktemp -d "$cache/root.XXXXXX")
    trap 'rm -rf "$root"' EXIT
    # Without a mirror debootstrap takes its own.
    # shellcheck disable=SC2046 # one word or none
    debootstrap --variant=minbase trixie "$root" $(mirror) >"$cache/debootstrap.log" 2>&1 ||
        fail "debootstrap failed; see $cache/debootstrap.log"
    apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' \
        >"$root/etc/apt/apt.conf.d/90host" || true
    printf '%s\n' 'APT::Install-Recommends "false";' 'Acquire::Languages "none";' \
        'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' \
        >"$root/etc/apt/apt.conf.d/80slim"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/*.log \
        "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/dev/*
    : >"$root/etc/resolv.conf"
    rm -f "$root/etc/hostname"
    tar -C "$root" --numeric-owner --create --file "$cache/debian-trixie.tar.part" .
    mv "$cache/debian-trixie.tar.part" "$cache/debian-trixie.tar"
    rm -rf "$root"
    trap - EXIT
}

if ! have $debian; then
    [ -s "$cache/debian-trixie.tar" ] || make_debian
    client import --change 'CMD ["bash"]' "$cache/debian-trixie.tar" $debian >/dev/null
fi

if ! have $pgvector; then
    if [ -s "$cache/pgvector.tar" ]; then
        client load --quiet --input "$cache/pgvector.tar" >/dev/null
    else
        DOCKER_BUILDKIT=0 client build --tag $pgvector "$here/pgvector" >"$cache/pgvector.log" 2>&1 ||
            fail "building $pgvector failed; see $cache/pgvector.log"
        client save --output "$cache/pgvector.tar.part" $pgvector
        mv "$cache/pgvector.tar.part" "$cache/pgvector.tar"
    fi
fi
