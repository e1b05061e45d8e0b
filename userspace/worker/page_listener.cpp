// SPDX-License-Identifier: Apache-2.0
#include "worker/page_listener.hpp"

#include <spdlog/spdlog.h>

namespace meshd::worker {

namespace {

constexpr std::uint64_t longest_body = 1024;  // pages only show: nobody has anything to send

}  // namespace

void PageListener::listen_at(const std::optional<base::SocketAddress>& address) {
    if (wanted_ == address && (server_ || !address)) return;
    wanted_ = address;
    server_.reset();
    error_.clear();
    retry_.cancel();
    if (wanted_) {
        try_listen();
    } else {
        on_change_();
    }
}

void PageListener::try_listen() {
    auto server = http::Server::listen(context_, *wanted_, handler_, {.body_bytes = longest_body});
    if (server) {
        server_ = std::move(*server);
        error_.clear();
        spdlog::info("{} http://{}{}", words_.served_at, address(), words_.path);
        on_change_();
        return;
    }
    const auto message = server.error().message();
    if (message != error_) {  // once, not for each attempt
        spdlog::error("{}; trying again every {} ms", message, retry_time_.count());
        error_ = message;
        on_change_();
    }
    retry_.expires_after(retry_time_);
    retry_.async_wait([this](boost::system::error_code ec) {
        if (!ec && wanted_ && !server_) try_listen();
    });
}

std::string PageListener::address() const { return server_ ? server_->address().text() : std::string{}; }

}  // namespace meshd::worker
