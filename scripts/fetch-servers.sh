#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches servers of registries that the tests start and that this distribution does not carry, from another suite of the archive that
# the system's own package sources name. The system is not touched: apt gets directories of its own. What was fetched once is kept.
set -euo pipefail

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

reason() {
    grep -m 1 '^E:' "$1" || tail -n 1 "$1"
}

# The archive of Debian that this system uses, whatever suite it takes from it.
debian_archive() {
    apt-get indextargets --format "\$(ORIGIN)|\$(LABEL)|\$(REPO_URI)" 'Created-By: Packages' | sed -n 's/^Debian|Debian|//p' | head -n 1
}

fetch() {
    local name=$1 suite=$2 package=$3 sum=$4 path=$5 root=$6 archive keyring
    archive=$(debian_archive)
    [ -n "$archive" ] || { missing "$name" "the package sources of this system name no archive of Debian" && return; }
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || { missing "$name" "$keyring is not there" && return; }
    [ "$(dpkg --print-architecture)" = amd64 ] || { missing "$name" "it is known for amd64 only" && return; }

    mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/unpacked"
    echo "deb [signed-by=$keyring] $archive $suite main" >"$root/sources.list"
    local options=(-qq -o "Dir::Etc::sourcelist=$root/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null
        -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State::lists=$root/lists" -o "Dir::Cache=$root" -o Acquire::Languages=none
        -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any)
    apt-get "${options[@]}" update >"$root/log" 2>&1 || { missing "$name" "$(reason "$root/log")" && return; }
    (cd "$root" && apt-get "${options[@]}" download "$package") >"$root/log" 2>&1 ||
        { missing "$name" "$(reason "$root/log")" && return; }
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
