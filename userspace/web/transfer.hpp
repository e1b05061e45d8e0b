// SPDX-License-Identifier: Apache-2.0
// One request of the asynchronous client, as libcurl knows it.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include <boost/asio/steady_timer.hpp>

#include "web/async_client.hpp"
#include "web/curl.hpp"

namespace meshd::web {

class Transfer {
public:
    using Clock = std::chrono::steady_clock;

    Transfer(boost::asio::io_context& io, std::uint64_t id, AsyncRequest request, AsyncClient::Handler handler);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // Without it the request cannot be made: it says why.
    [[nodiscard]] std::optional<AsyncError> set_up();
    [[nodiscard]] static Transfer& of(CURL* easy);
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] CURL* easy() const { return easy_.get(); }

    // No callback of the request is called any more.
    void give_up() { given_up_ = true; }
    [[nodiscard]] bool given_up() const { return given_up_; }

    // What libcurl's word at the end means.
    [[nodiscard]] tl::expected<AsyncResponse, AsyncError> result(CURLcode code);
    [[nodiscard]] AsyncError silent() const;

    [[nodiscard]] std::chrono::milliseconds silence() const { return request_.silence; }
    [[nodiscard]] Clock::time_point last_byte() const { return last_byte_; }
    [[nodiscard]] boost::asio::steady_timer& timer() { return timer_; }
    [[nodiscard]] AsyncClient::Handler take_handler() { return std::move(handler_); }

private:
    static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* context);
    static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* context);
    bool take_header(std::string_view line);
    bool take_body(std::string_view piece);
    [[nodiscard]] bool set_url();
    [[nodiscard]] AsyncError error(CURLcode code) const;

    std::uint64_t id_;
    AsyncRequest request_;
    AsyncClient::Handler handler_;
    boost::asio::steady_timer timer_;
    Clock::time_point last_byte_ = Clock::now();
    bool given_up_ = false;

    AsyncResponse response_;
    std::size_t header_bytes_ = 0;
    bool enough_ = false;    // said its stream
    bool too_much_ = false;  // came

    std::array<char, CURL_ERROR_SIZE> explanation_{};
    CurlList headers_;
    CurlList connect_to_;
    CurlEasy easy_;
};

}  // namespace meshd::web
