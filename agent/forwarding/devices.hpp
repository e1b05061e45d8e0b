// SPDX-License-Identifier: Apache-2.0
// The network devices of this host and its addresses, as they are now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/error.hpp"
#include "meshd/abi.h"

struct ifaddrs;

namespace meshd::forwarding {

struct Device {
    std::uint32_t index = 0;
    std::string name;
    std::uint16_t type = 0;  // ARPHRD_… of linux/if_arp.h
    bool up = false;
    std::uint32_t master = 0;  // see Layer
    std::vector<base::IpAddress> addresses;
    std::vector<base::IpAddress> network_addresses = {};  // first and last of the networks that it is in: no single host's
    std::uint32_t shares = 0;                             // see Layer

    bool operator==(const Device&) const = default;
};

// By index.
base::Result<std::vector<Device>> read_devices();
std::vector<Device> devices_of(const ifaddrs* list);  // as getifaddrs(3) gives it, so without layers

// Bytes before the IP header in packets at such a device; nothing for link layers that the programs do not know.
std::optional<std::uint8_t> header_size(std::uint16_t type);

// The addresses for translated sources: the first of each family that others can answer to.
md_device describe(const Device& device);

}  // namespace meshd::forwarding
