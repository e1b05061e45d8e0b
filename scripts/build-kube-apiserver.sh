#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds kube-apiserver for the tests of the Kubernetes registry, from Debian 12's source package, which carries all that it needs. No
# package has it as a binary. Nothing is installed; the result is ${MESHD_CACHE:-/var/cache/meshd}/kube-apiserver. Takes about seven
# minutes on two CPUs and 3 GB below ${TMPDIR:-/tmp}, which are given back. Does nothing when the result is there.
set -euo pipefail

version=1.20.5+really1.20.2-1.1+deb12u1
# sha256 of what is fetched, beside what apt itself checks: the same source gives the same server.
sums="19fa1da5aefcef673894ac9511986bd98a14410cf8eea0b626613c30df435257  kubernetes_$version.dsc
b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc  kubernetes_${version%-1.1*}.orig.tar.gz
9b6e5fd41769d2b5badf2e73b274e3bcd90f85e13d06a1a4a845ccce018127d8  kubernetes_$version.debian.tar.xz"
packages=(golang-1.19-go golang-1.19-src rsync libpopt0 libxxhash0 golang-github-modern-go-reflect2-dev)

case ${1:-} in
    "") ;;
    -h | --help)
        echo "usage: build-kube-apiserver.sh"
        exit 0
        ;;
    *)
        echo "usage: build-kube-apiserver.sh" >&2
        exit 2
        ;;
esac

fail() {
    echo "build-kube-apiserver.sh: $*" >&2
    exit 1
}

cache=${MESHD_CACHE:-/var/cache/meshd}
if [ -x "$cache/kube-apiserver" ]; then
    echo "$cache/kube-apiserver is there"
    exit 0
fi
mkdir -p "$cache" 2>/dev/null || true
[ -w "$cache" ] || fail "cannot write $cache: run it as root, or set MESHD_CACHE"
for tool in apt-get dpkg-deb dpkg-source make gcc sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install dpkg-dev make gcc"
done
# shellcheck disable=SC2016 # apt's own placeholders
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 == "bookworm" && $3 == "main" { print $1; exit }')
[ -n "$archive" ] || fail "no source of apt is Debian 12 (bookworm) main: add one, the package is in no other release"

work=$(mktemp -d "${TMPDIR:-/tmp}/build-kube-apiserver.XXXXXX")
clean() {
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap clean EXIT

# A root of apt's own: the system's lists and packages are not touched.
mkdir -p "$work"/apt/{sources.d,state/lists/partial,cache/archives/partial} "$work"/{source,packages,root,home}
for kind in deb deb-src; do
    echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive bookworm main"
done >"$work/apt/sources.list"
: >"$work/apt/status" # what is installed here may be newer than what that archive has
cat >"$work/apt/apt.conf" <<TEXT
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "$work/apt/sources.d";
Dir::State "$work/apt/state";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
TEXT
export APT_CONFIG=$work/apt/apt.conf
apt-get -qq update
(cd "$work" && apt-get -qq source --download-only "kubernetes=$version" && sha256sum --quiet --check <<<"$sums")
(cd "$work/packages" && apt-get -qq download "${packages[@]}")
for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root"; done
dpkg-source --no-check -x "$work/kubernetes_$version.dsc" "$work/source/kubernetes" >/dev/null

# The reflect2 that the package carries is older than Go 1.18 and crashes at the first list of EndpointSlices.
reflect=$work/source/kubernetes/vendor/github.com/modern-go/reflect2
rm -f "$reflect"/*.go "$reflect"/*.s
cp "$work"/root/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$reflect"
rm -f "$reflect"/*_test.go

export PATH=$work/root/usr/lib/go-1.19/bin:$work/root/usr/bin:$PATH
libraries=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
export LD_LIBRARY_PATH=$work/root/usr/lib/$libraries
export HOME=$work/home GOPATH=$work/source/kubernetes/.go CGO_ENABLED=0 GOFLAGS="" GOPROXY=off GOSUMDB=off
mkdir -p "$GOPATH/src/k8s.io"
ln -s ../../.. "$GOPATH/src/k8s.io/kubernetes"
make -C "$work/source/kubernetes" WHAT=cmd/kube-apiserver >"$work/log" 2>&1 || {
    tail -n 30 "$work/log" >&2
    fail "the build failed"
}
install -m 755 "$work/source/kubernetes/_output/bin/kube-apiserver" "$cache/.kube-apiserver.new"
mv "$cache/.kube-apiserver.new" "$cache/kube-apiserver"
echo "built $cache/kube-apiserver"
