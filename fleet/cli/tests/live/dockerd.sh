#!/bin/sh
# A private Docker engine for the live tests, below a folder of its own.
#
#   dockerd.sh start DIR [OPTION…]
#                            starts it unless it runs already, with more options of `dockerd`;
#                            prints the path of its socket
#   dockerd.sh restart DIR   stops it and starts it again with all that it has
#   dockerd.sh stop DIR      stops it and removes everything that `start` made
#
# It shares nothing with an engine that the user runs: own data, own socket, own containerd
# namespaces, own bridge and address range. Packet filters of the host are not touched except for
# three rules that bear the bridge's name, so that containers reach the network as the host does.
set -eu

fail() {
    echo "dockerd.sh: $*" >&2
    exit 1
}

[ $# -ge 2 ] || fail "usage: dockerd.sh start|restart|stop DIR [OPTION…]"
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
shift 2
[ "$(id -u)" = 0 ] || fail "a Docker engine can only be started by root (this is uid $(id -u))"

# The folder's name decides the bridge, and where the search for free addresses begins.
hash=$(printf %s "$dir" | cksum | cut -d' ' -f1)
bridge=riv$hash
home=$dir/engine
socket=$home/docker.sock
pidfile=$home/docker.pid
log=$home/dockerd.log

client() {
    docker --host "unix://$socket" "$@"
}

taken() {
    ip -4 -o address | grep -v " $bridge " | grep -q " 100\.$1\."
}

# Makes the bridge with addresses that no other one has, or finds it as it was made. Several
# engines may start at once, so one looks at a time.
make_bridge() {
    (
        flock 9
        [ -z "$(block)" ] || exit 0
        ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
        tries=0
        octet=$((64 + hash % 64))
        while taken $octet; do
            tries=$((tries + 1))
            [ $tries -lt 64 ] || fail "64 engines have all the addresses"
            octet=$((64 + (hash + tries) % 64))
        done
        ip address replace "100.$octet.0.1/24" dev "$bridge"
    ) 9>"${TMPDIR:-/tmp}/rivetos-test-bridges.lock"
    ip link set "$bridge" up
}

# The first part of its addresses that is its own: `100.N`.
block() {
    ip -4 -o address show dev "$bridge" 2>/dev/null | sed -nE 's/.* inet (100\.[0-9]+)\..*/\1/p' |
        head -n 1
}

running() {
    [ -s "$pidfile" ] && [ -d "/proc/$(cat "$pidfile")" ] &&
        tr '\0' ' ' <"/proc/$(cat "$pidfile")/cmdline" | grep -qF "$home"
}

wait_until() {
    what=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -le 600 ] || return 1
        if [ "$what" = up ] && [ $tries -gt 20 ] && ! running; then return 1; fi
        sleep 0.1
    done
}

stopped() {
    ! running
}

rules() {
    # $1: -A, -C or -D
    pool=$(block).0.0/16
    iptables -t nat "$1" POSTROUTING -s "$pool" ! -d "$pool" -m comment --comment "$bridge" -j MASQUERADE &&
        iptables "$1" FORWARD -s "$pool" -m comment --comment "$bridge" -j ACCEPT &&
        iptables "$1" FORWARD -d "$pool" -m comment --comment "$bridge" -j ACCEPT
}

start() {
    for tool in dockerd docker ip iptables flock; do
        command -v $tool >/dev/null || fail "$tool is not installed"
    done
    if running && client version >/dev/null 2>&1; then
        echo "$socket"
        return
    fi
    mkdir -p "$home"
    make_bridge
    # Left on by `stop`: another engine may have come to need it meanwhile.
    echo 1 >/proc/sys/net/ipv4/ip_forward
    rules -C 2>/dev/null || rules -A || fail "iptables refused the rules for $bridge"
    setsid dockerd \
        --host "unix://$socket" --data-root "$home/data" --exec-root "$home/exec" \
        --pidfile "$pidfile" --bridge "$bridge" \
        --default-address-pool "base=$(block).128.0/17,size=24" \
        --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        --containerd-namespace "$bridge" --containerd-plugins-namespace "$bridge-plugins" \
        "$@" >"$log" 2>&1 </dev/null &
    wait_until up client version || {
        tail -n 20 "$log" >&2
        fail "the engine did not come up within 60 s (see above)"
    }
    echo "$socket"
}

halt() {
    kill "$(cat "$pidfile")"
    wait_until down stopped || fail "the engine does not stop; see $log"
}

restart() {
    running || fail "no engine of this folder runs"
    halt
    start
}

stop() {
    if running; then
        containers=$(client ps --all --quiet 2>/dev/null || true)
        # shellcheck disable=SC2086 # one word per container
        [ -z "$containers" ] || client rm --force --volumes $containers >/dev/null 2>&1 || true
        client network prune --force >/dev/null 2>&1 || true
        halt
    fi
    rules -D 2>/dev/null || true
    if ip link show "$bridge" >/dev/null 2>&1; then ip link delete "$bridge"; fi
    # Innermost first.
    awk -v below="$home/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r mount; do umount "$mount"; done
    rm -rf "$home"
    rmdir "$dir" 2>/dev/null || true
}

case $action in
start) start "$@" ;;
restart) restart ;;
stop) stop ;;
*) fail "usage: dockerd.sh start|restart|stop DIR [OPTION…]" ;;
esac
