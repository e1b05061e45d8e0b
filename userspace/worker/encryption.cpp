// SPDX-License-Identifier: Apache-2.0
#include "worker/encryption.hpp"

#include <utility>

#include <sys/resource.h>

#include <spdlog/spdlog.h>

#include "worker/edge_families.hpp"
#include "worker/relay_families.hpp"

namespace meshd::worker {

namespace {

constexpr std::string_view edge_prefix = "edge/";  // of the names that the agent gives
constexpr std::string_view acme_name = "acme";

// A relayed connection has two descriptors.
void allow_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Encryption::Encryption(boost::asio::io_context& io, std::function<model::ServicePtr(const std::string& name)> service)
    : store_(io, {.on_change = [this] { configure(); },
                  .on_problem =
                      [this](const std::string& name, const base::Error& error) {
                          if (issuer_.is_issued(name) && !issuer_.has_issued(name)) return;  // it tells why itself
                          spdlog::error("tls: identity {}: {}", name.empty() ? "of the node" : name, error.message());
                      }}),
      issuer_(io, [this] { files_changed(); }),
      outside_(io, {.on_change = [this] { routes_.outside_changed(); },
                    .on_problem =
                        [](const std::string& name, const base::Error& error) {
                            spdlog::error("tls: credentials {}: {}", name.empty() ? "of the system" : name, error.message());
                        }}),
      routes_(
          io, [this](const model::Origination& server) { return outside_.of(server); },
          [this](std::shared_ptr<const relay::Routes> routes) {
              known_ = std::move(routes);
              configure();
          }),
      edge_(io, {.on_change = [this] { configure(); }, .service = std::move(service)}) {}

void Encryption::follow(const std::optional<model::NodeTls>& tls, const model::EdgeListeners& edge,
                        const std::optional<model::AcmeSettings>& acme, const model::NodeOrigination& origination,
                        bool is_audit) {
    if (std::exchange(is_audit_, is_audit) != is_audit) authorize();
    if (tls_ != tls) follow_tls(tls);
    edge_.follow(edge, acme);
    outside_.follow(origination.credentials);
    routes_.outside_changed();
    configure();
}

// Before credentials are loaded.
void Encryption::decide_on_kernel() {
    if (!tls_ || std::exchange(is_kernel_decided_, true) || tls_->kernel == model::KernelTls::off) return;
    kernel_ = ktls::self_test();
    is_kernel_used_ = kernel_->serves(tls_->kernel == model::KernelTls::on);
    if (is_kernel_used_) tls::keep_secrets_for_kernel();
    spdlog::info("tls: kernel TLS is {}used: {}", is_kernel_used_ ? "" : "not ", ktls::describe(*kernel_));
}

void Encryption::follow_tls(const std::optional<model::NodeTls>& tls) {
    const auto before = std::exchange(tls_, tls);
    decide_on_kernel();
    const auto signing_of = [](const std::optional<model::NodeTls>& one) {
        return one && one->signing ? std::optional(std::pair(one->trust_domain, *one->signing)) : std::nullopt;
    };
    if (signing_of(before) != signing_of(tls_)) follow_signing();
    issuer_.follow(tls_);
    followed_ = issuer_.effective();
    store_.follow(followed_);
}

void Encryption::follow_signing() {
    signing_.reset();  // before the next one listens at the same port
    if (tls_ && tls_->signing) signing_ = std::make_unique<signing::Server>(*tls_->signing, tls_->trust_domain, signed_);
}

void Encryption::retire() {
    is_retired_ = true;  // the files that were followed last are followed on
    signing_.reset();
    issuer_.follow(std::nullopt);
    edge_.retire();
}

void Encryption::stop_listening() {
    waiting_.clear();
    for (const auto& purpose : std::exchange(listening_, {})) engine_->listen(purpose, {});
}

std::uint64_t Encryption::in_use() const { return engine_ ? engine_->figures().in_use : 0; }

void Encryption::files_changed() {
    if (is_retired_) return;
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

Issuance Encryption::issuance() const {
    return {issuer_.states(), signing_ ? std::optional(signing_->status()) : std::nullopt, edge_.issuer().states()};
}

// The threads of a relay are as many as the first settings say.
void Encryption::make_engine() {
    relay::Engine::Options options;
    options.threads = model::relay_threads(tls_ ? tls_->threads : 0);
    // Called by threads of the relay, seldom. Anybody may fail at an edge.
    options.on_failure = [](relay::Direction direction, const std::string& peer, const tls::HandshakeFailure& failure) {
        spdlog::log(direction == relay::Direction::edge ? spdlog::level::info : spdlog::level::warn,
                    "tls: {} handshake with {} failed: {}: {}", relay::name(direction), peer, tls::name(failure.result),
                    failure.detail);
    };
    allow_descriptors();
    engine_ = std::make_unique<relay::Engine>(std::move(options));
}

void Encryption::configure() {
    if (!tls_ && !edge_.is_wanted() && !routes_.has_outside() && !engine_) return;
    if (!engine_) make_engine();
    auto next = std::make_shared<relay::Configuration>();
    next->node = tls_ ? store_.node() : nullptr;
    if (tls_) next->identities = store_.identities();
    next->routes = known_;
    next->authorization = authorization_;
    next->peer_port = tls_ ? tls_->inbound_port : 0;
    next->edges = edge_.listeners();
    if (is_kernel_used_) next->kernel_tls = relay::KernelTls{kernel_->updates, kernel_->splices};
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
    if (name == acme_name) return edge_.listen_http(std::move(sockets));
    relay::Purpose purpose{name == relay::name(relay::Direction::outbound) ? relay::Direction::outbound
                                                                           : relay::Direction::inbound};
    if (name.starts_with(edge_prefix)) purpose = {relay::Direction::edge, name.substr(edge_prefix.size())};
    std::erase_if(waiting_, [&](const auto& one) { return one.first == purpose; });
    waiting_.emplace_back(std::move(purpose), std::move(sockets));
    listen();
}

bool Encryption::may_listen(const relay::Purpose& purpose) const {
    if (purpose.direction == relay::Direction::edge) return edge_.knows_services() && edge_.listeners().contains(purpose.edge);
    return known_ != nullptr && authorization_ != nullptr;
}

// Whoever connects before this worker knows where to waits in the listener's queue, and is not refused.
void Encryption::listen() {
    if (!engine_) return;
    std::erase_if(waiting_, [this](auto& one) {
        auto& [purpose, sockets] = one;
        if (!sockets.empty() && !may_listen(purpose)) return false;
        hand_to_engine(purpose, std::move(sockets));
        return true;
    });
}

void Encryption::hand_to_engine(const relay::Purpose& purpose, std::vector<base::UniqueFd> sockets) {
    std::erase(listening_, purpose);
    if (!sockets.empty()) listening_.push_back(purpose);
    engine_->listen(purpose, std::move(sockets));
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

std::optional<Way> Encryption::way_to(const std::string& identity, const channel::TlsCheck::Target& asked) const {
    const auto* const route = known_ != nullptr ? known_->outbound(asked.service, asked.backend) : nullptr;
    if (route == nullptr) return std::nullopt;
    if (route->is_outside) return Way{{asked.backend, asked.backend, route->service, true}, route->outside};
    const auto port = tls_ ? tls_->inbound_port : std::uint16_t{0};
    return Way{{{route->host, port}, asked.backend, route->service}, credentials(identity)};
}

std::vector<prometheus::MetricFamily> Encryption::families() const {
    std::vector<prometheus::MetricFamily> families;
    if (engine_) {
        const auto figures = engine_->figures();
        families = relay_families(figures);
        for (auto& family : edge_families(edge_.listeners(), figures)) families.push_back(std::move(family));
    }
    if (is_kernel_decided_) families.push_back(kernel_tls_family(kernel_.value_or(ktls::Verdict{}), is_kernel_used_));
    if (edge_.issuer().is_there()) families.push_back(acme_family(edge_.issuer().counts()));
    if (issuer_.is_there()) families.push_back(renewal_family(issuer_.counts()));
    if (signing_) families.push_back(signing_family(signed_));
    return families;
}

}  // namespace meshd::worker
