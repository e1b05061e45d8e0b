#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the release and measures it, or compares what was measured: bench.sh [NAME...] [--keep] [--json FILE] [--force], bench.sh --compare OLD
# NEW, bench.sh --from FILE; --help tells of all and of the exit status: 0 every bar was met, 1 a bar was missed or a measurement failed, 2 usage,
# 3 the machine is busy with something else, 4 a figure got worse.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH=$PATH:/usr/sbin:/sbin
for argument in "$@"; do
    case $argument in
        -h | --help) exec /usr/bin/python3 -B scripts/bench/main.py --help ;;
        --compare | --compare=* | --from | --from=*) exec /usr/bin/python3 -B scripts/bench/main.py "$@" ;; # measures nothing, so needs no build
    esac
done
scripts/install-dependencies.sh build bench
scripts/build.sh release >&2
export MESHD_BIN_DIR=${MESHD_BIN_DIR:-$PWD/build/release/bin}
exec /usr/bin/python3 -B scripts/bench/main.py "$@"
