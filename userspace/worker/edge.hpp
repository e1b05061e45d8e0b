// SPDX-License-Identifier: Apache-2.0
// Listeners for clients from outside: their certificates, and which service each of their names goes to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>

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

    void follow(const model::EdgeListeners& settings);  // without on_change
    void take(const registry::Change& change);

    // Who asks for one of these names and for "acme-tls/1" alone is shown its certificate, at all listeners; instead of those
    // before. An error names the first that cannot be used: then nothing changes.
    using Challenges = std::map<std::string, tls::ChallengeCertificate, std::less<>>;
    base::Result<void> answer(const Challenges& challenges);

    [[nodiscard]] bool is_wanted() const { return !settings_.empty(); }
    // Services were told, so that who comes can be served.
    [[nodiscard]] bool knows_services() const { return knows_services_; }

    using Listeners = std::map<std::string, std::shared_ptr<const relay::EdgeListener>>;
    [[nodiscard]] const Listeners& listeners() const { return listeners_; }
    [[nodiscard]] const tls::EdgeStore& certificates() const { return store_; }

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
};

}  // namespace meshd::worker
