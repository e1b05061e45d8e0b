// SPDX-License-Identifier: Apache-2.0
// The routes of the control socket: who may ask what, and what a question must look like.
#pragma once

#include <optional>

#include <sys/types.h>

#include "control/agent_view.hpp"
#include "http/message.hpp"

namespace meshd::control {

// Reading is for root, the agent's own user and members of the group; changing for root and the agent's own user.
struct Access {
    uid_t agent_uid = 0;
    std::optional<gid_t> group;

    [[nodiscard]] bool may_change(const http::Peer& peer) const;
    [[nodiscard]] bool may_read(const http::Peer& peer) const;
};

class Router {
public:
    Router(Agent& agent, Access access) : agent_(agent), access_(access) {}

    // Every answer is a JSON object; what failed is {"error": {"message", "remedy"}}. Most come at once, some later.
    void handle(const http::Request& request, http::Respond respond);

    // What the picture of the mesh may ask for: some of the verbs that only read, whoever stands behind the question. Path and
    // query of the request are looked at, and nothing else.
    void show(const http::Request& request, http::Respond respond);

private:
    Agent& agent_;
    Access access_;
};

}  // namespace meshd::control
