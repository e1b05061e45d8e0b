// SPDX-License-Identifier: Apache-2.0
#include "kernel/layout.hpp"

#include <algorithm>
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

using Places = std::map<std::string, Place>;

void collect(const btf* types, __u32 type, const std::string& name, __u32 bit, Places& places);

void collect_fields(const btf* types, const btf_type* record, const std::string& name, __u32 from, Places& places) {
    for (__u16 i = 0; i < ::btf_vlen(record); ++i) {
        const auto& member = ::btf_members(record)[i];
        const std::string field = ::btf__name_by_offset(types, member.name_off);
        if (is_spare(field)) continue;
        collect(types, member.type, name.empty() ? field : name + "." + field, from + ::btf_member_bit_offset(record, i), places);
    }
}

// Numbers, and arrays of them: "ends[1].cookie", by bits from the start of the value. `name` is empty for the value itself.
void collect(const btf* types, __u32 type, const std::string& name, __u32 bit, Places& places) {
    const int id = ::btf__resolve_type(types, type);
    const auto* const known = id > 0 ? ::btf__type_by_id(types, static_cast<__u32>(id)) : nullptr;
    if (known == nullptr) return;
    if (::btf_is_composite(known)) return collect_fields(types, known, name, bit, places);
    const auto size = ::btf__resolve_size(types, static_cast<__u32>(id));
    if (::btf_is_array(known)) {
        const auto& array = *::btf_array(known);
        const int element = ::btf__resolve_type(types, array.type);
        const auto* const what = element > 0 ? ::btf__type_by_id(types, static_cast<__u32>(element)) : nullptr;
        if (what != nullptr && (::btf_is_composite(what) || ::btf_is_array(what))) {
            const auto each = static_cast<__u32>(::btf__resolve_size(types, array.type));
            for (__u32 i = 0; i < array.nelems; ++i)
                collect(types, array.type, name + "[" + std::to_string(i) + "]", bit + i * each * 8, places);
            return;
        }
    }
    places[name] = {bit, size};
}

std::string said(const Place& place) { return std::to_string(place.bytes) + " bytes at " + std::to_string(place.bit / 8); }

}  // namespace

std::optional<std::string> difference(const btf* theirs, __u32 their_type, const btf* ours, __u32 our_type) {
    Places old_places;
    Places new_places;
    collect(theirs, their_type, {}, 0, old_places);
    collect(ours, our_type, {}, 0, new_places);
    for (const auto& [name, place] : old_places)
        if (const auto found = new_places.find(name); found != new_places.end() && !same(place, found->second))
            return (name.empty() ? "its value" : "its field " + name) + " has " + said(place) + ", this agent's has " +
                   said(found->second);
    return std::nullopt;
}

std::optional<std::string> difference(const bpf_map_info& pinned, const btf* ours, __u32 our_type) {
    if (pinned.btf_id == 0 || pinned.btf_value_type_id == 0 || ours == nullptr || our_type == 0) return std::nullopt;
    const std::unique_ptr<btf, decltype(&::btf__free)> theirs(::btf__load_from_kernel_by_id(pinned.btf_id), &::btf__free);
    if (!theirs) return std::nullopt;
    return difference(theirs.get(), pinned.btf_value_type_id, ours, our_type);
}

std::string described(const btf* types, __u32 type) {
    Places places;
    collect(types, type, {}, 0, places);
    std::vector<std::pair<std::string, Place>> ordered(places.begin(), places.end());
    std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.second.bit < b.second.bit; });
    std::string text;
    for (const auto& [name, place] : ordered)
        text += (text.empty() ? "" : ", ") + (name.empty() ? "" : name + " ") + std::to_string(place.bytes) + " at " +
                std::to_string(place.bit / 8);
    return text;
}

std::vector<Move> moves(const btf* from, __u32 from_type, const btf* to, __u32 to_type) {
    Places old_places;
    Places new_places;
    collect(from, from_type, {}, 0, old_places);
    collect(to, to_type, {}, 0, new_places);
    std::vector<Move> all;
    for (const auto& [name, place] : old_places) {
        const auto found = new_places.find(name);
        if (found == new_places.end() || place.bytes <= 0 || found->second.bytes <= 0) continue;
        if (place.bit % 8 != 0 || found->second.bit % 8 != 0) continue;  // no bit fields cross the border
        all.push_back(
            {place.bit / 8, found->second.bit / 8, static_cast<std::size_t>(std::min(place.bytes, found->second.bytes))});
    }
    return all;
}

}  // namespace meshd::kernel
