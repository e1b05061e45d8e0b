#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root of a guest: busybox, the binaries of a build with the libraries that they need, and scripts/kernels/init. Modules of a
# kernel are put beside it with a second call, as what qemu calls -initrd may be several archives one after the other.
#   image.sh root BUILD-DIRECTORY FILE
#   image.sh modules KERNEL-DIRECTORY FILE
#   image.sh e2e BUILD-DIRECTORY FILE     below /e2e: this system's Python and servers, and test/e2e where it is here
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

# What the tests of e2e-tests.txt call, with all that it needs.
packages=(bash coreutils util-linux mount procps findutils grep sed libc-bin netbase python3 python3-pytest python3-pytest-xdist python3-yaml
    iproute2 nginx haproxy curl bind9-dnsutils dnsmasq-base netcat-openbsd socat openssl tcpdump)

# Their files by way of the directories that names like /bin lead to, without what only people read.
files_of_packages() {
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "${packages[@]}" |
        grep '^[a-z0-9]' | sed 's/:.*//' | sort -u | grep -v '^perl\|^libperl\|^systemd\|^dpkg$\|^debconf$' |
        { xargs dpkg-query --listfiles 2>/dev/null || true; } | # names that other packages provide have none
        sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' |
        grep -vE '^/usr/share/(doc|man|locale|info|lintian|perl)|^/usr/share/[^/]*-completion|^/etc/(cron|init|logrotate)|__pycache__'
    find /etc/alternatives /usr/bin /usr/sbin -lname '/etc/alternatives/*' -o -path '/etc/alternatives/*'
    printf '%s\n' /etc/{passwd,group,hosts,nsswitch.conf,ld.so.cache,ld.so.conf} /etc/ld.so.conf.d/*
}

# A file that a package names and that is not here, or a directory, is none to copy.
existing() {
    local file
    sort -u | while read -r file; do
        if [ -L "$file" ] || [ -f "$file" ]; then echo "${file#/}"; fi
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
    e2e)
        build=$(realpath "$2")
        top=$(realpath "$here/../..")
        within=$root/e2e
        mkdir -p "$within"/{usr/bin,usr/sbin,usr/lib,usr/lib64,dev,proc,sys,run/lock,var/lib,var/log/nginx,root} "$within$build/bin" "$within$top/test"
        install -d -m 1777 "$within/tmp" "$within/var/tmp"
        for name in bin sbin lib lib64; do ln -s "usr/$name" "$within/$name"; done
        files_of_packages | existing | tar -C / --create --no-recursion --files-from - | tar -C "$within" --extract --keep-directory-symlink
        root=$within with_libraries "$(PATH=$PATH:/usr/sbin:/sbin command -v bpftool)"
        for binary in meshd meshd-userspace meshctl bench-flows; do
            root=$within with_libraries "$build/bin/$binary"
            strip --strip-debug "$within$build/bin/$binary"
        done
        cp -r "$top/test/e2e" "$within$top/test/"
        cp "$here/told.py" "$here/e2e-tests.txt" "$within$top/"
        # Compiling takes minutes in a guest. Times of files may not arrive there, so they are not what a compiled one is held to.
        /usr/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$within"/usr/lib/python3* "$within$top/test/e2e/harness" \
            -x '/(test|idlelib|lib2to3|pygments|numpy)/[^/]*$' -s "$within" >/dev/null || true
        printf 'cd %q/test/e2e && export MESHD_BIN_DIR=%q/bin PYTHONPATH=%q\n' "$top" "$build" "$top" >"$within/e2e-environment"
        ;;
    modules)
        mkdir -p "$root/modules"
        cp "$2"/modules/* "$root/modules/"
        ;;
    *)
        sed -n '3,8s/^# //p' "$0" >&2
        exit 2
        ;;
esac
pack "$root" "$3"
