// SPDX-License-Identifier: Apache-2.0
// Two hosts in one process: an engine whose applications go out, another that takes them in, and a backend behind it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "application.hpp"
#include "relay/engine.hpp"
#include "test_certificates.hpp"

namespace meshd::relay {

inline constexpr int patience_ms = 10'000;
bool eventually(const std::function<bool()>& condition);

class Hosts {
public:
    struct Options {
        unsigned threads = 1;
        std::chrono::milliseconds patience{100};
        bool uses_kernel_tls = false;
        std::string client_id = "spiffe://example.org/client", server_id = "spiffe://example.org/server";
    };
    explicit Hosts(const Options& options);
    Hosts() : Hosts(Options{}) {}
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;

    std::shared_ptr<const tls::Credentials> credentials(const std::string& id) { return load(authority.issue_for(id)); }
    std::shared_ptr<const tls::Credentials> load(const model::CertificateFiles& files);
    void configure_client(std::shared_ptr<const tls::Credentials> credentials);
    void configure_server(std::shared_ptr<const tls::Credentials> credentials);

    [[nodiscard]] Application connect() const { return Application::connect(outbound_address); }
    // Both ends of a connection that works.
    std::pair<Application, Application> pair();

    [[nodiscard]] DirectionFigures sent() const { return client->figures().directions[0]; }
    [[nodiscard]] DirectionFigures taken() const { return server->figures().directions[1]; }
    static std::uint64_t count(const DirectionFigures& figures, tls::HandshakeResult result) {
        return figures.handshakes[static_cast<std::size_t>(result)];
    }
    [[nodiscard]] std::vector<tls::HandshakeFailure> failures();

    tls::TemporaryDirectory directory;
    tls::TestAuthority authority{directory, "authority"};
    TestListener backend;
    base::SocketAddress outbound_address, inbound_address;
    std::atomic<std::uint32_t> identity = 0;  // that connections are under
    std::uint16_t peer_port = 0;              // where the client looks for the other's worker; 0: where it is
    std::shared_ptr<const Routes> routes;

private:
    bool uses_kernel_tls_;
    std::mutex mutex_;
    std::vector<tls::HandshakeFailure> failures_;

public:
    std::unique_ptr<Engine> server, client;
};

}  // namespace meshd::relay
