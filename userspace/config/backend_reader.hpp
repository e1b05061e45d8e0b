// SPDX-License-Identifier: Apache-2.0
// Reads the backends of one service and gives each of its ports its own list of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <meshd/maps.h>

#include "config/service_reader.hpp"

namespace meshd::config {

inline constexpr Range port_range{1, 65535};
inline constexpr std::size_t max_ports = 256;              // of one service; compared with each other one by one
inline constexpr std::size_t max_backends = MD_MAX_SLOTS;  // of one service: each needs a slot of its table

struct PortDraft {
    Mark mark;
    std::string name;
    std::uint16_t number = 0;
    std::uint16_t target = 0;     // the port of a backend that names none
    std::uint16_t node_port = 0;  // 0: none
    base::Protocol protocol = base::Protocol::tcp;
};

// One that somebody can connect to; else it is refused.
std::optional<base::IpAddress> read_unicast_address(Document& document, Value value, std::string_view label = "\"address\"");

bool is_broadcast(const base::IpAddress& address);  // 255.255.255.255

// Fills result.service.ports and result.backends. The ports must have passed their own checks.
void read_backends(Document& document, Value list, std::vector<PortDraft>& ports, ReadService& result);

}  // namespace meshd::config
