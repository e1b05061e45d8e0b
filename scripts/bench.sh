#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the release and measures it: bench.sh [NAME...] [--json FILE] [--force]; --help lists the names. Exit status: 0 every bar was
# met, 1 a bar was missed or a measurement failed, 2 usage, 3 the machine is busy with something else.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH=$PATH:/usr/sbin:/sbin
case " $* " in *" -h "* | *" --help "*) exec /usr/bin/python3 -B scripts/bench/main.py --help ;; esac
scripts/install-dependencies.sh build bench
scripts/build.sh release >&2
export MESHD_BIN_DIR=${MESHD_BIN_DIR:-$PWD/build/release/bin}
exec /usr/bin/python3 -B scripts/bench/main.py "$@"
