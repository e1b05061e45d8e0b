// SPDX-License-Identifier: Apache-2.0
// Events of flows as log records of OpenTelemetry, in the JSON encoding of OTLP: docs/flows.md has the attributes. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace meshd::exporters {

// One log record. `event` is what the control socket shows.
std::string otlp_record(const boost::json::object& event);

// The beginning of a request, up to its first record: who sends it.
std::string otlp_head(std::string_view host_name);
// A whole request: records with commas between them.
std::string otlp_request(std::string_view head, std::span<const std::string> records);

// How many records an answer of 200 says were rejected, and why. Nothing to be read counts as none.
struct Rejected {
    std::uint64_t records = 0;
    std::string why;
};
Rejected otlp_rejected(std::string_view answer);

}  // namespace meshd::exporters
