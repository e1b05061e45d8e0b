// SPDX-License-Identifier: Apache-2.0
#include "config/service_settings_reader.hpp"

#include <array>

#include "config/acceleration_reader.hpp"
#include "config/balancing_reader.hpp"
#include "config/drain_reader.hpp"
#include "config/forwarding_reader.hpp"
#include "config/health_reader.hpp"
#include "config/policy_reader.hpp"
#include "config/tls_reader.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 11> keys{"service",  "balancing", "subsets", "when_no_backend", "acceleration", "forward",
                                                "affinity", "limits",    "drain",   "health",          "tls"};
constexpr std::array<std::string_view, 2> no_backend_policies{"refuse", "unreachable"};

}  // namespace

void read_settings(Document& document, const MappingReader& object, bool is_whole, model::ServiceSettings& result) {
    read_balancing(document, object, is_whole, result.balancing);
    read_subsets(document, object, result.subsets);
    object.given("when_no_backend", result.when_no_backend, [&](auto key, auto& policy) {
        return object.choice(key, policy, no_backend_policies, model::parse_when_no_backend);
    });
    if (object.has("acceleration")) read_acceleration(document, object, result.acceleration.emplace());
    read_forwarding(document, object, result);
    read_limits(document, object, result.limits);
    read_drain(document, object, result.drain);
    read_health(document, object, result.health);
    read_service_tls(document, object, is_whole, result.tls);
}

model::ServiceSettings read_service_settings(Document& document, Value value) {
    model::ServiceSettings result;
    MappingReader object(document, value, "an item of \"service_settings\"", keys);
    if (!object.require("service") || !object.text("service", result.service)) return result;
    const auto service = object.find("service");
    if (!model::is_service_name(result.service)) refuse_value(document, service, "\"service\"", "the name of a service");
    if (value.size() == 2)  // a key and its value
        document.refuse(value.mark(), "an item of \"service_settings\" says nothing beside \"service\"",
                        "give one of " + join(std::span(keys).subspan(1), "or"));
    result.place = place(document.file_name(), service.mark());
    read_settings(document, object, false, result);
    return result;
}

}  // namespace meshd::config
