// SPDX-License-Identifier: Apache-2.0
// An API server whose objects a test sets, on the loop of what is tested. It speaks HTTP/1.1; nothing in it checks an object.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "../../web/http_server.hpp"

namespace meshd::registry::kubernetes {

class FakeApi {
public:
    using Exchange = std::shared_ptr<HttpServer::Exchange>;
    // Answers a request in another way than usual; false: the usual one.
    using Answer = std::function<bool(const Exchange&, const std::string& kind)>;

    explicit FakeApi(boost::asio::io_context& io) : server_(io, [this](const Exchange& exchange) { take(exchange); }) {}

    std::map<std::string, std::vector<std::string>> objects;  // by kind: "services", "endpointslices", "nodes", "here"
    Answer answer;
    std::vector<std::string> requests;  // "list services", "watch nodes"
    std::vector<std::string> targets;
    std::string last_token;
    std::map<std::string, std::string> accepted;  // request to its header
    int version = 100;

    [[nodiscard]] std::string url() const { return server_.url(); }
    [[nodiscard]] long count(const std::string& request) const { return std::count(requests.begin(), requests.end(), request); }
    [[nodiscard]] bool watches(const std::string& kind) const { return watches_.contains(kind) && !watches_.at(kind)->is_gone; }

    // Of all kinds: a service and its slice, two nodes.
    static std::string list(const std::vector<std::string>& items, int version, const std::string& more = "") {
        std::string text;
        for (const auto& item : items) text += (text.empty() ? "" : ",") + item;
        return fmt::format(R"({{"kind":"List","metadata":{{"resourceVersion":"{}"{}}},"items":[{}]}})", version, more, text);
    }

    void event(const std::string& kind, const std::string& type, const std::string& object) {
        chunk(kind, fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object));
    }
    void chunk(const std::string& kind, const std::string& text) {
        watches_.at(kind)->send(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
    }
    void end_watch(const std::string& kind) { watches_.at(kind)->send("0\r\n\r\n"); }
    void break_watch(const std::string& kind) { watches_.at(kind)->end(); }

private:
    static std::string kind_of(const std::string& target) {
        const auto path = target.substr(0, target.find('?'));
        if (target.find("fieldSelector=metadata.name") != std::string::npos) return "here";
        return path.substr(path.rfind('/') + 1);
    }

    static std::string header(const std::string& request, const std::string& name) {
        const auto at = request.find(name);
        return at == std::string::npos ? "" : request.substr(at + name.size(), request.find('\r', at) - at - name.size());
    }

    void take(const Exchange& exchange) {
        const auto target = exchange->target();
        const auto kind = kind_of(target);
        const bool is_watch = target.find("watch=true") != std::string::npos;
        requests.push_back((is_watch ? "watch " : "list ") + kind);
        targets.push_back(target);
        if (const auto token = header(exchange->request, "Authorization: Bearer "); !token.empty()) last_token = token;
        accepted[requests.back()] = header(exchange->request, "Accept: ");
        if (answer && answer(exchange, kind)) return;
        if (!is_watch) return exchange->answer(list(objects[kind], version));
        exchange->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        watches_[kind] = exchange;
    }

    HttpServer server_;
    std::map<std::string, Exchange> watches_;
};

}  // namespace meshd::registry::kubernetes
