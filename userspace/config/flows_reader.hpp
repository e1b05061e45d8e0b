// SPDX-License-Identifier: Apache-2.0
// Reads what meshd.yaml says about flows, and where they are told of.
#pragma once

#include <array>
#include <string_view>

#include "config/forwarding.hpp"
#include "config/mapping_reader.hpp"
#include "model/flow_export.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 5> flows_keys{"enabled", "devices", "response_time", "log", "otlp"};
inline constexpr std::size_t max_export_headers = 32;

void read_flows(const MappingReader& section, Flows& result);
// "log" and "otlp" of the section.
void read_flow_export(Document& document, const MappingReader& section, model::FlowExport& result);

}  // namespace meshd::config
