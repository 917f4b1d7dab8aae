#!/bin/sh
# Docker Compose v2 for the tests that it and `rivetos` agree, from Debian trixie's package.
#
#   compose.sh CACHE_DIR   prints the program's path
#
# apt fetches the package with the host's settings for transport, and checks it against the signed
# lists of the archive; its lists and its cache are folders of this script, so nothing of the host
# is changed. The program needs nothing but libc. It is kept in CACHE_DIR.
set -eu

fail() {
    echo "compose.sh: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: compose.sh CACHE_DIR"
mkdir -p "$1"
cache=$(cd "$1" && pwd -P)
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/mirror.sh"
program=$cache/docker-compose
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fetch() {
    for tool in apt-get dpkg-deb wget; do
        command -v $tool >/dev/null || fail "$tool is not installed"
    done
    [ -r $keyring ] || fail "the keys of Debian's archive are not installed ($keyring)"
    work=$(mktemp -d "$cache/apt.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
    uri=$(mirror)
    [ -n "$uri" ] || fail "no mirror that this host is set up to use has trixie"
    echo "deb [signed-by=$keyring] $uri trixie main" >"$work/sources.list"
    : >"$work/state/status"
    set -- -o Dir::State="$work/state" -o Dir::State::status="$work/state/status" \
        -o Dir::Cache="$work/cache" -o Dir::Etc::SourceList="$work/sources.list" \
        -o Dir::Etc::SourceParts=- -o APT::Sandbox::User= -o Acquire::Languages=none
    {
        apt-get "$@" update && (cd "$work" && apt-get "$@" download docker-compose)
    } >"$cache/compose.log" 2>&1 || fail "apt cannot fetch docker-compose; see $cache/compose.log"
    dpkg-deb --extract "$work"/docker-compose_*.deb "$work/root"
    cp "$work/root/usr/libexec/docker/cli-plugins/docker-compose" "$program.part"
    rm -rf "$work"
    trap - EXIT
    "$program.part" version >/dev/null 2>&1 || fail "docker-compose of Debian trixie does not run on this host"
    mv "$program.part" "$program"
}

[ -x "$program" ] || fetch
echo "$program"
