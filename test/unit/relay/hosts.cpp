// SPDX-License-Identifier: Apache-2.0
#include "hosts.hpp"

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "ktls/self_test.hpp"
#include "tls/session.hpp"

namespace meshd::relay {

namespace {

std::vector<base::UniqueFd> listeners(unsigned count, base::SocketAddress& address) {
    std::vector<base::UniqueFd> sockets;
    TestListener first("127.0.0.1", true);
    address = first.address();
    sockets.push_back(first.release());
    while (sockets.size() < count) sockets.push_back(TestListener("127.0.0.1", true, address.port).release());
    return sockets;
}

// Where the tests are to pass with it, it must be there.
std::optional<KernelTls> kernel_tls() {
    static const auto verdict = ktls::self_test();
    if (!verdict.transmits) throw std::runtime_error(ktls::describe(verdict));
    return KernelTls{verdict.updates, verdict.splices};
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

Hosts::Hosts(const Options& options)
    : uses_kernel_tls_(options.uses_kernel_tls || std::getenv("MESHD_TEST_KERNEL_TLS") != nullptr) {
    if (uses_kernel_tls_) tls::keep_secrets_for_kernel();
    const base::SocketAddress service{*base::IpAddress::parse("10.96.0.1"), 80};
    const auto target = backend.address();
    Engine::Options of_engine;
    of_engine.patience = options.patience;
    of_engine.threads = options.threads;
    of_engine.on_failure = [this](Direction, const std::string&, const tls::HandshakeFailure& failure) {
        const std::lock_guard lock(mutex_);
        failures_.push_back(failure);
    };
    of_engine.ask = [this, service, target](int) -> base::Result<Steered> { return Steered{service, target, identity}; };
    server = std::make_unique<Engine>(of_engine);
    client = std::make_unique<Engine>(of_engine);
    routes = std::make_shared<const Routes>(std::vector<Route>{{"shop", target, *base::IpAddress::parse("127.0.0.1")}},
                                            std::map<base::SocketAddress, std::string>{{service, "shop"}});
    auto outbound = listeners(options.threads, outbound_address);
    auto inbound = listeners(options.threads, inbound_address);
    configure_server(credentials(options.server_id));
    configure_client(credentials(options.client_id));
    server->listen({Direction::inbound}, std::move(inbound));
    client->listen({Direction::outbound}, std::move(outbound));
}

std::shared_ptr<const tls::Credentials> Hosts::load(const model::CertificateFiles& files) {
    auto loaded = tls::Credentials::load(files, authority.trust());
    if (!loaded) throw std::runtime_error(loaded.error().message());
    return *loaded;
}

void Hosts::configure_client(std::shared_ptr<const tls::Credentials> credentials) {
    Configuration configuration;
    configuration.node = std::move(credentials);
    configuration.routes = routes;
    if (uses_kernel_tls_) configuration.kernel_tls = kernel_tls();
    configuration.peer_port = peer_port != 0 ? peer_port : inbound_address.port;
    client->configure(std::make_shared<const Configuration>(std::move(configuration)));
}

void Hosts::configure_server(std::shared_ptr<const tls::Credentials> credentials) {
    Configuration configuration;
    configuration.node = std::move(credentials);
    configuration.routes = routes;
    if (uses_kernel_tls_) configuration.kernel_tls = kernel_tls();
    server->configure(std::make_shared<const Configuration>(std::move(configuration)));
}

std::pair<Application, Application> Hosts::pair() {
    auto application = connect();
    return {std::move(application), backend.accept()};
}

std::vector<tls::HandshakeFailure> Hosts::failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
}

}  // namespace meshd::relay
