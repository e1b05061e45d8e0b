#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches a stock kernel of Debian with the modules that the tests need, unpacked, never installed; what was fetched once is kept, for
# versions disappear from the archive. Prints the directory: vmlinuz, release, and modules/ with names in the order of loading.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/debian-archive.sh
. "$here/debian-archive.sh"

usage() {
    cat <<'TEXT'
usage: fetch.sh [--again] KERNEL [DIRECTORY]
KERNEL is 5.10, 6.1, 6.12 or newest, then the last one of it that the archive has (--again: look for a later one), or the beginning of
a release, as 6.12.113. DIRECTORY is where kernels are kept, by default /var/cache/meshd/kernels. For amd64.
TEXT
}

again=0
[ "${1:-}" != --again ] || { again=1 && shift; }
case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    "" | -*)
        usage >&2
        exit 2
        ;;
esac
kernel=$1
directory=${2:-/var/cache/meshd/kernels}

wanted_modules=(veth dummy bridge cls_bpf sch_ingress sch_fq inet_diag tcp_diag udp_diag tcp_bbr tls)
wanted_modules+=(gcm ctr ghash_generic chacha_generic chacha poly1305_generic chacha20poly1305) # which it asks for

fail() {
    echo "fetch.sh: kernel $kernel: $1" >&2
    exit 1
}

# Names of the packages whose release begins as asked: those of the suites' own kernels, not of backports to them.
pattern() {
    case $kernel in
        newest) echo '[0-9.]+[+]deb[0-9.]+' ;;
        5.10) echo '5[.]10[.]0-[0-9]+' ;;
        6.1) echo '6[.]1[.]0-[0-9]+' ;;
        *) echo "${kernel//./[.]}([.-][0-9][^-]*)?([+]deb1[34][0-9.]*)?" ;;
    esac
}

suites() {
    case $kernel in
        newest) echo Debian:sid ;;
        5.10*) echo Debian-Security:bullseye-security ;;
        6.1 | 6.1.*) echo Debian-Security:bookworm-security ;;
        6.12*) echo Debian-Security:trixie-security ;;
        *) echo Debian:sid ;;
    esac
}

# Modules with what they depend on, each after what it needs.
in_order() {
    local tree=$1 name=$2 file needs need
    case " $ordered " in *" $name "*) return ;; esac
    file=$(find "$tree" -name "$name.ko*" -o -name "${name//_/-}.ko*" | head -n 1)
    [ -n "$file" ] || return 0 # built in, or not there: a test that needs it says so
    needs=$(modinfo -F depends "$file")
    for need in ${needs//,/ }; do in_order "$tree" "$need"; done
    ordered="$ordered $name"
    local to
    to=$(printf '%s/modules/%02d-%s.ko' "$made" "$(wc -w <<<"$ordered")" "$name")
    case $file in
        *.xz) xz -dc "$file" >"$to" ;;
        *.zst) zstd -qdc "$file" >"$to" ;;
        *) cp "$file" "$to" ;;
    esac
}

link=$directory/$kernel
[ "$again" -eq 1 ] || [ ! -e "$link/vmlinuz" ] || { readlink -f "$link" && exit 0; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
archive_begin "$root" "$(suites)" || fail "$archive_why"
image=$(apt-cache "${apt_options[@]}" search --names-only "^linux-image-$(pattern)-cloud-amd64\$" | cut -d ' ' -f 1 | sort -V | tail -n 1)
[ -n "$image" ] || fail "the archive has none; releases begin as 5.10, 6.1, 6.12.113"
release=${image#linux-image-}
if [ ! -e "$directory/$release/vmlinuz" ]; then
    # Later kernels come in parts.
    mapfile -t parts < <(apt-cache "${apt_options[@]}" search --names-only "^linux-(binary|modules)-${release//+/[+]}\$" | cut -d ' ' -f 1)
    archive_download "$root" "$image" "${parts[@]}" || fail "$archive_why"
    for package in "$root"/*.deb; do dpkg-deb -x "$package" "$root/unpacked"; done
    made=$directory/.$release.$$
    mkdir -p "$made/modules"
    found=$(find "$root/unpacked" -name "vmlinuz*" -type f | head -n 1)
    [ -n "$found" ] || fail "no vmlinuz in $image"
    cp "$found" "$made/vmlinuz"
    echo "$release" >"$made/release"
    ordered=""
    for module in "${wanted_modules[@]}"; do in_order "$root/unpacked" "$module"; done
    mv "$made" "$directory/$release" # at once: others may boot it
fi
ln -sfn "$release" "$link"
echo "$directory/$release"
