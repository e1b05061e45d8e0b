// SPDX-License-Identifier: Apache-2.0
// What the API server says beside objects: events of a watch, and why it refuses. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "registry/intake.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::kubernetes {

struct Status {
    std::int64_t code = 0;  // of HTTP; 0: not told
    std::string reason;     // "Expired"
    std::string message;

    [[nodiscard]] std::string text() const;
};

Status status_of(const boost::json::object& object);

// Type and object of a watch's event; null when it is not one.
std::pair<std::string_view, const boost::json::object*> event_of(const boost::json::object& event);

// metadata.continue of a list: empty when this was its last page.
std::string continue_of(const boost::json::object& list);

// What was asked for, to tell how to get it.
struct Asked {
    std::string resource;    // "services"
    std::string group;       // of its API, empty for the core
    std::string token_from;  // file
};

struct Refusal {
    Failure kind = Failure::server;
    base::Error error;
    std::chrono::milliseconds least_wait{0};  // the server wants so much
};

Refusal refusal_of(const web::AsyncResponse& response, const Asked& asked);

}  // namespace meshd::registry::kubernetes
