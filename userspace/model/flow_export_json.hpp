// SPDX-License-Identifier: Apache-2.0
// What the agent tells its worker of exports.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "model/flow_export.hpp"

namespace meshd::model {

boost::json::object to_json(const FlowExport& flow_export);
base::Result<FlowExport> flow_export_from_json(const boost::json::value& value);

}  // namespace meshd::model
