// SPDX-License-Identifier: Apache-2.0
// What an agent of the first ABI version leaves at work: maps and links pinned under TOP/v1, with one service of one backend.
#pragma once

#include <cstdint>
#include <string>

namespace meshd::layouts {

struct Service {
    std::string name;
    std::string address;  // IPv4
    std::uint16_t port = 0;
    std::string backend_address;
    std::uint16_t backend_port = 0;
};

inline constexpr std::uint32_t first_service_id = 5;
inline constexpr std::uint32_t first_backend_id = 77;

// Loads the maps and programs of then, fills them, attaches them to the cgroup and pins all. Throws with what went wrong.
void pin_first_layout(const std::string& top, const std::string& cgroup, const Service& service);

}  // namespace meshd::layouts
