// SPDX-License-Identifier: Apache-2.0
// A value of a file as JSON, for what takes no YAML.
#pragma once

#include <boost/json/value.hpp>

#include "config/tree.hpp"

namespace meshd::config {

// Numbers, true, false and null where they stand without quotes; any other scalar is text, as it is written.
boost::json::value to_json(Value value);

}  // namespace meshd::config
