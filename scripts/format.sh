#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats every C and C++ file with clang-format; --check only says which files are not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(-i)
case ${1:-} in
    "") ;;
    --check) mode=(--dry-run -Werror) ;;
    *)
        echo "usage: format.sh [--check]" >&2
        exit 2
        ;;
esac

scripts/install-dependencies.sh lint
find agent bpf include test tools userspace \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' \) -print0 |
    xargs -0 -r -n 16 -P 2 clang-format --style=file "${mode[@]}"
