// SPDX-License-Identifier: Apache-2.0
// Connections between this host and others, encrypted, and those of clients from outside: the relay, with the certificates,
// listeners and routes that it needs, and whoever issues certificates here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "ktls/self_test.hpp"
#include "model/tls.hpp"
#include "registry/catalog.hpp"
#include "relay/engine.hpp"
#include "signing/issuer.hpp"
#include "signing/server.hpp"
#include "tls/credential_store.hpp"
#include "tls/outside_store.hpp"
#include "worker/edge.hpp"
#include "worker/peer_checks.hpp"
#include "worker/route_book.hpp"
#include "worker/tls_report.hpp"

namespace meshd::worker {

class Encryption {
public:
    // `service`: as it is known now; null: it is not.
    Encryption(boost::asio::io_context& io, std::function<model::ServicePtr(const std::string& name)> service);
    Encryption(const Encryption&) = delete;
    Encryption& operator=(const Encryption&) = delete;

    // `tls`: nothing: this node encrypts nothing, and what is relayed now goes on.
    // `is_audit`: what the policy would deny passes and is counted.
    void follow(const std::optional<model::NodeTls>& tls, const model::EdgeListeners& edge,
                const std::optional<model::AcmeSettings>& acme, const model::NodeOrigination& origination, bool is_audit);

    void take(const registry::Change& change) {
        routes_.take(change);
        edge_.take(change);
    }
    // All rules of the policy.
    void set_rules(std::vector<model::Rule> rules);
    [[nodiscard]] bool has_rules() const { return rules_.has_value(); }
    void begin_again() { routes_.begin_again(); }
    // From the agent, instead of those before. `name`: as the agent calls them, "outbound", "inbound", "edge/NAME" or "acme".
    void listen(const std::string& name, std::vector<base::UniqueFd> sockets);

    // Another worker gets certificates and signs them from now on; connections and listeners stay.
    void retire();
    void stop_listening();
    [[nodiscard]] std::uint64_t in_use() const;  // as relay::Figures

    // As relay::Engine::dial().
    [[nodiscard]] base::Result<base::UniqueFd> dial(const base::SocketAddress& backend, bool only_connects);

    [[nodiscard]] std::optional<Way> way_to(const std::string& identity, const channel::TlsCheck::Target& asked) const;

    [[nodiscard]] std::vector<prometheus::MetricFamily> families() const;
    // How certificates stand, and who gives those that have no files.
    [[nodiscard]] CertificateStates certificates() const;
    [[nodiscard]] Issuance issuance() const;
    [[nodiscard]] const Edge& edge() const { return edge_; }
    [[nodiscard]] const tls::OutsideStore& outside() const { return outside_; }

private:
    [[nodiscard]] std::shared_ptr<const tls::Credentials> credentials(const std::string& identity) const;
    void follow_tls(const std::optional<model::NodeTls>& tls);
    void follow_signing();
    void decide_on_kernel();
    void files_changed();
    void authorize();
    void configure();
    void make_engine();
    void listen();
    [[nodiscard]] bool may_listen(const relay::Purpose& purpose) const;
    void hand_to_engine(const relay::Purpose& purpose, std::vector<base::UniqueFd> sockets);

    tls::CredentialStore store_;
    signing::Issuer issuer_;
    std::optional<model::NodeTls> followed_;  // by store_
    signing::SignCounts signed_;
    std::unique_ptr<signing::Server> signing_;  // null: this node signs nothing
    tls::OutsideStore outside_;
    RouteBook routes_;
    Edge edge_;
    std::optional<model::NodeTls> tls_;
    std::shared_ptr<const relay::Routes> known_;
    std::optional<ktls::Verdict> kernel_;  // nothing: not asked for, or not yet
    bool is_kernel_decided_ = false;       // for good: settings that change it make another worker
    bool is_kernel_used_ = false;
    bool is_audit_ = false;
    std::optional<std::vector<model::Rule>> rules_;  // nothing: nobody has said any yet
    std::shared_ptr<const model::Authorization> authorization_;
    std::vector<std::pair<relay::Purpose, std::vector<base::UniqueFd>>> waiting_;  // listeners that nobody can be served at yet
    std::unique_ptr<relay::Engine> engine_;                                        // null: nothing was ever to be encrypted
    std::vector<relay::Purpose> listening_;                                        // of the engine
    bool is_retired_ = false;
};

}  // namespace meshd::worker
