#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the BPF tests, end-to-end tests, the agent and its self-test, connections on the short way, and the relay with kernel TLS on stock
# Debian kernels, in QEMU without hardware acceleration, and prints a table: kernel by feature. Exit status: 0 all well, 1 something
# failed, 2 usage.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: kernels.sh [--kernel KERNEL]... [--tier bpf|e2e|stress|tls]... [--preset PRESET] [--built] [--connections N] [--patience N] [--keep]
KERNEL: 5.10, 6.1, 6.12, newest, or the beginning of a release (6.12.113); default: these four. Without --tier all but `e2e`: `bpf` is
the tests of test/bpf, `stress` N connections of every shape (default 300), `tls` those of the relay with kernel TLS, `e2e` the tests of
scripts/kernels/e2e-tests.txt, which wait N times (--patience, default 8) as long as elsewhere. The agent's start and self-test are
there but with `--tier tls` alone. --preset (default dev) is the build that is tested; --built: as it is. --keep: take kernels that were
fetched before, however old. Guests' output: build/kernels/KERNEL.log.
TEXT
}

kernels=()
tiers=()
preset=dev
connections=300
patience=8
built=false
again=--again
while [ $# -gt 0 ]; do
    case $1 in
        --kernel) kernels+=("${2:?"--kernel needs a name"}") && shift ;;
        --tier)
            case ${2:-} in
                bpf | e2e | stress | tls) tiers+=("$2") && shift ;;
                *) usage >&2 && exit 2 ;;
            esac
            ;;
        --preset) preset=${2:?"--preset needs a name"} && shift ;;
        --connections) connections=${2:?"--connections needs a number"} && shift ;;
        --patience) patience=${2:?"--patience needs a number"} && shift ;;
        --built) built=true ;;
        --keep) again="" ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
[ "${#kernels[@]}" -gt 0 ] || kernels=(5.10 6.1 6.12 newest)
[ "${#tiers[@]}" -gt 0 ] || tiers=(bpf stress tls)

export PATH=$PATH:/usr/sbin:/sbin
seconds_of_a_guest=3000 # the verifier alone takes minutes in some: instructions are translated one by one
megabytes=2048
[[ " ${tiers[*]} " != *" e2e "* ]] || { seconds_of_a_guest=6600 && megabytes=3072; }

$built || { scripts/install-dependencies.sh build test kernels && scripts/build.sh "$preset"; }
made=$PWD/build/kernels
mkdir -p "$made"
scripts/kernels/image.sh root "build/$preset" "$made/root.gz"
archives=("$made/root.gz")
if [[ " ${tiers[*]} " == *" e2e "* ]]; then
    scripts/kernels/image.sh e2e "build/$preset" "$made/e2e.gz"
    archives+=("$made/e2e.gz")
fi

# What a guest boots with: prints the directory of its kernel.
prepare() {
    local kernel=$1 directory
    directory=$(scripts/kernels/fetch.sh ${again:+"$again"} "$kernel") || return
    scripts/kernels/image.sh modules "$directory" "$made/$kernel.modules.gz" >&2
    cat "${archives[@]}" "$made/$kernel.modules.gz" >"$made/$kernel.initrd"
    rm -f "$made/$kernel.modules.gz"
    echo "$directory"
}

# A guest that ends without its last line is started once more: now and then one dies while its kernel patches itself.
run_guest() {
    local kernel=$1 directory=$2 log=$made/$1.log attempt guest
    for attempt in 1 2; do
        echo "kernels.sh: $(cat "$directory/release"), attempt $attempt: $log" >&2
        timeout "$seconds_of_a_guest" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$megabytes" -machine q35 -nic none \
            -nodefaults -display none -serial stdio -no-reboot -kernel "$directory/vmlinuz" -initrd "$made/$kernel.initrd" \
            -append "console=ttyS0 panic=-1 mitigations=off quiet tiers=$(IFS=, && echo "${tiers[*]}") connections=$connections patience=$patience" \
            </dev/null >"$log" 2>&1 &
        guest=$!
        trap 'kill "$guest"; exit 1' TERM
        wait "$guest" || true
        grep -aq '^@@ end' "$log" && break
    done
    rm -f "$made/$kernel.initrd"
}

# As many at once as there are CPUs: a guest keeps one busy most of its time. But for the end-to-end tests, which use both of theirs.
at_once=$(nproc)
[[ " ${tiers[*]} " != *" e2e "* ]] || at_once=1
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
status=0
logs=()
for kernel in "${kernels[@]}"; do
    logs+=("$made/$kernel.log")
    rm -f "$made/$kernel.log"
    directory=$(prepare "$kernel") || { status=1 && continue; }
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n || true; done
    run_guest "$kernel" "$directory" &
done
wait
/usr/bin/python3 -B scripts/kernels/table.py "${logs[@]}" || status=1
exit "$status"
