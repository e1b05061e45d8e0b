// SPDX-License-Identifier: Apache-2.0
#include "channel/frame_reader.hpp"

#include <algorithm>
#include <string>

#include <boost/json.hpp>

#include "channel/channel.hpp"

namespace meshd::channel {

namespace json = boost::json;

base::Result<std::optional<json::object>> FrameReader::next(std::string_view& bytes) {
    while (have_ < header_size && !bytes.empty()) {
        header_[have_++] = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        if (have_ < header_size) continue;
        if (auto begun = begin(); !begun) return tl::make_unexpected(begun.error());
    }
    if (have_ < header_size) return std::nullopt;

    const auto offset = have_ - header_size;
    const auto part = bytes.substr(0, std::min(bytes.size(), length_ - offset));
    if (!part.empty()) {
        boost::system::error_code ec;
        const auto taken = parser_->write_some(part.data(), part.size(), ec);
        if (ec) return bad(offset + taken, ec.message());
        if (taken < part.size()) return bad(offset + taken, "something stands behind the object");
        have_ += part.size();
        bytes.remove_prefix(part.size());
    }
    if (have_ < header_size + length_) return std::nullopt;
    auto object = finish();
    if (!object) return tl::make_unexpected(object.error());
    return std::optional<json::object>(std::move(*object));
}

base::Result<void> FrameReader::begin() {
    length_ = 0;
    for (const auto byte : header_) length_ = (length_ << 8) | byte;
    if (length_ > max_frame)
        return bad(0,
                   "its length is " + std::to_string(length_) + " bytes, at most " + std::to_string(max_frame) + " are allowed");
    if (length_ == 0) return bad(0, "it is empty");
    json::parse_options options;
    options.max_depth = max_depth;
    parser_.emplace(json::storage_ptr{}, options);
    // Everything that is parsed goes into a few blocks, which are freed together with the message.
    parser_->reset(json::make_shared_resource<json::monotonic_resource>(std::max<std::size_t>(length_, 1024)));
    return {};
}

base::Result<json::object> FrameReader::finish() {
    boost::system::error_code ec;
    parser_->finish(ec);
    if (ec) return bad(length_, ec.message());
    auto value = parser_->release();
    parser_.reset();
    if (!value.is_object()) return bad(0, "it is not an object");
    have_ = 0;
    ++frame_;
    return std::move(value.get_object());
}

tl::unexpected<base::Error> FrameReader::bad(std::size_t offset, std::string_view why) const {
    return base::fail(
        {"read", "frame " + std::to_string(frame_) + " at byte " + std::to_string(offset), 0, std::string(why), {}});
}

}  // namespace meshd::channel
