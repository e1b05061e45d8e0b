#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the container image of the agent with buildah, from a clean root of Debian and the packages, and writes it as an archive that
# podman, skopeo and containerd take (OCI). No registry is asked; once the root is there, no network is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    cat <<'TEXT'
usage: build.sh [--suite bookworm|trixie] [--name NAME] ARCHIVE PACKAGE.deb...
The packages meshd and meshctl of scripts/package.sh, built on that suite (default bookworm). ARCHIVE is written, such as meshd.tar; NAME is
the image's (default meshd:latest).
TEXT
}

suite=bookworm
name=meshd:latest
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suite=${2:?"--suite needs a name"} && shift ;;
        --name) name=${2:?"--name needs a name"} && shift ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*)
            usage >&2
            exit 2
            ;;
        *) break ;;
    esac
    shift
done
[ $# -ge 2 ] || { usage >&2 && exit 2; }
archive=$(realpath -m "$1")
shift
command -v buildah >/dev/null || { echo "build.sh: buildah is missing: apt-get install buildah" >&2 && exit 1; }

# In place of systemd, which has no use in a container.
makers=(systemd-standalone-sysusers systemd-standalone-tmpfiles)
root=$(scripts/debian-root.sh "$suite" "${makers[@]}" "$@")

# A store of its own: works where no overlay can be mounted over another, and leaves nothing behind.
store=$(mktemp -d)
run() { buildah --storage-driver vfs --root "$store/root" --runroot "$store/run" "$@"; }
container=
clean() {
    [ -z "$container" ] || run rm "$container" >/dev/null 2>&1 || true
    rm -rf "$store"
}
trap clean EXIT

container=$(run from scratch)
top=$(run mount "$container")
cp -a "$root/." "$top/"
mkdir "$top/packages"
cp "$@" "$top/packages/"
# shellcheck disable=SC2016 # expanded by the inner shells
unshare --mount --pid --fork --kill-child env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -euc '
    mount -t proc none "$1/proc"
    exec chroot "$@"' sh "$top" sh -euc '
    apt-get -qq -y --no-install-recommends install "$@" /packages/*.deb >/packages/log 2>&1 || { grep -A 9 meshd /packages/log >&2 && exit 1; }
    rm -rf /packages /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/*.log /var/log/apt /etc/apt/sources.list /etc/apt/apt.conf.d/90clean-root' \
    sh "${makers[@]}"
run unmount "$container" >/dev/null
# The agent is root in the container, and its worker is not; which capabilities that root has is said where the container is started.
run config --cmd '["/usr/sbin/meshd", "--config", "/etc/meshd/meshd.yaml"]' --entrypoint '[]' --stop-signal SIGTERM \
    --env PATH=/usr/sbin:/usr/bin:/sbin:/bin --label org.opencontainers.image.title=meshd \
    --label org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)" "$container"
rm -f "$archive"
run commit --quiet --format oci "$container" "oci-archive:$archive:$name" >/dev/null
echo "$archive"
