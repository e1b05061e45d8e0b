#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317  # functions are called by name through check()
# Formatting, rules of the tree, shellcheck and clang-tidy. clang-tidy looks at what changed since COMMIT (default: the commit before the
# last one, and everything not yet committed) or, with --all, at every file.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    echo "usage: lint.sh [--all] [--since COMMIT] [--preset PRESET]"
}

all=false
since=
preset=dev
while [ $# -gt 0 ]; do
    case $1 in
        --all) all=true ;;
        --since)
            since=${2:?"--since needs a commit"}
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

scripts/install-dependencies.sh lint
failed=0

check() {
    local name=$1
    shift
    if "$@"; then
        echo "lint: $name: ok"
    else
        echo "lint: $name: FAILED" >&2
        failed=1
    fi
}

# Every .cpp that changed or that includes a header that changed; all of them when nothing says what changed.
tidy_files() {
    local every
    every=$(find agent tools userspace -name '*.cpp' | sort)
    if $all || ! git rev-parse --quiet --verify "${since:-HEAD~1}" >/dev/null 2>&1; then
        echo "$every"
        return
    fi
    local changed header
    changed=$(git diff --name-only "${since:-HEAD~1}" -- '*.cpp' '*.hpp' '*.h' && git ls-files --others --exclude-standard -- '*.cpp' '*.hpp')
    for header in $(grep -E '\.hpp$|\.h$' <<<"$changed" || true); do
        xargs -r grep -l -F "${header##*/}\"" <<<"$every" || true
    done | cat - <(grep -E '\.cpp$' <<<"$changed" || true) | sort -u | comm -12 - <(echo "$every")
}

tidy() {
    local build=build/$preset
    [ -f "$build/compile_commands.json" ] || cmake --preset "$preset" --log-level=WARNING || return 1
    # clang-tidy reads headers that the build generates.
    cmake --build --preset "$preset" --target meshd_skeleton_files >/dev/null || return 1
    local files
    files=$(tidy_files)
    [ -n "$files" ] || { echo "lint: clang-tidy: nothing changed"; return 0; }
    /usr/bin/python3 scripts/tidy.py -p "$build" <<<"$files"
}

shell_scripts() {
    git ls-files --cached --others --exclude-standard 'scripts/*.sh' 'deploy/**/*.sh' .ci/run deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm | xargs shellcheck -x
}

check formatting scripts/format.sh --check
check tree /usr/bin/python3 scripts/check_tree.py
check shellcheck shell_scripts
check clang-tidy tidy
exit $failed
