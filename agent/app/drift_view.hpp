// SPDX-License-Identifier: Apache-2.0
// GET /v1/drift: where what registries say, what the agent wants and what the kernel's maps hold are not the same.
#pragma once

#include <boost/json/object.hpp>

#include "app/context.hpp"

namespace meshd::app {

boost::json::object drift_json(const Context& context);

}  // namespace meshd::app
