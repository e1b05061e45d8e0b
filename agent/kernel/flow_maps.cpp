// SPDX-License-Identifier: Apache-2.0
#include "kernel/flow_maps.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <bpf/libbpf.h>

#include "kernel/map_content.hpp"

namespace meshd::kernel {

namespace {

constexpr std::uint32_t zero = 0;

// md_traffic is nothing but 64-bit counters.
void add(md_traffic& sum, const std::byte* part) {
    static_assert(sizeof(md_traffic) % sizeof(std::uint64_t) == 0);
    std::array<std::uint64_t, sizeof(md_traffic) / sizeof(std::uint64_t)> left{};
    auto right = left;
    std::memcpy(left.data(), &sum, sizeof sum);
    std::memcpy(right.data(), part, sizeof sum);
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
    std::memcpy(&sum, left.data(), sizeof sum);
}

template <typename Key, typename Value>
base::Result<std::optional<Value>> look_up(const Map& map, const Key& key) {
    Value value{};
    const auto found = map.lookup(&key, &value);
    if (!found) return tl::make_unexpected(found.error());
    return *found ? std::optional(value) : std::nullopt;
}

}  // namespace

FlowMaps::FlowMaps(const Datapath& datapath)
    : datapath_(datapath),
      config_(datapath.map("md_flow_config")),
      flows_(datapath.map("md_flows")),
      device_flows_(datapath.map("md_device_flows")),
      ended_(datapath.map("md_flows_ended")),
      traffic_(datapath.map("md_traffic")),
      tracks_(datapath.map("md_tracks")),
      opening_(datapath.map("md_opening")) {}

base::Result<md_flow_config> FlowMaps::decided() const {
    md_flow_config value{};
    if (auto found = config_.lookup(&zero, &value); !found) return tl::make_unexpected(found.error());
    return value;
}

base::Result<void> FlowMaps::decide(const md_flow_config& value) const { return config_.update(&zero, &value); }

base::Result<void> FlowMaps::for_each_flow(const std::function<void(const md_flow_key&, const md_flow&)>& visit) const {
    for (const auto* const map : {&flows_, &device_flows_}) {
        auto done = map->for_each(
            [&](const std::byte* key, const std::byte* value) { visit(read_as<md_flow_key>(key), read_as<md_flow>(value)); });
        if (!done) return done;
    }
    return {};
}

base::Result<void> FlowMaps::for_each_track(const std::function<void(const md_track_key&, const md_track&)>& visit) const {
    for (const auto* const map : {&tracks_, &opening_}) {
        auto done = map->for_each(
            [&](const std::byte* key, const std::byte* value) { visit(read_as<md_track_key>(key), read_as<md_track>(value)); });
        if (!done) return done;
    }
    return {};
}

base::Result<std::optional<md_flow>> FlowMaps::flow(const md_flow_key& key, std::uint8_t source) const {
    return look_up<md_flow_key, md_flow>(map_of(source), key);
}

base::Result<void> FlowMaps::erase_flow(const md_flow_key& key, std::uint8_t source) const { return map_of(source).erase(&key); }

base::Result<std::optional<md_track>> FlowMaps::track(const md_track_key& key) const {
    auto found = look_up<md_track_key, md_track>(tracks_, key);
    if (!found || *found) return found;
    return look_up<md_track_key, md_track>(opening_, key);
}

base::Result<void> FlowMaps::erase_track(const md_track_key& key) const {
    if (auto erased = opening_.erase(&key); !erased) return erased;
    return tracks_.erase(&key);
}

base::Result<void> FlowMaps::look(std::vector<md_socket_view>& views) const {
    for (std::size_t first = 0; first < views.size(); first += MD_LOOK_SOCKETS) {
        md_look_at_sockets question{};
        question.count = static_cast<__u32>(std::min<std::size_t>(views.size() - first, MD_LOOK_SOCKETS));
        std::copy_n(views.begin() + static_cast<std::ptrdiff_t>(first), question.count, std::begin(question.views));
        const auto answer = datapath_.ask(question);
        if (!answer) return tl::make_unexpected(answer.error());
        std::copy_n(std::begin(answer->views), question.count, views.begin() + static_cast<std::ptrdiff_t>(first));
    }
    return {};
}

base::Result<std::vector<md_flow_ended>> FlowMaps::ended() const {
    std::vector<md_flow_ended> all;
    auto done = ended_.for_each([&](const std::byte*, const std::byte* values) {
        for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) {
            const auto one = read_as<md_flow_ended>(values + cpu * sizeof(md_flow_ended));
            if (one.ended_ns != 0) all.push_back(one);
        }
    });
    if (!done) return tl::make_unexpected(done.error());
    return all;
}

base::Result<Traffic> FlowMaps::traffic() const {
    Traffic all;
    auto done = traffic_.for_each([&](const std::byte* key, const std::byte* values) {
        const auto id = read_as<md_traffic_key>(key);
        auto& sum = all[{id.service_id, id.backend_id}];
        for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) add(sum, values + cpu * sizeof(md_traffic));
    });
    if (!done) return tl::make_unexpected(done.error());
    return all;
}

base::Result<void> FlowMaps::forget_traffic(std::uint32_t service_id, std::uint32_t backend_id) const {
    const md_traffic_key key{service_id, backend_id};
    return traffic_.erase(&key);
}

base::Result<void> FlowMaps::put_traffic_of_gone(std::uint32_t service_id, const md_traffic& sum) const {
    const md_traffic_key key{service_id, 0};
    std::vector<std::byte> values(per_cpu_stride(sizeof sum));
    std::memcpy(values.data(), &sum, sizeof sum);  // as if the first CPU had counted it
    return traffic_.update(&key, values.data());
}

base::Result<std::uint32_t> FlowMaps::capacity(std::uint8_t source) const {
    const auto info = map_of(source).info();
    if (!info) return tl::make_unexpected(info.error());
    return info->max_entries;
}

}  // namespace meshd::kernel
