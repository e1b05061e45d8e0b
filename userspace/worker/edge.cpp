// SPDX-License-Identifier: Apache-2.0
#include "worker/edge.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "model/edge_json.hpp"

namespace meshd::worker {

namespace json = boost::json;

namespace {

struct Target {
    std::optional<base::SocketAddress> address;
    std::string problem;  // why there is none
};

std::optional<std::uint16_t> number_of(const std::string& text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

Target target_of(const model::EdgeRoute& route, const model::ServicePtr& service) {
    if (service == nullptr) return {{}, "there is no service " + route.service};
    const auto number = number_of(route.port);
    const model::ServicePort* found = nullptr;
    std::size_t fitting = 0;
    for (const auto& port : service->ports) {
        if (port.protocol != base::Protocol::tcp) continue;
        if (!route.port.empty() && port.name != route.port && port.number != number) continue;
        if (fitting++ == 0) found = &port;
    }
    if (fitting == 1 || (fitting > 1 && !route.port.empty()))
        return {base::SocketAddress{service->addresses.front(), found->number}, {}};
    if (fitting > 1) return {{}, "service " + route.service + " has several ports; write which one (port)"};
    return {{}, "service " + route.service + " has no TCP port" + (route.port.empty() ? "" : " " + route.port)};
}

relay::EdgeRoute make_route(const model::EdgeRoute& route, const model::ServicePtr& service) {
    relay::EdgeRoute made;
    made.service = route.service;
    made.address = target_of(route, service).address;
    made.pass_through = route.pass_through;
    if (!route.alpn.empty()) made.protocols = std::make_shared<const std::string>(tls::protocol_list(route.alpn));
    made.proxy_protocol = route.proxy_protocol;
    return made;
}

std::string_view state_of(const acme::Issuer::State& one) {
    if (one.is_ordered) return "ordered";
    if (!one.problem.empty()) return "failing";
    return one.is_there ? "issued" : "waiting";
}

json::array acme_json(const model::EdgeListener& listener, const std::vector<acme::Issuer::State>& issued) {
    json::array all;
    for (const auto& certificate : listener.certificates)
        for (const auto& one : issued)
            if (one.path == certificate.files.certificate)
                all.emplace_back(json::object{{"names", json::array(one.names.begin(), one.names.end())},
                                              {"state", state_of(one)},
                                              {"renewal", base::time_text(one.next)},
                                              {"problem", one.problem}});
    return all;
}

}  // namespace

Edge::Edge(boost::asio::io_context& io, Handlers handlers)
    : handlers_(std::move(handlers)),
      store_(io,
             {.on_change =
                  [this] {
                      make();
                      handlers_.on_change();
                  },
              .on_problem = [](const std::string& listener,
                               const std::string& problem) { spdlog::error("edge: certificate of {}: {}", listener, problem); }}),
      issuer_(io, [this](const acme::Challenges::Certificates& challenges) { return answer(challenges); }) {}

void Edge::follow(const model::EdgeListeners& settings, const std::optional<model::AcmeSettings>& acme) {
    issuer_.follow(acme, settings);
    if (settings_ == settings) return;
    settings_ = settings;
    store_.follow(settings_);
    make();
}

void Edge::retire() {
    issuer_.follow(std::nullopt, settings_);
    issuer_.listen_http({});
}

bool Edge::is_named(const std::string& service) const {
    return std::any_of(settings_.begin(), settings_.end(), [&](const model::EdgeListener& listener) {
        return std::any_of(listener.routes.begin(), listener.routes.end(),
                           [&](const model::EdgeRoute& route) { return route.service == service; });
    });
}

void Edge::take(const registry::Change& change) {
    const bool is_first = !std::exchange(knows_services_, true);
    if (!is_wanted()) return;
    const bool is_concerned =
        is_first ||
        std::any_of(change.upsert.begin(), change.upsert.end(), [&](const auto& one) { return is_named(one->name); }) ||
        std::any_of(change.remove.begin(), change.remove.end(), [&](const auto& name) { return is_named(name); });
    if (!is_concerned) return;
    make();
    handlers_.on_change();
}

base::Result<void> Edge::answer(const acme::Challenges::Certificates& challenges) {
    auto answers = std::make_shared<Answers>();
    for (const auto& [name, challenge] : challenges) {
        auto made = tls::EdgeCertificate::of_challenge(challenge, name);
        if (!made) return tl::make_unexpected(made.error());
        answers->emplace(name, std::move(*made));
    }
    answers_ = std::move(answers);
    make();
    handlers_.on_change();
    return {};
}

// Of one that goes, connections go on, and count no more.
void Edge::make() {
    const auto contexts = store_.contexts();
    const auto counts_before = std::exchange(counts_, {});
    listeners_.clear();
    for (const auto& settings : settings_) {
        auto made = std::make_shared<relay::EdgeListener>();
        for (const auto& route : settings.routes)
            for (const auto& name : route.names) made->routes.add(name, make_route(route, handlers_.service(route.service)));
        made->context = contexts.at(settings.name);
        if (!answers_->empty())
            made->challenge = [answers = answers_](std::string_view name) {
                const auto found = answers->find(name);
                return found == answers->end() ? nullptr : found->second;
            };
        const auto known = counts_before.find(settings.name);
        made->counts = known != counts_before.end() ? known->second : std::make_shared<relay::EdgeCounts>();
        counts_.emplace(settings.name, made->counts);
        listeners_.emplace(settings.name, std::move(made));
    }
}

// Who issues one knows why there is no other.
std::vector<tls::EdgeStore::State> Edge::certificates() const {
    auto states = store_.states();
    const auto issued = issuer_.states();
    for (auto& state : states)
        for (const auto& one : issued)
            if (one.path == state.files.files.certificate && !one.problem.empty())
                state.problem = "no certificate of " + acme::called(one.names) + " is issued: " + one.problem;
    return states;
}

json::array Edge::report() const {
    json::array all;
    const auto issued = issuer_.states();
    for (const auto& settings : settings_) {
        json::array routes;
        for (const auto& route : settings.routes) {
            const auto target = target_of(route, handlers_.service(route.service));
            auto row = model::to_json(route);
            row["address"] = target.address ? target.address->text() : "";
            row["problem"] = target.problem;
            routes.emplace_back(std::move(row));
        }
        const auto& counts = *counts_.at(settings.name);
        all.emplace_back(json::object{{"name", settings.name},
                                      {"open", counts.open.load()},
                                      {"connections", counts.taken.load()},
                                      {"routes", std::move(routes)},
                                      {"acme", acme_json(settings, issued)}});
    }
    return all;
}

}  // namespace meshd::worker
