// SPDX-License-Identifier: Apache-2.0
// What the agent tells of listeners for clients from outside.
#pragma once

#include <boost/json/object.hpp>

#include "app/context.hpp"

namespace meshd::app {

boost::json::object edge_json(const Context& context);

}  // namespace meshd::app
