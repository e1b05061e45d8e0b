// SPDX-License-Identifier: Apache-2.0
// JSON values written as YAML, for people: block style, text in quotes only where a reader would take it for something else.
#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace meshd::config {

// One document, ending with a line feed. Reads back as the same value.
std::string to_yaml(const boost::json::value& value);

}  // namespace meshd::config
