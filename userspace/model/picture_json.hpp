// SPDX-License-Identifier: Apache-2.0
// The JSON form of model/picture.hpp. The decoder believes nothing and names the field that breaks a rule.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "base/error.hpp"
#include "model/picture.hpp"

namespace meshd::model {

// {"listen", "token_file", "hosts"}
boost::json::object to_json(const PictureSettings& picture);
base::Result<PictureSettings> picture_from_json(const boost::json::value& value, const std::string& where);

}  // namespace meshd::model
