// SPDX-License-Identifier: Apache-2.0
// Clients from outside at an engine, with real TLS where it ends there.
#include "relay/edge_relay.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "client_hello_text.hpp"
#include "hosts.hpp"
#include "relay/engine.hpp"
#include "tls/edge_store.hpp"
#include "tls/x509.hpp"

namespace meshd::relay {
namespace {

using namespace std::string_literals;
using tls::EdgeCertificate;

struct FreeTls {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
    void operator()(SSL* session) const { ::SSL_free(session); }
};

struct EdgeRelayTest : testing::Test {
    EdgeRelayTest() { start({}); }

    void start(Engine::Options options) {
        engine = std::make_unique<Engine>(std::move(options));
        TestListener listener;
        address = listener.address();
        std::vector<base::UniqueFd> sockets;
        sockets.push_back(listener.release());
        configure();
        engine->listen({Direction::edge, "public"}, std::move(sockets));
    }

    // "shop.test" ends here, "db.test" passes through, "lost.test" has no service.
    void configure() {
        auto edge = std::make_shared<EdgeListener>();
        const auto target = backend.address();
        edge->routes.add("shop.test", {"shop", target});
        edge->routes.add("db.test", {"db", target, true});
        edge->routes.add("lost.test", {"lost", std::nullopt});
        edge->routes.add("lost-db.test", {"lost", std::nullopt, true});
        edge->context = std::make_shared<const tls::EdgeContext>(std::vector{certificate("DNS:shop.test")}, false);
        edge->counts = counts;
        edge->challenge = [one = challenge](std::string_view name) { return name == "new.test" ? one : nullptr; };
        auto next = std::make_shared<Configuration>();
        next->edges.emplace("public", std::move(edge));
        engine->configure(std::move(next));
    }

    std::shared_ptr<const EdgeCertificate> certificate(const std::string& names) {
        const auto files = authority.issue({.names = names, .purposes = "serverAuth"});
        tls::EdgeStore store(io, {});
        model::EdgeListener listener;
        listener.name = "public";
        listener.certificates = {{files, ""}};
        store.follow({listener});
        return store.states().at(0).certificate;
    }

    Application say_hello(const std::string& name) {
        auto client = Application::connect(address);
        client.say(record(hello_message(server_name(name))));
        return client;
    }
    static std::string alert(int code) { return "\x15\x03\x03\x00\x02\x02"s + static_cast<char>(code); }

    std::uint64_t refused(EdgeRefusal why) const { return engine->figures().edge_refused.at(static_cast<std::size_t>(why)); }
    std::uint64_t handshakes(tls::HandshakeResult result) const {
        return engine->figures().directions.at(2).handshakes.at(static_cast<std::size_t>(result));
    }

    tls::TemporaryDirectory directory;
    tls::TestAuthority authority{directory, "authority"};
    boost::asio::io_context io;
    TestListener backend;
    base::SocketAddress address;
    std::shared_ptr<EdgeCounts> counts = std::make_shared<EdgeCounts>();
    std::shared_ptr<const EdgeCertificate> challenge;
    std::unique_ptr<Engine> engine;
};

TEST_F(EdgeRelayTest, WhatPassesThroughComesAsItWasSaid) {
    const auto hello = record(hello_message(server_name("db.test")));
    auto client = Application::connect(address);
    client.say(hello.substr(0, 20));
    client.say(hello.substr(20) + "and more");
    auto server = backend.accept();
    EXPECT_EQ(server.hear(hello.size() + 8), hello + "and more");
    server.say("answer");
    EXPECT_EQ(client.hear(6), "answer");
    client.finish();
    EXPECT_EQ(server.hear_end(), Application::End::fin);
    server.say("still said");
    EXPECT_EQ(client.hear(10), "still said");
    server.close();
    EXPECT_EQ(client.hear_end(), Application::End::fin);
    EXPECT_TRUE(eventually([&] { return counts->open == 0 && engine->figures().directions.at(2).open == 0; }));
    EXPECT_EQ(counts->taken, 1U);
    EXPECT_EQ(engine->figures().directions.at(2).reset, 0U);
}

TEST_F(EdgeRelayTest, AResetPassesThroughAsWell) {
    auto client = say_hello("db.test");
    auto server = backend.accept();
    server.reset();
    EXPECT_EQ(client.hear_end(), Application::End::reset);
    auto other = say_hello("db.test");
    auto its = backend.accept();
    other.reset();
    EXPECT_EQ(its.hear_end(), Application::End::reset);
}

TEST_F(EdgeRelayTest, WhoCannotBeServedIsToldWhy) {
    EXPECT_EQ(say_hello("other.test").hear(100), alert(112));
    EXPECT_EQ(say_hello("lost.test").hear(100), alert(80));
    EXPECT_EQ(say_hello("lost-db.test").hear_end(), Application::End::reset);
    EXPECT_TRUE(eventually([&] { return refused(EdgeRefusal::no_route) == 1 && refused(EdgeRefusal::no_service) == 2; }));
}

TEST_F(EdgeRelayTest, ABackendThatRefusesIsAReset) {
    backend = TestListener();
    const auto gone = backend.address();
    configure();
    backend = TestListener();
    ASSERT_NE(gone, backend.address());
    EXPECT_EQ(say_hello("db.test").hear_end(), Application::End::reset);
    EXPECT_TRUE(eventually([&] { return refused(EdgeRefusal::unreachable) == 1; }));
}

TEST_F(EdgeRelayTest, OtherThanTlsIsClosed) {
    auto client = Application::connect(address);
    client.say("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(client.hear(100), "");
    auto broken = Application::connect(address);
    broken.say(record("\x02"));
    EXPECT_EQ(broken.hear(100), alert(50));
    EXPECT_TRUE(eventually([&] { return handshakes(tls::HandshakeResult::protocol) == 2; }));
}

TEST_F(EdgeRelayTest, WhoHasNothingToSayIsNotCounted) {
    { auto client = Application::connect(address); }
    EXPECT_TRUE(eventually([&] { return counts->taken == 1 && counts->open == 0; }));
    EXPECT_EQ(handshakes(tls::HandshakeResult::reset), 0U);
}

TEST_F(EdgeRelayTest, TheOldestOfTooManyGo) {
    Engine::Options options;
    options.most_unfinished = 2;
    start(std::move(options));
    std::vector<Application> slow;
    for (std::size_t i = 1; i <= 3; ++i) {
        slow.push_back(Application::connect(address));
        slow.back().say("\x16");
        EXPECT_TRUE(eventually([&] { return counts->taken == i; }));
    }
    EXPECT_EQ(slow[0].hear_end(), Application::End::reset);
    EXPECT_EQ(refused(EdgeRefusal::crowded), 1U);
    auto client = say_hello("db.test");
    EXPECT_EQ(slow[1].hear_end(), Application::End::reset);
    auto server = backend.accept();
    server.say("served");
    EXPECT_EQ(client.hear(6), "served");
}

// A client with OpenSSL of its own, which believes anybody.
struct TlsClient {
    TlsClient(Application connected, const std::string& name, const std::string& protocol) : socket(std::move(connected)) {
        ::SSL_set_fd(session.get(), socket.fd());
        SSL_set_tlsext_host_name(session.get(), name.c_str());
        const auto list = tls::protocol_list({protocol});
        if (!protocol.empty())
            ::SSL_set_alpn_protos(session.get(), reinterpret_cast<const unsigned char*>(list.data()),
                                  static_cast<unsigned>(list.size()));
        is_open = ::SSL_connect(session.get()) == 1;
    }
    std::string shown() const {
        const tls::CertificatePtr certificate(::SSL_get1_peer_certificate(session.get()));
        const auto names = tls::dns_names_of(certificate.get());
        return names.empty() ? "" : names.front();
    }
    Application socket;
    std::unique_ptr<SSL_CTX, FreeTls> context{::SSL_CTX_new(::TLS_client_method())};
    std::unique_ptr<SSL, FreeTls> session{::SSL_new(context.get())};
    bool is_open = false;
};

TEST_F(EdgeRelayTest, TlsEndsHere) {
    TlsClient client(Application::connect(address), "shop.test", "");
    ASSERT_TRUE(client.is_open);
    auto server = backend.accept();
    ::SSL_write(client.session.get(), "asked", 5);
    EXPECT_EQ(server.hear(5), "asked");
    server.say("told");
    server.finish();
    std::string got(10, '\0');
    EXPECT_EQ(::SSL_read(client.session.get(), got.data(), 10), 4);
    EXPECT_EQ(got.substr(0, 4), "told");
    EXPECT_EQ(::SSL_read(client.session.get(), got.data(), 10), 0);
    EXPECT_EQ(::SSL_get_shutdown(client.session.get()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    EXPECT_EQ(client.socket.hear_end(), Application::End::fin);  // for who waits for that
    ::SSL_shutdown(client.session.get());
    EXPECT_EQ(server.hear_end(), Application::End::fin);
    EXPECT_EQ(handshakes(tls::HandshakeResult::ok), 1U);
}

TEST_F(EdgeRelayTest, AChallengeIsAnsweredByItsNameOnly) {
    challenge = certificate("DNS:new.test");
    configure();
    TlsClient proof(Application::connect(address), "new.test", "acme-tls/1");
    ASSERT_TRUE(proof.is_open);
    EXPECT_EQ(proof.shown(), "new.test");
    EXPECT_FALSE(TlsClient(Application::connect(address), "other.test", "acme-tls/1").is_open);
    EXPECT_FALSE(TlsClient(Application::connect(address), "new.test", "h2").is_open);  // no route
    EXPECT_FALSE(backend.has_waiting(0));
}

}  // namespace
}  // namespace meshd::relay
