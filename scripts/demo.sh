#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds meshd and shows it at work: services balanced in the kernel, a weight changed and the agent killed while traffic runs. Nothing is
# left behind; with --keep everything runs on until Ctrl-C, to play with.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
    "" | --keep) ;;
    *)
        echo "usage: demo.sh [--keep]" >&2
        exit 2
        ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "demo.sh: it loads BPF programs and makes network namespaces: run it as root" >&2; exit 1; }

export PATH=$PATH:/usr/sbin:/sbin
scripts/install-dependencies.sh build demo
scripts/build.sh release
MESHD_BIN_DIR=$PWD/build/release/bin exec /usr/bin/python3 -B scripts/demo/demo.py "$@"
