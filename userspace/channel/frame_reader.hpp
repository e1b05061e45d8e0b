// SPDX-License-Identifier: Apache-2.0
// Bytes to JSON objects, without I/O. Holds what is parsed of one frame and none of its text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/stream_parser.hpp>

#include "base/error.hpp"

namespace meshd::channel {

inline constexpr std::size_t header_size = 4;
inline constexpr std::size_t max_depth = 16;  // of nested arrays and objects; the deepest message has 8

class FrameReader {
public:
    // Takes bytes from the front of `bytes` until one message is whole (then the rest stays) or none are left. After an error the
    // stream has no meaning any more: do not call it again. The error names the frame, counted from 1, and the byte in it.
    base::Result<std::optional<boost::json::object>> next(std::string_view& bytes);

    // Whether the stream ended here would end in the middle of a frame.
    [[nodiscard]] bool in_frame() const { return have_ > 0; }

private:
    base::Result<void> begin();
    base::Result<boost::json::object> finish();
    [[nodiscard]] tl::unexpected<base::Error> bad(std::size_t offset, std::string_view why) const;

    std::array<unsigned char, header_size> header_{};
    std::size_t have_ = 0;    // bytes of the header and of the JSON that were taken
    std::size_t length_ = 0;  // of the JSON, known once the header is whole
    std::uint64_t frame_ = 1;
    std::optional<boost::json::stream_parser> parser_;  // one for each frame: its work space goes with it
};

}  // namespace meshd::channel
