#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages meshd, meshctl and meshd-doc, for the distribution that it runs on. Prints their paths.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: package.sh [--preset PRESET] [--built] [--version VERSION] [DIRECTORY]
PRESET is release by default, VERSION the project's, DIRECTORY build/PRESET/packages. With --built, what the preset has built is packed
as it is.
TEXT
}

preset=release
built=false
version=()
directory=
while [ $# -gt 0 ]; do
    case $1 in
        --preset) preset=${2:?"--preset needs a name"} && shift ;;
        --built) built=true ;;
        --version) version=(-R "${2:?"--version needs one"}") && shift ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*)
            usage >&2
            exit 2
            ;;
        *) directory=$1 ;;
    esac
    shift
done
directory=$(realpath -m "${directory:-build/$preset/packages}")

export PATH=$PATH:/usr/sbin:/sbin
if ! $built; then
    scripts/install-dependencies.sh build package
    scripts/build.sh "$preset" >&2
fi
# Descriptions and scripts may be newer than the build.
cmake --preset "$preset" --log-level=WARNING >/dev/null
log=$(mktemp)
trap 'rm -f "$log"' EXIT
rm -f "$directory"/{meshd,meshctl,meshd-doc}_*.deb
cpack --config "build/$preset/CPackConfig.cmake" -B "$directory" ${version[@]+"${version[@]}"} >"$log" 2>&1 || { cat "$log" >&2 && exit 1; }
rm -rf "$directory/_CPack_Packages"
ls "$directory"/{meshd,meshctl,meshd-doc}_*.deb
