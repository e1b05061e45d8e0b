#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does what somebody does who has just installed Debian and cloned this repository: in a clean root of each suite, which is not changed, a
# clone of what is committed, and there scripts/demo.sh or the unit tests. Nothing of this machine is used but its kernel and network. Takes some
# forty minutes for each suite on two cores, nearly all of it for compilers.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: fresh-roots.sh [--suite bookworm|trixie]... [--run demo|unit]... [--ccache DIRECTORY]
By default both suites, both runs. With --ccache, a cache of compilers to read and fill. The last line for each is "SUITE RUN: ok" or
"SUITE RUN: FAILED", with where its output is.
TEXT
}

suites=()
runs=()
ccache=
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suites+=("${2:?"--suite needs a name"}") && shift ;;
        --run) runs+=("${2:?"--run needs demo or unit"}") && shift ;;
        --ccache) ccache=$(realpath "${2:?"--ccache needs a directory"}") && shift ;;
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
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
[ ${#runs[@]} -gt 0 ] || runs=(unit demo)

command_of() {
    case $1 in
        demo) echo "scripts/demo.sh" ;;
        unit) echo "scripts/test.sh --tier unit" ;;
        *) echo "fresh-roots.sh: --run is demo or unit, not $1" >&2 && return 2 ;;
    esac
}
for run in "${runs[@]}"; do command_of "$run" >/dev/null; done

logs=$PWD/build/fresh-roots
mkdir -p "$logs"

# In a mount and a process namespace: whatever is left running or mounted goes with them.
# shellcheck disable=SC2016 # expanded by the inner shells
inside='
set -eu
root=$1 work=$2 source=$3 ccache=$4
shift 4
mount --make-rprivate /
mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" none "$work/root"
cd "$work/root"
cp --dereference /etc/resolv.conf etc/resolv.conf
mount -t proc none proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 none run
mount -t tmpfs -o mode=1777 none tmp
mount -t bpf -o mode=700 none sys/fs/bpf
mkdir -p src cache
[ -z "$ccache" ] || mount --bind "$ccache" cache
git clone --quiet --no-hardlinks "$source" src/meshd
exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 ${ccache:+CCACHE_DIR=/cache CCACHE_BASEDIR=/src/meshd CCACHE_NOHASHDIR=1} \
    sh -euc "apt-get -qq update; cd /src/meshd; exec $*" </dev/null
'

failed=0
for suite in "${suites[@]}"; do
    root=$(scripts/debian-root.sh "$suite")
    for run in "${runs[@]}"; do
        log=$logs/$suite-$run.log
        work=$(mktemp -d "${TMPDIR:-/var/tmp}/fresh-root.XXXXXX")
        mkdir "$work"/{upper,work,root}
        outcome=ok
        trap 'rm -rf "$work"' EXIT
        # shellcheck disable=SC2046 # a command of several words
        setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child bash -c "$inside" inside "$root" "$work" "$PWD" "$ccache" $(command_of "$run") >"$log" 2>&1 ||
            { outcome=FAILED && failed=1; }
        rm -rf "$work"
        echo "$suite $run: $outcome, $log"
    done
done
exit $failed
