// SPDX-License-Identifier: Apache-2.0
// Requests to HTTP servers elsewhere, by libcurl. One request after the other, on the connection of the one before where the
// server keeps it open.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace meshd::web {

struct Request {
    std::string method = "GET";
    std::string url;  // http or https
    std::map<std::string, std::string> headers;
    std::string body;
    std::string ca;  // https: file of the certificates, in PEM, that may have signed the server's; no others are believed
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds timeout{10000};        // of all of it
    std::size_t max_answer = std::size_t{64} << 10;  // bytes of a body; what is behind them is not read
};

struct Response {
    long status = 0;
    std::string body;
    std::optional<std::chrono::seconds> retry_after;
};

// request() belongs to one thread and blocks it.
class Client {
public:
    Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    // Any answer of HTTP is a response; redirections are not followed.
    base::Result<Response> request(const Request& request);

    // From any thread: the request under way fails at once, and so does every later one.
    void abort();
    [[nodiscard]] bool aborted() const { return aborted_; }

private:
    struct Free {
        void operator()(void* easy) const;
    };
    struct FreeMulti {
        void operator()(void* multi) const;
    };

    [[nodiscard]] base::Result<void> run(const Request& request, const char* explanation, const bool& answer_is_cut);

    std::atomic<bool> aborted_ = false;
    std::unique_ptr<void, FreeMulti> multi_;
    std::unique_ptr<void, Free> easy_;  // CURL*; keeps what it needs of earlier requests
};

}  // namespace meshd::web
