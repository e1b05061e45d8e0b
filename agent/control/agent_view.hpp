// SPDX-License-Identifier: Apache-2.0
// The agent as its control socket sees it. The router has checked every argument before it calls; each object that is returned is
// the whole answer, in the form that docs/api.md shows. All calls come on the thread of the agent's loop.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "config/settings.hpp"
#include "model/service.hpp"

namespace meshd::control {

struct ExplainQuery {
    base::SocketAddress destination;  // port is never 0
    base::Protocol protocol = base::Protocol::tcp;
    std::optional<base::IpAddress> from;  // the address that the application's socket is bound to, when that was given
};

struct PauseQuery {
    std::optional<std::string> service;            // nothing: the whole node
    std::optional<std::chrono::seconds> duration;  // 1 s to 24 h; nothing: until resumed
};

// A Result that is an error becomes status 409 when its code is EBUSY (the agent's state does not allow it now) and 500
// otherwise.
class Agent {
public:
    Agent() = default;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    virtual ~Agent() = default;

    virtual boost::json::object version() = 0;
    virtual boost::json::object status() = 0;
    virtual base::Result<boost::json::object> services() = 0;
    // {"service": …}, or nothing when there is no service of that name.
    virtual base::Result<std::optional<boost::json::object>> service(std::string_view name) = 0;
    virtual base::Result<boost::json::object> backends() = 0;
    virtual boost::json::object drift() = 0;
    virtual base::Result<boost::json::object> maps() = 0;
    virtual base::Result<boost::json::object> explain(const ExplainQuery& query) = 0;
    // What would be done if these were the services; nothing is changed. The services are valid each and together. When they are
    // not complete, services that are not named stay.
    virtual base::Result<boost::json::object> plan(std::vector<model::Service> services, bool complete) = 0;

    // The short way between sockets of this host: whether and why it is on, and what the self-test has seen.
    virtual boost::json::object acceleration() = 0;
    virtual base::Result<boost::json::object> acceleration_top() = 0;

    virtual base::Result<boost::json::object> reconcile() = 0;
    // Connections stay; their bytes take the way of TCP. Nothing when there is no such service.
    virtual base::Result<std::optional<boost::json::object>> pause_acceleration(const PauseQuery& query) = 0;
    // Without a service: ends every pause. Nothing when there is no such service.
    virtual base::Result<std::optional<boost::json::object>> resume_acceleration(const std::optional<std::string>& service) = 0;
    // Proves anew what this kernel can do, and sets the mode by it.
    virtual base::Result<boost::json::object> selftest_acceleration() = 0;
    virtual void set_log_level(config::LogLevel level) = 0;
};

}  // namespace meshd::control
