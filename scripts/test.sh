#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds, and runs one tier of tests or all of them. The last line is `N passed, N failed, N skipped`.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: test.sh [--tier unit|bpf|e2e|stress|fuzz|lint|kernels] [--preset PRESET] [-- PYTEST-ARGUMENT...]
Without --tier: all but kernels, which is scripts/kernels.sh with the oldest and the newest
kernel. The preset (default dev) is the one that unit, bpf, e2e and stress run from.
FUZZ_SECONDS (default 7) is the time for each fuzz target, E2E_JOBS (default 4) how many end-to-end tests run at once.
TEXT
}

tiers=(lint unit bpf e2e stress fuzz)
preset=dev
while [ $# -gt 0 ]; do
    case $1 in
        --tier)
            case ${2:-} in
                unit | bpf | e2e | stress | fuzz | lint | kernels) tiers=("$2") ;;
                *)
                    usage >&2
                    exit 2
                    ;;
            esac
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
        --)
            shift
            break
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done
pytest_arguments=("$@")

export PATH=$PATH:/usr/sbin:/sbin
results=$PWD/build/test-results
rm -rf "$results"
mkdir -p "$results"

# Writes the JUnit report of one check that is a single command.
report() {
    local tier=$1 name=$2 status=$3 inner=""
    [ "$status" -eq 0 ] || inner='<failure message="see the output above"/>'
    printf '<testsuite name="%s"><testcase classname="%s" name="%s">%s</testcase></testsuite>\n' "$tier" "$tier" "$name" "$inner" \
        >"$results/$tier-$name.xml"
}

single() {
    local tier=$1 name=$2 status=0
    shift 2
    "$@" </dev/null || status=$?
    report "$tier" "$name" "$status"
}

run_ctest() {
    local label=$1 status=0
    ctest --test-dir "build/$preset" --label-regex "^$label\$" --output-on-failure --no-tests=error \
        --output-junit "$results/$label.xml" </dev/null || status=$?
    [ -s "$results/$label.xml" ] || report "$label" ctest "$status"
}

# The tier's tests that pytest's further arguments choose; NAME is that of the report.
run_pytest() {
    local tier=$1 name=$2 status=0
    shift 2
    MESHD_BIN_DIR=$PWD/build/$preset/bin /usr/bin/python3 -B -m pytest -p no:cacheprovider "test/$tier" "$@" \
        --junitxml="$results/$name.xml" --basetemp="$results/pytest-$name" "${pytest_arguments[@]}" </dev/null || status=$?
    [ -s "$results/$name.xml" ] || report "$tier" "$name" "${status:-1}"
}

# End-to-end tests wait more than they compute, and each has namespaces, a cgroup and a BPF filesystem of its own; but some, and those of
# the stress tier, want the machine for themselves.
run_e2e() {
    run_pytest e2e e2e -m "not alone" -n "${E2E_JOBS:-4}" --dist loadgroup
    run_pytest e2e e2e-alone -m alone
}

# Several files at a time are compiled as one (test/fuzz/unity.cmake); names that clash between files make it slower, not fail.
build_fuzz() {
    scripts/build.sh fuzz || { echo "fuzz: the same with each file on its own" && scripts/build.sh fuzz-apart; }
}

# Without the dictionary that a fuzzer recommends at its end: hundreds of lines, in which a failure of another target is lost.
fuzz_one() {
    "$@" 2>&1 | sed '/^###### Recommended dictionary/,/^###### End of recommended dictionary/d'
}

# What a run finds is kept in build/fuzz/corpus, so the next run starts from there; test/fuzz/corpus holds what everybody starts from.
run_fuzz() {
    local target name seeds found=0
    single fuzz build build_fuzz
    for target in build/fuzz/bin/fuzz_*; do
        [ -x "$target" ] || continue
        found=1
        name=${target##*/fuzz_}
        mkdir -p "build/fuzz/corpus/$name"
        seeds=()
        [ ! -d "test/fuzz/corpus/$name" ] || seeds=("test/fuzz/corpus/$name")
        single fuzz "$name" fuzz_one "$target" -max_total_time="${FUZZ_SECONDS:-7}" -rss_limit_mb=2048 -timeout=10 -print_final_stats=0 -print_funcs=0 -verbosity=0 \
            -artifact_prefix="build/fuzz/" "build/fuzz/corpus/$name" "${seeds[@]}"
    done
    [ "$found" -eq 1 ] || report fuzz targets 1
}

scripts/install-dependencies.sh build test lint
if [[ " ${tiers[*]} " =~ \ (lint|unit|bpf|e2e|stress)\  ]]; then
    single build "$preset" scripts/build.sh "$preset"
fi

for tier in "${tiers[@]}"; do
    echo "== $tier"
    case $tier in
        lint) single lint lint scripts/lint.sh --preset "$preset" --all ;;
        unit | bpf) run_ctest "$tier" ;;
        e2e) run_e2e ;;
        stress) run_pytest stress stress ;;
        fuzz) run_fuzz ;;
        kernels) single kernels kernels scripts/kernels.sh --preset "$preset" --kernel 5.10 --kernel newest ;;
    esac
done

exec /usr/bin/python3 scripts/junit_total.py "$results"/*.xml
