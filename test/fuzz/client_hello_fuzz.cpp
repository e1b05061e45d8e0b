// SPDX-License-Identifier: Apache-2.0
// What a client of an edge listener sends first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "relay/client_hello.hpp"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_printable(unsigned char letter) { return letter > 0x20 && letter < 0x7f && (letter < 'A' || letter > 'Z'); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace meshd::relay;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto parsed = parse_client_hello(bytes);
    if (!parsed) {
        require(!parsed.error().message().empty());
        return 0;
    }
    if (!*parsed) {
        require(size < max_client_hello);
        return 0;
    }
    const auto& hello = **parsed;
    require(hello.server_name.size() <= 255 && std::all_of(hello.server_name.begin(), hello.server_name.end(), is_printable));
    for (const auto& protocol : hello.protocols) require(!protocol.empty() && protocol.size() <= 255);
    // What comes behind it changes nothing, and no part of it says something else.
    const auto more = parse_client_hello(std::string(bytes.substr(0, max_client_hello)) + "x");
    require(more && *more && **more == hello);
    for (std::size_t less = 0; less < std::min<std::size_t>(size, 512); ++less) {
        const auto part = parse_client_hello(bytes.substr(0, less));
        require(part && (!*part || **part == hello));
    }
    return 0;
}
