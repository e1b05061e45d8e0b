// SPDX-License-Identifier: Apache-2.0
// The maps of the programs before these are loaded: how large they are to be, and those of an earlier agent, which are used as
// they are where they fit.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "base/error.hpp"
#include "config/settings.hpp"
#include "kernel/map.hpp"
#include "kernel/pins.hpp"

struct meshd_bpf;

namespace meshd::kernel {

// Maps that take memory for all of their entries at once: as long as there are no devices, they have one.
inline constexpr std::array<const char*, 4> track_maps{"md_opening", "md_tracks", "md_affinity", "md_device_flows"};

// Of libbpf's own making: not one of MD_MAPS.
bool is_internal(const bpf_map* map);

void set_bounds(bpf_object* object, const config::Limits& limits);

// A map that is already pinned there is used as it is (true). Its shape must be ours, and the fields of its values must stand
// where ours do; its size stays what it was made with.
base::Result<bool> prepare(const bpf_object* object, bpf_map* map, const std::string& path);

// What an earlier agent says of its maps must be what this one means by them; new ones are marked.
base::Result<void> check_version(const Map& meta, bool adopted);

base::Result<void> load_programs(meshd_bpf& skeleton);

// Whether this agent could take over what is pinned, and this kernel takes its programs, without touching anything: what
// prepare() and check_version() would say, then the programs are loaded with maps of their own and let go again. Names of maps
// that an older ABI version lays out otherwise.
base::Result<std::vector<std::string>> rehearse(const Pins& pins);

}  // namespace meshd::kernel
