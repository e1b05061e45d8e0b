// SPDX-License-Identifier: Apache-2.0
#include "kernel/pinned_maps.hpp"
#include "meshd/abi.h"  // before the skeleton, which names its types

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "base/version.hpp"
#include "bpf/meshd.skel.h"
#include "kernel/layout.hpp"
#include "kernel/migration.hpp"

namespace meshd::kernel {

namespace {

constexpr auto kernel_btf = "/sys/kernel/btf/vmlinux";
constexpr auto no_btf_remedy = "boot a kernel that is built with CONFIG_DEBUG_INFO_BTF=y, as those of Debian and Ubuntu are";

constexpr auto other_shape_remedy =
    "run the meshd that made it, or `meshd --unload` to remove it: services are not balanced until the next start";

struct Bound {
    const char* map;
    std::uint32_t entries;
};

std::array<Bound, 22> bounds(const config::Limits& limits) {
    return {{{"md_frontends", limits.frontends},
             {"md_services", limits.services},
             {"md_tables", limits.services},
             {"md_guarded", limits.backends},
             {"md_cursors", limits.services},
             {"md_backends", limits.backends},
             {"md_connects", limits.backends + limits.services},
             {"md_balancing", limits.services},
             {"md_eject_state", limits.services},
             {"md_vitals", limits.backends},
             {"md_paths", limits.services},
             {"md_halts", limits.services},
             {"md_maglevs", limits.services},
             {"md_opening", std::min<std::uint32_t>(limits.tracks, MD_MAX_OPENING)},
             {"md_tracks", limits.tracks},
             {"md_affinity", std::min<std::uint32_t>(limits.tracks, MD_MAX_AFFINITIES)},
             {"md_sockets", limits.connections},
             {"md_pairs", std::max<std::uint32_t>(limits.connections / 2, 1)},
             {"md_consumed", limits.connections},
             {"md_flows", limits.flows},
             {"md_device_flows", limits.device_flows},
             {"md_traffic", limits.backends + limits.services}}};
}

std::string shape(std::uint32_t type, std::uint32_t key, std::uint32_t value) {
    return "type " + std::to_string(type) + ", key " + std::to_string(key) + " bytes, value " + std::to_string(value) + " bytes";
}

// A map of tracks that nobody used yet, or will use any more, is made anew: see config::map_limits().
bool has_other_room(const bpf_map* map, std::uint32_t entries) {
    const std::string_view name(::bpf_map__name(map));
    return std::find(track_maps.begin(), track_maps.end(), name) != track_maps.end() &&
           (entries == 1) != (::bpf_map__max_entries(map) == 1);
}

// Nothing: none is pinned there. An error: it is not of our shape.
base::Result<std::optional<bpf_map_info>> look_at_pinned(const bpf_object* object, const bpf_map* map, const std::string& path) {
    const base::UniqueFd pinned(::bpf_obj_get(path.c_str()));
    if (!pinned.valid()) {
        if (errno == ENOENT) return std::nullopt;
        return base::fail_errno("open pinned map", path);
    }
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(pinned.get(), &info, &size) != 0) return base::fail_errno("look at pinned map", path);
    const bool same = info.type == static_cast<__u32>(::bpf_map__type(map)) && info.key_size == ::bpf_map__key_size(map) &&
                      info.value_size == ::bpf_map__value_size(map);
    if (!same)
        return base::fail({"take over map", path, 0,
                           "it has " + shape(info.type, info.key_size, info.value_size) + ", this agent's has " +
                               shape(::bpf_map__type(map), ::bpf_map__key_size(map), ::bpf_map__value_size(map)),
                           other_shape_remedy});
    // As long, and yet something else: what is read there would be wrong, and nobody would say so.
    if (auto other = difference(info, ::bpf_object__btf(object), ::bpf_map__btf_value_type_id(map)))
        return base::fail({"take over map", path, 0, *other, other_shape_remedy});
    return info;
}

tl::unexpected<base::Error> another_version(const std::string& maps, const md_meta& value) {
    return base::fail(
        {"take over maps of", maps, 0,
         "they have ABI version " + std::to_string(value.abi_version) + ", this agent has " + std::to_string(MD_ABI_VERSION),
         "run the meshd that made them (" + std::string(value.made_by) + "), or `meshd --unload` to remove them"});
}

base::Result<void> check_pinned_version(const std::string& path) {
    const base::UniqueFd pinned(::bpf_obj_get(path.c_str()));
    if (!pinned.valid()) return {};
    md_meta value{};
    const __u32 zero = 0;
    if (::bpf_map_lookup_elem(pinned.get(), &zero, &value) != 0) return base::fail_errno("read pinned map", path);
    if (value.abi_version != MD_ABI_VERSION && value.abi_version != 0) return another_version(path, value);
    return {};
}

struct Destroy {
    void operator()(meshd_bpf* skeleton) const { meshd_bpf::destroy(skeleton); }
};

}  // namespace

bool is_internal(const bpf_map* map) { return std::string_view(::bpf_map__name(map)).substr(0, 3) != "md_"; }

void set_bounds(bpf_object* object, const config::Limits& limits) {
    for (const auto& [name, entries] : bounds(limits))
        ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object, name), entries);
}

base::Result<bool> prepare(const bpf_object* object, bpf_map* map, const std::string& path) {
    const auto pinned = look_at_pinned(object, map, path);
    if (!pinned) return tl::make_unexpected(pinned.error());
    if (::bpf_map__set_pin_path(map, path.c_str()) != 0) return base::fail_errno("pin map to", path);
    if (!*pinned) return false;
    const auto entries = (*pinned)->max_entries;
    if (has_other_room(map, entries)) {
        if (::unlink(path.c_str()) != 0) return base::fail_errno("replace pin", path);
        return true;
    }
    if (entries != ::bpf_map__max_entries(map)) {
        spdlog::warn("map {} holds {} entries, not {}: limits change only after `meshd --unload`", path, entries,
                     ::bpf_map__max_entries(map));
        ::bpf_map__set_max_entries(map, entries);
    }
    return true;
}

base::Result<void> check_version(const Map& meta, bool adopted) {
    md_meta value{};
    const __u32 zero = 0;
    if (auto found = meta.lookup(&zero, &value); !found) return tl::make_unexpected(found.error());
    if (value.abi_version == MD_ABI_VERSION) return {};
    if (adopted && value.abi_version != 0) return another_version(meta.name(), value);
    value = {};
    value.abi_version = MD_ABI_VERSION;
    std::strncpy(value.made_by, base::version, sizeof value.made_by - 1);
    return meta.update(&zero, &value);
}

base::Result<void> load_programs(meshd_bpf& skeleton) {
    const int error = meshd_bpf::load(&skeleton);
    if (error == 0) return {};
    if (::access(kernel_btf, R_OK) != 0) return base::fail_errno("read BTF of the kernel from", kernel_btf, no_btf_remedy);
    errno = -error;
    return base::fail_errno("load", "the BPF programs",
                            error == -EPERM ? "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
                                            : "run with --log-level trace to see what the kernel's verifier says");
}

base::Result<std::vector<std::string>> rehearse(const Pins& pins) {
    const std::unique_ptr<meshd_bpf, Destroy> skeleton(meshd_bpf::open());
    if (!skeleton) return base::fail_errno("open", "the BPF programs");
    auto to_carry = maps_to_carry(pins, skeleton->obj);
    if (!to_carry) return to_carry;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton->obj) {
        if (is_internal(map)) continue;
        if (auto looked = look_at_pinned(skeleton->obj, map, pins.map(::bpf_map__name(map))); !looked)
            return tl::make_unexpected(looked.error());
    }
    if (auto checked = check_pinned_version(pins.map("md_meta")); !checked) return tl::make_unexpected(checked.error());
    config::Limits few;
    few.tracks = few.device_flows = few.flows = few.connections = 1024;
    set_bounds(skeleton->obj, few);
    if (auto loaded = load_programs(*skeleton); !loaded) return tl::make_unexpected(loaded.error());
    return to_carry;
}

}  // namespace meshd::kernel
