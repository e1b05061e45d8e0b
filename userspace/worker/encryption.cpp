// SPDX-License-Identifier: Apache-2.0
#include "worker/encryption.hpp"

#include <utility>

#include <sys/resource.h>

#include <spdlog/spdlog.h>

#include "worker/relay_families.hpp"

namespace meshd::worker {

namespace {

// A relayed connection has two descriptors.
void allow_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Encryption::Encryption(boost::asio::io_context& io)
    : store_(io, {.on_change = [this] { configure(); },
                  .on_problem =
                      [this](const std::string& name, const base::Error& error) {
                          if (issuer_.is_issued(name) && !issuer_.has_issued(name)) return;  // it tells why itself
                          spdlog::error("tls: identity {}: {}", name.empty() ? "of the node" : name, error.message());
                      }}),
      issuer_(io, [this] { files_changed(); }),
      routes_(io, [this](std::shared_ptr<const relay::Routes> routes) {
          known_ = std::move(routes);
          configure();
      }) {}

void Encryption::follow(const std::optional<model::NodeTls>& tls, bool is_audit) {
    if (std::exchange(is_audit_, is_audit) != is_audit) authorize();
    if (tls_ == tls) return;
    const auto before = std::exchange(tls_, tls);
    const auto signing_of = [](const std::optional<model::NodeTls>& one) {
        return one && one->signing ? std::optional(std::pair(one->trust_domain, *one->signing)) : std::nullopt;
    };
    if (signing_of(before) != signing_of(tls_)) follow_signing();
    issuer_.follow(tls_);
    followed_ = issuer_.effective();
    store_.follow(followed_);
    configure();
}

void Encryption::follow_signing() {
    signing_.reset();  // before the next one listens at the same port
    if (tls_ && tls_->signing) signing_ = std::make_unique<signing::Server>(*tls_->signing, tls_->trust_domain, signed_);
}

void Encryption::files_changed() {
    auto now = issuer_.effective();
    if (now == followed_) return store_.look_now();
    followed_ = std::move(now);
    store_.follow(followed_);
    configure();
}

CertificateStates Encryption::certificates() const {
    auto states = store_.states();
    for (auto& issued : issuer_.states())
        for (auto& state : states)
            if (state.name == issued.name && !issued.problem.empty() && (state.problem.empty() || !state.credentials))
                state.problem = std::move(issued.problem);
    return states;
}

Issuance Encryption::issuance() const { return {issuer_.states(), signing_ ? std::optional(signing_->status()) : std::nullopt}; }

// The threads of a relay are as many as the first settings say.
void Encryption::configure() {
    if (!tls_ && !engine_) return;
    if (!engine_) {
        relay::Engine::Options options;
        options.threads = model::relay_threads(tls_->threads);
        // Called by threads of the relay, seldom.
        options.on_failure = [](relay::Direction direction, const std::string& peer, const tls::HandshakeFailure& failure) {
            spdlog::warn("tls: {} handshake with {} failed: {}: {}", relay::name(direction), peer, tls::name(failure.result),
                         failure.detail);
        };
        allow_descriptors();
        engine_ = std::make_unique<relay::Engine>(std::move(options));
    }
    auto next = std::make_shared<relay::Configuration>();
    next->node = tls_ ? store_.node() : nullptr;
    if (tls_) next->identities = store_.identities();
    next->routes = known_;
    next->authorization = authorization_;
    next->peer_port = tls_ ? tls_->inbound_port : 0;
    engine_->configure(std::move(next));
    listen();
}

void Encryption::set_rules(std::vector<model::Rule> rules) {
    rules_ = std::move(rules);
    authorize();
}

void Encryption::authorize() {
    if (!rules_) return;
    auto now = std::make_shared<const model::Authorization>(*rules_, is_audit_);
    if (authorization_ != nullptr && *authorization_ == *now) return;
    authorization_ = std::move(now);
    configure();
}

void Encryption::listen(const std::string& name, std::vector<base::UniqueFd> sockets) {
    const auto direction =
        name == relay::name(relay::Direction::outbound) ? relay::Direction::outbound : relay::Direction::inbound;
    waiting_.insert_or_assign(direction, std::move(sockets));
    listen();
}

// Whoever connects before this worker knows where to waits in the listener's queue, and is not refused.
void Encryption::listen() {
    if (!engine_ || known_ == nullptr || authorization_ == nullptr) return;
    for (auto& [direction, sockets] : waiting_) engine_->listen(direction, std::move(sockets));
    waiting_.clear();
}

base::Result<base::UniqueFd> Encryption::dial(const base::SocketAddress& backend, bool only_connects) {
    if (engine_ && tls_) return engine_->dial(backend, only_connects);
    return base::fail({"reach", backend.text(), 0, "its service is encrypted, and this node has no certificate",
                       "write the section \"tls\" of meshd.yaml"});
}

std::shared_ptr<const tls::Credentials> Encryption::credentials(const std::string& identity) const {
    if (!tls_ || identity.empty()) return tls_ ? store_.node() : nullptr;
    const auto all = store_.identities();
    const auto found = all.find(model::identity_number(identity));
    return found == all.end() ? nullptr : found->second;
}

std::optional<PeerCheck::Target> Encryption::way_to(const channel::TlsCheck::Target& asked) const {
    const auto host = known_ != nullptr && tls_ ? known_->host_of(asked.backend) : std::nullopt;
    if (!host) return std::nullopt;
    return PeerCheck::Target{{*host, tls_->inbound_port}, asked.backend, std::string(known_->service_at(asked.service))};
}

std::vector<prometheus::MetricFamily> Encryption::families() const {
    auto families = engine_ ? relay_families(engine_->figures()) : std::vector<prometheus::MetricFamily>{};
    if (issuer_.is_there()) families.push_back(renewal_family(issuer_.counts()));
    if (signing_) families.push_back(signing_family(signed_));
    return families;
}

}  // namespace meshd::worker
