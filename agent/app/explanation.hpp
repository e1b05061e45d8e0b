// SPDX-License-Identifier: Apache-2.0
// Which backend a connection would be given and why, asked of the datapath's own code.
#pragma once

#include <boost/json/object.hpp>

#include "app/context.hpp"
#include "control/agent_view.hpp"

namespace meshd::app {

base::Result<boost::json::object> explanation(const Context& context, const control::ExplainQuery& query);

}  // namespace meshd::app
