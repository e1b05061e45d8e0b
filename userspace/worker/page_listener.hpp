// SPDX-License-Identifier: Apache-2.0
// An HTTP server of the worker at an address that the settings name, which may be in use and may change.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/address.hpp"
#include "http/server.hpp"

namespace meshd::worker {

// Everything runs on the thread of the loop.
class PageListener {
public:
    // For the log: "metrics are served at" http://ADDRESS "/metrics".
    struct Words {
        std::string served_at, path;
    };

    // `on_change`: address() or error() is another.
    PageListener(boost::asio::io_context& context, Words words, http::AsyncHandler handler, std::function<void()> on_change,
                 std::chrono::milliseconds retry)
        : context_(context),
          words_(std::move(words)),
          handler_(std::move(handler)),
          on_change_(std::move(on_change)),
          retry_time_(retry),
          retry_(context) {}
    PageListener(const PageListener&) = delete;
    PageListener& operator=(const PageListener&) = delete;

    // Where to listen from now on; nothing: nowhere. An address that cannot be had is tried again and again.
    void listen_at(const std::optional<base::SocketAddress>& address);

    [[nodiscard]] std::string address() const;  // with the real port; empty when nothing is served
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    void try_listen();

    boost::asio::io_context& context_;
    Words words_;
    http::AsyncHandler handler_;
    std::function<void()> on_change_;
    std::chrono::milliseconds retry_time_;
    std::optional<base::SocketAddress> wanted_;
    std::unique_ptr<http::Server> server_;
    boost::asio::steady_timer retry_;
    std::string error_;
};

}  // namespace meshd::worker
