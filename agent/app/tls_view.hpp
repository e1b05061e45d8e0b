// SPDX-License-Identifier: Apache-2.0
// What the agent tells of identities.
#pragma once

#include <cstdint>
#include <optional>

#include <boost/json/object.hpp>

#include "app/context.hpp"

namespace meshd::app {

// Fails when there is no such process.
base::Result<boost::json::object> identities_json(const Context& context, std::optional<std::int32_t> pid);

}  // namespace meshd::app
