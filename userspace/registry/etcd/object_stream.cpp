// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/object_stream.hpp"

#include <string>

namespace meshd::registry::etcd {

namespace {

tl::unexpected<base::Error> refuse(std::string why) { return base::fail({"read", "the stream", 0, std::move(why), {}}); }

}  // namespace

base::Result<void> ObjectStream::feed(std::string_view piece, const std::function<bool(const boost::json::object&)>& take) {
    while (true) {
        if (bytes_ == 0) piece.remove_prefix(std::min(piece.find_first_not_of(" \t\r\n"), piece.size()));
        if (piece.empty()) return {};
        boost::system::error_code ec;
        const auto taken = parser_.write_some(piece.data(), piece.size(), ec);
        if (ec) return refuse("it is not JSON: " + ec.message());
        bytes_ += taken;
        if (bytes_ > max_object) return refuse("an object in it has more than " + std::to_string(max_object) + " bytes");
        piece.remove_prefix(taken);
        if (!parser_.done()) continue;
        const auto value = parser_.release();
        parser_.reset();
        bytes_ = 0;
        const auto* const object = value.if_object();
        if (object == nullptr) return refuse("there is something other than objects in it");
        if (!take(*object)) return {};
    }
}

}  // namespace meshd::registry::etcd
