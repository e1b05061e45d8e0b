#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a clean root of Debian by debootstrap, from the archive that the system's own package sources name, and prints where it is. It is
# kept: take a copy or lay another file system over it. With packages, names or files, it also fetches into its cache what they need and it
# lacks, so that apt-get installs them there without a network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/debian-archive.sh
. "$here/debian-archive.sh"

usage() {
    echo "usage: debian-root.sh SUITE [PACKAGE...]   (bookworm, trixie; kept in \${MESHD_CACHE:-/var/cache/meshd}/roots)"
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    bookworm | trixie) suite=$1 ;;
    *)
        usage >&2
        exit 2
        ;;
esac
shift

fail() {
    echo "debian-root.sh: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "debootstrap makes devices and changes its root: run it as root"
export PATH=$PATH:/usr/sbin:/sbin
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
roots=${MESHD_CACHE:-/var/cache/meshd}/roots
root=$roots/$suite
mkdir -p "$roots"
exec 9>"$roots/.lock"
flock 9

# Made in memory, since dpkg waits for the disk after each file. One that was interrupted is under another name.
make() {
    local archive security new=$roots/.$suite.new
    archive=$(archive_of Debian)
    security=$(archive_of Debian-Security)
    [ -n "$archive" ] || fail "the package sources of this system name no archive of Debian"
    rm -rf "$new"
    mkdir "$new"
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount bash -euc 'mount -t tmpfs -o size=2g,mode=755 none /mnt
        debootstrap --variant=minbase --keyring="$1" "$2" /mnt "$3" && cp -a /mnt/. "$4"' \
        bash "$archive_keyring" "$suite" "$archive" "$new" >"$roots/$suite.log" 2>&1 || fail "debootstrap: $(tail -n 1 "$roots/$suite.log")"
    # A root that is only ever copied needs no safety from a loss of power.
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/unsafe-io"
    echo "deb $archive $suite main" >"$new/etc/apt/sources.list"
    [ -z "$security" ] || echo "deb $security $suite-security main" >>"$new/etc/apt/sources.list"
    echo 'Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; APT::Sandbox::User "root";' >"$new/etc/apt/apt.conf.d/90clean-root"
    mv "$new" "$root"
}

in_root() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@" >"$roots/$suite.log" 2>&1
}

fetch() {
    in_root apt-get -qq install -y --no-install-recommends --download-only "${packages[@]}"
}

[ -d "$root" ] || make
if [ $# -gt 0 ]; then
    cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
    given=$(mktemp -d "$root/tmp/given.XXXXXX")
    trap 'rm -rf "$given"' EXIT
    packages=()
    for package in "$@"; do
        if [ -f "$package" ]; then
            cp "$package" "$given/"
            package=${given#"$root"}/${package##*/}
        fi
        packages+=("$package")
    done
    # The lists may be older than the archive.
    fetch || { in_root apt-get -qq update && fetch; } || fail "cannot fetch what they need: $(archive_reason "$roots/$suite.log")"
fi
echo "$root"
