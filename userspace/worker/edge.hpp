// SPDX-License-Identifier: Apache-2.0
// Listeners for clients from outside: their certificates, and which service each of their names goes to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>

#include "acme/issuer.hpp"
#include "base/unique_fd.hpp"
#include "model/acme.hpp"
#include "model/edge.hpp"
#include "model/service.hpp"
#include "registry/catalog.hpp"
#include "relay/edge.hpp"
#include "tls/edge_store.hpp"

namespace meshd::worker {

class Edge {
public:
    struct Handlers {
        std::function<void()> on_change;                                    // listeners() are others now
        std::function<model::ServicePtr(const std::string& name)> service;  // as it is known now; null: it is not
    };

    Edge(boost::asio::io_context& io, Handlers handlers);
    Edge(const Edge&) = delete;
    Edge& operator=(const Edge&) = delete;

    // Without on_change. `acme`: who issues certificates that have no files of their own; nothing: nobody does.
    void follow(const model::EdgeListeners& settings, const std::optional<model::AcmeSettings>& acme = std::nullopt);
    // Where an authority's challenges by HTTP are answered; none: nowhere.
    void listen_http(std::vector<base::UniqueFd> sockets) { issuer_.listen_http(std::move(sockets)); }
    void take(const registry::Change& change);
    // Another worker orders certificates and answers for them from now on.
    void retire();

    // Who asks for one of these names and for "acme-tls/1" alone is shown its certificate, at all listeners; instead of those
    // before. An error names the first that cannot be used: then nothing changes.
    base::Result<void> answer(const acme::Challenges::Certificates& challenges);

    [[nodiscard]] bool is_wanted() const { return !settings_.empty(); }
    // Services were told, so that who comes can be served.
    [[nodiscard]] bool knows_services() const { return knows_services_; }

    using Listeners = std::map<std::string, std::shared_ptr<const relay::EdgeListener>>;
    [[nodiscard]] const Listeners& listeners() const { return listeners_; }
    [[nodiscard]] std::vector<tls::EdgeStore::State> certificates() const;
    [[nodiscard]] const acme::Issuer& issuer() const { return issuer_; }

    // What channel::EdgeReport tells: the items of GET /v1/edge, docs/api.md, but for what the agent knows.
    [[nodiscard]] boost::json::array report() const;

private:
    void make();
    [[nodiscard]] bool is_named(const std::string& service) const;

    Handlers handlers_;
    tls::EdgeStore store_;
    model::EdgeListeners settings_;
    using Answers = std::map<std::string, std::shared_ptr<const tls::EdgeCertificate>, std::less<>>;
    std::shared_ptr<const Answers> answers_ = std::make_shared<const Answers>();
    std::map<std::string, std::shared_ptr<relay::EdgeCounts>> counts_;
    Listeners listeners_;
    bool knows_services_ = false;
    acme::Issuer issuer_;
};

}  // namespace meshd::worker
