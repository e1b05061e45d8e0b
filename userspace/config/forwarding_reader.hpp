// SPDX-License-Identifier: Apache-2.0
// Reads what meshd.yaml says about forwarded packets and flows, and what a service says about the former.
#pragma once

#include <array>

#include "config/forwarding.hpp"
#include "config/mapping_reader.hpp"
#include "config/service_reader.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 4> forwarding_keys{"default", "masquerade", "ports", "timeouts"};
inline constexpr std::array<std::string_view, 2> flows_keys{"enabled", "devices"};

void read_devices(Document& document, const MappingReader& top, std::vector<std::string>& result);
void read_forwarding(Document& document, const MappingReader& section, Forwarding& result);
void read_flows(const MappingReader& section, Flows& result);

// "forward" and "affinity" of a service.
void read_forwarding(Document& document, const MappingReader& service, model::Service& result);

// Direct server return leaves a packet as it is, so a backend must listen where the client believes to send to. After the
// backends were read.
void check_direct_return(Document& document, const ReadService& service);

}  // namespace meshd::config
