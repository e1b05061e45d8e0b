// SPDX-License-Identifier: Apache-2.0
// GET /v1/features: how the agent decided on this kernel, by what it decided with. Nothing is tried out for the answer.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "acceleration/verdict.hpp"
#include "app/context.hpp"

namespace meshd::app {

enum class Use : std::uint8_t {
    used,
    replaced,  // by something lesser
    missing,   // and nothing is in its place
    idle,      // nothing asks for it, so it was not tried
};

struct DeviceUse {
    std::string device;
    bool is_link = false;
};

// What the decisions were made with.
struct Decisions {
    bool has_errno = false, has_coarse_clock = false;
    std::set<std::string> attached;  // programs, by name
    std::vector<DeviceUse> devices;
    config::AccelerationMode mode = config::AccelerationMode::off;
    acceleration::Verdict verdict;
    bool are_sockets_tried = false;
    std::string no_lists, no_destroy;                     // why not; empty: they work
    bool ends_by_programs = false;                        // sockets
    std::set<std::string> walked;                         // maps
    model::KernelTls kernel_tls = model::KernelTls::off;  // as it is asked for
    std::optional<ktls::Verdict> kernel_tls_verdict;      // nothing: it was not tried
};

Decisions decisions_of(const Context& context);

// One row for each of model::kernel_features: {"name", "use", "since", "state", "detail", "cost"}.
boost::json::array feature_rows(const Decisions& decisions);

boost::json::object features_json(const Context& context);

}  // namespace meshd::app
