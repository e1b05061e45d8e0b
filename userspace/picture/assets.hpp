// SPDX-License-Identifier: Apache-2.0
// The files of the page, which the build puts into the binary.
#pragma once

#include <string_view>
#include <vector>

namespace meshd::picture {

struct Asset {
    std::string_view path;  // "/main.js"
    std::string_view content_type;
    std::string_view body;
    std::string_view tag;  // an entity tag (RFC 9110, 8.8.3), another one for another body
};

const std::vector<Asset>& assets();

}  // namespace meshd::picture
