#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches servers of registries that the tests start and that this distribution does not carry, from another suite of the archive that
# the system's own package sources name. The system is not touched: apt gets directories of its own. What was fetched once is kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/debian-archive.sh
. "$here/debian-archive.sh"

usage() {
    cat <<'TEXT'
usage: fetch-servers.sh [DIRECTORY]
Puts the servers into DIRECTORY: by default /var/cache/meshd for root, ${XDG_CACHE_HOME:-~/.cache}/meshd for others. What cannot be
had is told in one line; its tests are skipped.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
esac
if [ -n "${1:-}" ]; then
    directory=$1
elif [ "$(id -u)" -eq 0 ]; then
    directory=/var/cache/meshd
else
    directory=${XDG_CACHE_HOME:-$HOME/.cache}/meshd
fi

# NAME SUITE PACKAGE=VERSION SHA256 PATH: the file at PATH in the package becomes DIRECTORY/NAME. For amd64; other architectures have
# other sums and are told so.
servers=(
    "consul bullseye consul=1.8.7+dfsg1-2+b3 e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9 usr/bin/consul"
)

missing() {
    echo "fetch-servers.sh: no $1: $2; its tests are skipped" >&2
}

fetch() {
    local name=$1 suite=$2 package=$3 sum=$4 path=$5 root=$6
    [ "$(dpkg --print-architecture)" = amd64 ] || { missing "$name" "it is known for amd64 only" && return; }
    archive_begin "$root" "Debian:$suite" || { missing "$name" "$archive_why" && return; }
    archive_download "$root" "$package" || { missing "$name" "$archive_why" && return; }
    mkdir -p "$root/unpacked"
    local packages=("$root"/*.deb)
    if ! echo "$sum  ${packages[0]}" | sha256sum --check --status; then
        missing "$name" "the package is not the one that is known: $(sha256sum "${packages[0]}")"
        return
    fi
    dpkg-deb -x "${packages[0]}" "$root/unpacked"
    mkdir -p "$directory"
    install -m 755 "$root/unpacked/$path" "$directory/.$name.new"
    mv "$directory/.$name.new" "$directory/$name" # at once: others may start it
    echo "fetched: $directory/$name"
}

for server in "${servers[@]}"; do
    read -r name suite package sum path <<<"$server"
    [ -x "$directory/$name" ] && continue
    root=$(mktemp -d)
    fetch "$name" "$suite" "$package" "$sum" "$path" "$root"
    rm -rf "$root"
done
