// SPDX-License-Identifier: Apache-2.0
#include "forwarding/view.hpp"

#include <boost/json.hpp>

namespace meshd::forwarding {

namespace json = boost::json;

namespace {

json::object device_json(const DeviceStatus& status) {
    json::array addresses;
    for (const auto& address : status.device.addresses) addresses.emplace_back(address.text());
    json::array programs;
    const auto add = [&](const char* name, const char* side, std::uint32_t id) {
        if (id != 0) programs.emplace_back(json::object{{"name", name}, {"side", side}, {"id", id}});
    };
    add(kernel::ingress_program, "ingress", status.programs.ingress);
    add(kernel::egress_program, "egress", status.programs.egress);
    return {{"name", status.device.name},
            {"index", status.device.index},
            {"up", status.device.up},
            {"addresses", std::move(addresses)},
            {"mechanism", status.mechanism == 0 ? "" : kernel::name(static_cast<md_mechanism>(status.mechanism))},
            {"programs", std::move(programs)},
            {"error", status.error}};
}

}  // namespace

json::object devices_json(const Forwarder& forwarder) {
    json::array rows;
    for (const auto& status : forwarder.devices()) rows.emplace_back(device_json(status));
    return {{"devices", std::move(rows)}};
}

json::object status_json(const Forwarder& forwarder) {
    std::size_t attached = 0;
    for (const auto& status : forwarder.devices()) attached += status.mechanism != 0 ? 1 : 0;
    const auto& counts = forwarder.sweeper().counts();
    return {{"enabled", forwarder.enabled()},
            {"devices", devices_json(forwarder).at("devices")},
            {"attached", attached},
            {"tracks", counts.tracks},
            {"opening", counts.opening},
            {"most_tracks", forwarder.enabled() ? forwarder.most_tracks() : 0},
            {"removed_tracks", counts.removed}};
}

}  // namespace meshd::forwarding
