// SPDX-License-Identifier: Apache-2.0
// What the agent tells its worker of registries.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "model/registries.hpp"

namespace meshd::model {

boost::json::object to_json(const Registries& registries);
base::Result<Registries> registries_from_json(const boost::json::value& value);

}  // namespace meshd::model
