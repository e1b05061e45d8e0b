// SPDX-License-Identifier: Apache-2.0
// Tells that devices or addresses of this host have changed, not what: whoever is told looks at all of them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"

namespace meshd::forwarding {

class DeviceWatch {
public:
    // `on_change` is called some milliseconds after a change, once for many that come together; also when the kernel had more to
    // tell than there was room for. While changes go on it is called seldom enough to take a tenth of the time at most.
    static base::Result<std::unique_ptr<DeviceWatch>> start(boost::asio::io_context& io, std::function<void()> on_change);

private:
    DeviceWatch(boost::asio::io_context& io, int fd, std::function<void()> on_change);
    void wait();
    void drain();

    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer settle_;
    std::function<void()> on_change_;
    bool settling_ = false;
    std::chrono::steady_clock::time_point rest_until_;
};

}  // namespace meshd::forwarding
