// SPDX-License-Identifier: Apache-2.0
#include "kernel/layout.hpp"

#include <map>
#include <memory>

namespace meshd::kernel {

namespace {

struct Place {
    __u32 bit = 0;
    __s64 bytes = 0;
};

bool same(const Place& one, const Place& other) { return one.bit == other.bit && one.bytes == other.bytes; }

// Room that nobody reads: it shrinks with each field that is taken from it.
bool is_spare(const std::string& name) { return name.empty() || name.rfind("reserved", 0) == 0 || name.rfind("pad", 0) == 0; }

// "ends" and what is in it ("ends.cookie"), in bits from the start of the value.
void collect(const btf* types, int type, const std::string& prefix, __u32 from, std::map<std::string, Place>& places) {
    const int id = ::btf__resolve_type(types, static_cast<__u32>(type));
    const auto* const record = id > 0 ? ::btf__type_by_id(types, static_cast<__u32>(id)) : nullptr;
    if (record == nullptr || !::btf_is_composite(record)) return;
    for (__u16 i = 0; i < ::btf_vlen(record); ++i) {
        const auto& member = ::btf_members(record)[i];
        const std::string name = ::btf__name_by_offset(types, member.name_off);
        if (is_spare(name)) continue;
        const __u32 bit = from + ::btf_member_bit_offset(record, i);
        places[prefix + name] = {bit, ::btf__resolve_size(types, member.type)};
        collect(types, static_cast<int>(member.type), prefix + name + ".", bit, places);
    }
}

std::string said(const Place& place) { return std::to_string(place.bytes) + " bytes at " + std::to_string(place.bit / 8); }

}  // namespace

std::optional<std::string> difference(const btf* theirs, __u32 their_type, const btf* ours, __u32 our_type) {
    std::map<std::string, Place> old_places;
    std::map<std::string, Place> new_places;
    collect(theirs, static_cast<int>(their_type), {}, 0, old_places);
    collect(ours, static_cast<int>(our_type), {}, 0, new_places);
    for (const auto& [name, place] : old_places)
        if (const auto found = new_places.find(name); found != new_places.end() && !same(place, found->second))
            return "its field " + name + " has " + said(place) + ", this agent's has " + said(found->second);
    return std::nullopt;
}

std::optional<std::string> difference(const bpf_map_info& pinned, const btf* ours, __u32 our_type) {
    if (pinned.btf_id == 0 || pinned.btf_value_type_id == 0 || ours == nullptr || our_type == 0) return std::nullopt;
    const std::unique_ptr<btf, decltype(&::btf__free)> theirs(::btf__load_from_kernel_by_id(pinned.btf_id), &::btf__free);
    if (!theirs) return std::nullopt;
    return difference(theirs.get(), pinned.btf_value_type_id, ours, our_type);
}

}  // namespace meshd::kernel
