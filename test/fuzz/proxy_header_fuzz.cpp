// SPDX-License-Identifier: Apache-2.0
// What a peer sends first in a relayed connection.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "relay/proxy_header.hpp"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace meshd::relay;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto parsed = parse_proxy_header(bytes);
    if (!parsed) {
        require(!parsed.error().message().empty());
        return 0;
    }
    if (!*parsed) {
        require(size < max_proxy_header);
        return 0;
    }
    const auto& [header, length] = **parsed;
    require(length <= size && length <= max_proxy_header);
    for (std::size_t less = 0; less < length; ++less) {
        const auto part = parse_proxy_header(bytes.substr(0, less));
        require(part && !*part);
    }
    const auto again = parse_proxy_header(to_wire(header));
    require(again && *again && (*again)->header == header);
    return 0;
}
