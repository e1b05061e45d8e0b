// SPDX-License-Identifier: Apache-2.0
// The agent as a command sees it: questions to its control socket, and answers that are JSON objects.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "failure.hpp"
#include "http/client.hpp"
#include "value.hpp"

namespace meshd::meshctl {

class Agent {
public:
    explicit Agent(std::string socket_path, std::chrono::milliseconds timeout = std::chrono::seconds(30))
        : client_(std::move(socket_path), timeout) {}

    [[nodiscard]] Result<json::object> get(std::string_view target) const { return ask("GET", target, {}); }
    [[nodiscard]] Result<json::object> post(std::string_view target, const json::object& body) const {
        return ask("POST", target, json::serialize(body));
    }
    [[nodiscard]] Result<json::object> post(std::string_view target) const { return ask("POST", target, {}); }
    [[nodiscard]] Result<json::object> put(std::string_view target, const json::object& body) const {
        return ask("PUT", target, json::serialize(body));
    }
    [[nodiscard]] Result<json::object> remove(std::string_view target) const { return ask("DELETE", target, {}); }

private:
    [[nodiscard]] Result<json::object> ask(std::string_view method, std::string_view target, std::string body) const;

    http::Client client_;
};

}  // namespace meshd::meshctl
