// SPDX-License-Identifier: Apache-2.0
// libcurl's multi interface driven by a loop of Asio: it tells which sockets and which time-out it waits for.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "web/curl.hpp"

namespace meshd::web {

class CurlLoop {
public:
    using Done = std::function<void(CURL* easy, CURLcode code)>;

    // `done` is called for each request that ends by itself, never from within libcurl; it has to remove() it.
    CurlLoop(boost::asio::io_context& io, Done done);
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;
    ~CurlLoop();  // after the last remove()

    // True while libcurl runs, and with it callbacks of requests: add() and remove() are not allowed then.
    [[nodiscard]] bool is_inside() const { return inside_; }
    [[nodiscard]] bool add(CURL* easy);
    void remove(CURL* easy) { ::curl_multi_remove_handle(multi_.get(), easy); }

private:
    struct Watch;

    static int on_socket(CURL* easy, curl_socket_t socket, int what, void* context, void*);
    static int on_timer(CURLM* multi, long after_ms, void* context);
    int watch(curl_socket_t socket, int what);
    void wait(const std::shared_ptr<Watch>& watch);
    void wait_for(const std::shared_ptr<Watch>& watch, int direction);
    void act(const std::shared_ptr<Watch>& watch, int direction, bool failed);
    void act(curl_socket_t socket, int events);

    boost::asio::io_context& io_;
    Done done_;
    bool inside_ = false;
    std::shared_ptr<boost::asio::steady_timer> timer_;
    std::map<curl_socket_t, std::shared_ptr<Watch>> watches_;
    CurlMulti multi_;  // calls on_socket() while it is destroyed
};

}  // namespace meshd::web
