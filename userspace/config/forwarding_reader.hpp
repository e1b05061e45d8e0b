// SPDX-License-Identifier: Apache-2.0
// Reads what meshd.yaml and a service say about forwarded packets.
#pragma once

#include <array>

#include "config/forwarding.hpp"
#include "config/mapping_reader.hpp"
#include "config/service_reader.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 5> forwarding_keys{"default", "masquerade", "no_backend", "ports", "timeouts"};

void read_devices(Document& document, const MappingReader& top, std::vector<std::string>& result);
void read_forwarding(Document& document, const MappingReader& section, Forwarding& result);

// "forward" and "affinity" of a service.
void read_forwarding(Document& document, const MappingReader& service, model::ServiceSettings& result);

// See model::find_direct_return_misfit(). After the backends were read.
void check_direct_return(Document& document, const ReadService& service);

}  // namespace meshd::config
