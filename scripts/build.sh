#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs and builds one preset (default: release). The binaries are in build/PRESET/bin afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    echo "usage: build.sh [PRESET]   (dev, release, asan, tsan, fuzz or fuzz-apart; default release)"
}

preset=release
case ${1:-} in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    *) preset=$1 ;;
esac

# Root's PATH misses /usr/sbin in some shells, where bpftool is.
export PATH=$PATH:/usr/sbin:/sbin
scripts/install-dependencies.sh build
cmake --preset "$preset" --log-level=WARNING
cmake --build --preset "$preset"
