// SPDX-License-Identifier: Apache-2.0
// The maps of the flow table as verbs. What only reads them may run on any thread: it touches descriptors and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

// By service id and backend id.
using Traffic = std::map<std::pair<std::uint32_t, std::uint32_t>, md_traffic>;

class FlowMaps {
public:
    explicit FlowMaps(const Datapath& datapath);

    [[nodiscard]] base::Result<md_flow_config> decided() const;
    [[nodiscard]] base::Result<void> decide(const md_flow_config& value) const;

    // Those of sockets first, then those of devices.
    [[nodiscard]] base::Result<void> for_each_flow(const std::function<void(const md_flow_key&, const md_flow&)>& visit) const;
    [[nodiscard]] base::Result<void> for_each_track(const std::function<void(const md_track_key&, const md_track&)>& visit) const;
    // `source`: enum md_flow_source, which says in which map.
    [[nodiscard]] base::Result<std::optional<md_flow>> flow(const md_flow_key& key, std::uint8_t source = MD_FLOW_SOCKET) const;
    [[nodiscard]] base::Result<void> erase_flow(const md_flow_key& key, std::uint8_t source = MD_FLOW_SOCKET) const;
    [[nodiscard]] base::Result<std::optional<md_track>> track(const md_track_key& key) const;
    // Also while its handshake is not complete.
    [[nodiscard]] base::Result<void> erase_track(const md_track_key& key) const;

    // Asks sockets what they say now: fills in what is an answer in each.
    [[nodiscard]] base::Result<void> look(std::vector<md_socket_view>& views) const;

    // Of all CPUs; in no order.
    [[nodiscard]] base::Result<std::vector<md_flow_ended>> ended() const;

    // Sums over all CPUs.
    [[nodiscard]] base::Result<Traffic> traffic() const;
    [[nodiscard]] base::Result<void> forget_traffic(std::uint32_t service_id, std::uint32_t backend_id) const;
    // What the service's backends that are no more came to stands under backend 0, which only the agent writes.
    [[nodiscard]] base::Result<void> put_traffic_of_gone(std::uint32_t service_id, const md_traffic& sum) const;

    // Flows that the map of `source` can hold.
    [[nodiscard]] base::Result<std::uint32_t> capacity(std::uint8_t source) const;

private:
    [[nodiscard]] const Map& map_of(std::uint8_t source) const { return source == MD_FLOW_DEVICE ? device_flows_ : flows_; }

    const Datapath& datapath_;
    Map config_, flows_, device_flows_, ended_, traffic_, tracks_, opening_;
};

}  // namespace meshd::kernel
