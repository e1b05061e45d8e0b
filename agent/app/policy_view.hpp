// SPDX-License-Identifier: Apache-2.0
// Answers of GET /v1/policy and GET /v1/policy/check.
#pragma once

#include <boost/json/object.hpp>

#include "app/context.hpp"
#include "control/agent_view.hpp"

namespace meshd::app {

base::Result<boost::json::object> policy_view(const Context& context);
base::Result<boost::json::object> policy_check(const Context& context, const control::PolicyQuery& query);

}  // namespace meshd::app
