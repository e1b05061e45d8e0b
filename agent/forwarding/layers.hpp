// SPDX-License-Identifier: Apache-2.0
// Which devices stand upon which, so that what passes two of them is counted at one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "forwarding/devices.hpp"

namespace meshd::forwarding {

struct Layer {
    std::uint32_t master = 0;  // index of the bridge, bond or team that the device is a port of
    std::uint32_t shares = 0;  // index of the device whose packets it takes some of, as macvlan and ipvlan do

    bool operator==(const Layer&) const = default;
};

// By index; devices that stand alone are left out. A VLAN does: at its lower device its packets have a tag and are not looked at.
base::Result<std::map<std::uint32_t, Layer>> read_layers();

// Where packets of a device that is looked at count. `is_looked_at`: whether a device is, too.
md_below below(const Device& device, const std::vector<Device>& all, const std::function<bool(const Device&)>& is_looked_at);

}  // namespace meshd::forwarding
