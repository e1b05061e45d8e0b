// SPDX-License-Identifier: Apache-2.0
// A server with Consul's blocking queries, whose answers a test sets.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../../web/http_server.hpp"
#include "../../worker/loop.hpp"

namespace meshd::registry::consul {

class FakeConsul {
public:
    explicit FakeConsul(boost::asio::io_context& io) : io_(io) { start(); }

    // Under its path without "index" and "wait".
    void set(const std::string& path, const std::string& body, const std::string& status = "200 OK") {
        auto& thing = things_[path];
        thing = {++index_, body, status};
        for (auto& held : std::exchange(held_, {})) answer(held);
    }
    void headers(const std::string& more) { headers_ = more; }
    // It has lost its data, or another one answers.
    void set_index(std::uint64_t index) {
        index_ = index;
        for (auto& [path, thing] : things_) thing.index = index;
    }
    void release_held() {
        for (auto& held : std::exchange(held_, {})) say(held, path_of(held->target()));
    }
    void stop() {
        held_.clear();
        server_.reset();
    }
    void start(const std::string& address = "127.0.0.1:0") {
        server_.emplace(
            io_,
            [this](const std::shared_ptr<HttpServer::Exchange>& exchange) {
                requests.push_back(exchange->target());
                tokens.push_back(header(exchange->request, "X-Consul-Token: "));
                answer(exchange);
            },
            address);
    }
    [[nodiscard]] std::string url() const { return server_->url(); }
    [[nodiscard]] std::size_t held() const { return held_.size(); }
    // Requests without an index.
    [[nodiscard]] std::size_t count(const std::string& path) const {
        return static_cast<std::size_t>(std::count(requests.begin(), requests.end(), path));
    }
    [[nodiscard]] std::size_t count_any(const std::string& path) const {
        return static_cast<std::size_t>(
            std::count_if(requests.begin(), requests.end(), [&](const auto& request) { return path_of(request) == path; }));
    }

    std::vector<std::string> requests, tokens;

private:
    struct Thing {
        std::uint64_t index = 0;
        std::string body, status;
    };
    using ExchangePtr = std::shared_ptr<HttpServer::Exchange>;

    static std::string header(const std::string& request, const std::string& name) {
        const auto at = request.find(name);
        return at == std::string::npos ? "" : request.substr(at + name.size(), request.find('\r', at) - at - name.size());
    }
    static std::string path_of(const std::string& target) {
        const auto at = target.find("index=");
        return at == std::string::npos ? target : target.substr(0, at - 1);
    }
    static std::uint64_t index_of(const std::string& target) {
        const auto at = target.find("index=");
        return at == std::string::npos ? 0 : std::stoull(target.substr(at + 6));
    }
    void answer(const ExchangePtr& exchange) {
        const auto asked = index_of(exchange->target());
        const auto path = path_of(exchange->target());
        if (asked != 0 && things_.contains(path) && asked >= things_[path].index)
            held_.push_back(exchange);
        else
            say(exchange, path);
    }
    void say(const ExchangePtr& exchange, const std::string& path) {
        const auto found = things_.find(path);
        if (found == things_.end()) return exchange->answer("not here", "400 Bad Request");
        const auto& thing = found->second;
        exchange->answer(thing.body, thing.status,
                         headers_ ? *headers_ : "X-Consul-Index: " + std::to_string(thing.index) + "\r\n");
    }

    boost::asio::io_context& io_;
    std::uint64_t index_ = 10;
    std::optional<std::string> headers_;
    std::map<std::string, Thing> things_;
    std::vector<ExchangePtr> held_;
    std::optional<HttpServer> server_;
};

}  // namespace meshd::registry::consul
