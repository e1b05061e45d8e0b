// SPDX-License-Identifier: Apache-2.0
#include "exporters/gzip.hpp"

#include <zlib.h>

namespace meshd::exporters {

base::Result<std::string> gzip(std::string_view text) {
    constexpr int gzip_window = 15 + 16;  // zlib's way to say: the largest window, and gzip's header
    constexpr int memory = 8;
    z_stream stream{};
    // Fast: flows compress to a tenth at any level.
    if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window, memory, Z_DEFAULT_STRATEGY) != Z_OK)
        return base::fail({"compress", "a request", 0, "zlib has no memory", {}});
    std::string packed(::deflateBound(&stream, text.size()), '\0');
    // zlib's interface knows no const; it does not write there.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const auto outcome = ::deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (outcome != Z_STREAM_END) return base::fail({"compress", "a request", 0, "zlib failed", {}});
    return packed;
}

}  // namespace meshd::exporters
