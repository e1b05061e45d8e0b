#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Upgrades a node from an older commit to what is checked out, back, and there again, with 1,000 connections that stay and 1,000 new ones a
# second, none of which may break. The older commit is built below build/upgrade, which is kept for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: upgrade.sh [--from COMMIT]... [--preset PRESET]
Without --from: the first commit that has an ABI version. The preset (default dev) is that of both builds. Takes some minutes, and those that the
older commit's build takes when it is not there yet. Needs root.
TEXT
}

commits=()
preset=dev
while [ $# -gt 0 ]; do
    case $1 in
        --from)
            commits+=("${2:?"--from needs a commit"}")
            shift
            ;;
        --preset)
            preset=${2:?"--preset needs a name"}
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done
if [ ${#commits[@]} -eq 0 ]; then
    first=$(git log --diff-filter=A --reverse --format=%H -- include/meshd/abi.h | head -n 1)
    [ -n "$first" ] || { echo "upgrade.sh: the history of this clone does not reach back to include/meshd/abi.h: git fetch --unshallow" >&2 && exit 1; }
    commits=("$first")
fi

export PATH=$PATH:/usr/sbin:/sbin
scripts/install-dependencies.sh build test
scripts/build.sh "$preset"
status=0
for commit in "${commits[@]}"; do
    commit=$(git rev-parse --verify "$commit^{commit}")
    old=$PWD/build/upgrade/${commit:0:12}
    if [ ! -d "$old/source" ]; then
        mkdir -p "$old/unpacked"
        git archive "$commit" | tar -x -C "$old/unpacked"
        mv "$old/unpacked" "$old/source"
    fi
    "$old/source/scripts/install-dependencies.sh" build  # what it needs may not be needed any more
    cmake -S "$old/source" -B "$old/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" --log-level=WARNING >/dev/null
    cmake --build "$old/build" --target meshd meshd-userspace meshctl
    MESHD_OLD_BIN_DIR=$old/build/bin MESHD_BIN_DIR=$PWD/build/$preset/bin \
        /usr/bin/python3 -B -m pytest -p no:cacheprovider test/upgrade -rA || status=$?
    echo "upgrade from ${commit:0:12}: $([ "$status" -eq 0 ] && echo ok || echo FAILED)"
done
exit "$status"
