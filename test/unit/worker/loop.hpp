// SPDX-License-Identifier: Apache-2.0
// A loop that runs until a condition holds, and an HTTP client beside it.
#pragma once

#include <chrono>
#include <future>
#include <string>

#include <gtest/gtest.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "base/address.hpp"

namespace meshd {

struct Loop {
    template <typename Condition>
    bool run_until(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            context.restart();
            context.run_one_for(std::chrono::milliseconds(20));
        }
        return true;
    }

    // Runs for a while in which something must not happen.
    void run_for(std::chrono::milliseconds time) {
        context.restart();
        context.run_for(time);
    }

    boost::asio::io_context context;
};

// The whole answer, head and body; on a thread of its own, because who answers may need the loop.
inline std::future<std::string> http_get(const std::string& address, const std::string& path, const std::string& host = "x") {
    return std::async(std::launch::async, [address, path, host] {
        namespace asio = boost::asio;
        const auto target = base::SocketAddress::parse(address);
        if (!target) return "not an address: " + address;
        asio::io_context context;
        asio::ip::tcp::socket socket(context);
        boost::system::error_code ec;
        socket.connect({asio::ip::make_address(target->address.text()), target->port}, ec);
        if (ec) return "connect: " + ec.message();
        const auto request = "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
        asio::write(socket, asio::buffer(request), ec);
        std::string answer;
        asio::read(socket, asio::dynamic_buffer(answer), ec);
        return answer;
    });
}

template <typename T>
bool is_ready(const std::future<T>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

inline std::string finish(Loop& loop, std::future<std::string> answer) {
    if (!loop.run_until([&] { return is_ready(answer); })) ADD_FAILURE() << "no answer";
    return answer.get();
}

}  // namespace meshd
