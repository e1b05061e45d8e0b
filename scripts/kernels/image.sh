#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root of a guest: busybox, the binaries of a build with the libraries that they need, and scripts/kernels/init. Modules of a
# kernel are put beside it with a second call, as what qemu calls -initrd may be several archives one after the other.
#   image.sh root BUILD-DIRECTORY FILE
#   image.sh modules KERNEL-DIRECTORY FILE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

pack() {
    (cd "$1" && find . -print0 | cpio --null --create --format=newc --quiet --owner 0:0 | gzip -1) >"$2.new"
    mv "$2.new" "$2"
}

# A binary under the path that it has here, with its libraries.
with_libraries() {
    local file
    for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        [ -e "$root$file" ] || install -D -m 755 "$file" "$root$file"
    done
}

root=$(mktemp -d) && chmod 755 "$root" # the worker of the guest has another user
trap 'rm -rf "$root"' EXIT
case ${1:-} in
    root)
        build=$(realpath "$2")
        mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,tests,etc,var/lib/meshd,etc/meshd/services.d}
        install -m 755 "$(command -v busybox)" "$root/bin/busybox"
        for binary in "$build"/bin/bpf_* "$build"/bin/{meshd,meshd-userspace,meshctl,shapes,unit_relay}; do
            with_libraries "$binary"
            ln -s "$binary" "$root/tests/${binary##*/}"
        done
        for tool in ip bpftool openssl; do with_libraries "$(PATH=$PATH:/usr/sbin:/sbin command -v "$tool")"; done
        shell=$(realpath "$(command -v dash)") # tests call ip, and busybox' shell would take its own
        with_libraries "$shell"
        ln -s "$shell" "$root/bin/sh"
        install -D -m 644 "$build/generated/bpf/tc.bpf.o" "$root$build/generated/bpf/tc.bpf.o" # packet tests load it by its path
        printf 'root:x:0:0::/:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nmeshd:x:990:990::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\ndaemon:x:1:\nmeshd:x:990:\nnogroup:x:65534:\n' >"$root/etc/group"
        install -m 755 "$here/init" "$root/init"
        ;;
    modules)
        mkdir -p "$root/modules"
        cp "$2"/modules/* "$root/modules/"
        ;;
    *)
        sed -n '3,6s/^# //p' "$0" >&2
        exit 2
        ;;
esac
pack "$root" "$3"
