// SPDX-License-Identifier: Apache-2.0
// The short way as the control socket and the metrics show it: docs/api.md in code.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "acceleration/accelerator.hpp"

namespace meshd::acceleration {

boost::json::object status_json(const Accelerator& accelerator);

// Services alone cost one pass over the pairs; `pairs` looks at the sockets of each. Only then bytes that open pairs sent by TCP
// are among those of their service.
enum class Detail : std::uint8_t { services, pairs };
base::Result<boost::json::object> top_json(const Accelerator& accelerator, const reconcile::RealizedState& realized,
                                           Detail detail);

// "tcp_backlog" without its prefix, by enum md_why.
std::string why_name(std::size_t why);

}  // namespace meshd::acceleration
