// SPDX-License-Identifier: Apache-2.0
// The JSON form of an announcement, in which the agent gives it to its worker.
#pragma once

#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "model/announcement.hpp"

namespace meshd::model {

boost::json::object to_json(const Announcement& announcement);

// Believes nothing: what is missing or out of its range is an error that names the member below `where`.
base::Result<Announcement> announcement_from_json(const boost::json::value& value, const std::string& where);

}  // namespace meshd::model
