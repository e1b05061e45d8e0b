// SPDX-License-Identifier: Apache-2.0
// One blocking HTTP request over a unix socket.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"

namespace meshd::http {

class Client {
public:
    explicit Client(std::string socket_path, std::chrono::milliseconds timeout = std::chrono::seconds(30))
        : socket_path_(std::move(socket_path)), timeout_(timeout) {}

    // `target` is what stands in the request line: path and query, encoded. Any answer is a Response, whatever its status. An
    // Error means that no answer came; its code tells why: ENOENT (no socket), ECONNREFUSED (nobody listens), EACCES (not allowed
    // to connect), ETIMEDOUT (no whole answer within the timeout), EPROTO (what came was not HTTP), or another errno of the
    // connection.
    [[nodiscard]] base::Result<Response> request(std::string_view method, std::string_view target, std::string body = {}) const;

    [[nodiscard]] const std::string& socket_path() const { return socket_path_; }

private:
    std::string socket_path_;
    std::chrono::milliseconds timeout_;
};

}  // namespace meshd::http
