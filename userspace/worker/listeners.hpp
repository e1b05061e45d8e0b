// SPDX-License-Identifier: Apache-2.0
// The listening sockets of the relay, which belong to the agent: they come one by one and count when a set is complete.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::worker {

class Listeners {
public:
    // "outbound" or "inbound", and all sockets of that name: those of before are no longer to be used. Empty: there are none.
    using Handler = std::function<void(const std::string& name, std::vector<base::UniqueFd> sockets)>;
    // No more will come.
    using OnEnd = std::function<void()>;

    // `socket`: of kind SOCK_SEQPACKET, with the agent at its other end.
    Listeners(
        boost::asio::io_context& io, base::UniqueFd socket, Handler handler, OnEnd on_end = [] {});

    void start();

    // One message with what came along with it. An error: it makes no sense, and changes nothing.
    base::Result<void> take(std::string_view text, base::UniqueFd listener);

private:
    struct Set {
        std::vector<base::UniqueFd> sockets;  // by index
        std::size_t there = 0;
    };
    void wait();
    bool receive();  // false: nothing is there, or will come any more

    boost::asio::posix::stream_descriptor socket_;
    Handler handler_;
    OnEnd on_end_;
    std::map<std::string, Set> coming_;
};

}  // namespace meshd::worker
