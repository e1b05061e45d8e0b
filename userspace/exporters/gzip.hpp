// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::exporters {

// RFC 1952.
base::Result<std::string> gzip(std::string_view text);

}  // namespace meshd::exporters
