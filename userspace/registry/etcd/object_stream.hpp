// SPDX-License-Identifier: Apache-2.0
// Takes a stream of JSON objects apart, wherever it was cut on its way.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/stream_parser.hpp>

#include "base/error.hpp"

namespace meshd::registry::etcd {

class ObjectStream {
public:
    // etcd cuts what it sends into parts of about 2 MiB (`fragment`).
    static constexpr std::size_t max_object = std::size_t{64} << 20;  // bytes

    // Calls `take` for each object that is complete with this piece, until it says false: what is behind it is not looked at.
    // After an error nothing more may be fed.
    base::Result<void> feed(std::string_view piece, const std::function<bool(const boost::json::object&)>& take);

private:
    boost::json::stream_parser parser_;
    std::size_t bytes_ = 0;  // of the object that is under way
};

}  // namespace meshd::registry::etcd
