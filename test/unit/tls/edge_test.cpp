// SPDX-License-Identifier: Apache-2.0
// Certificates that clients from outside are shown: which, and what is agreed on.
#include "tls/edge_certificate.hpp"

#include <stdexcept>

#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "handshake.hpp"
#include "test_certificates.hpp"
#include "tls/edge_context.hpp"
#include "tls/edge_state.hpp"
#include "tls/session_data.hpp"

namespace meshd::tls {
namespace {

using model::TlsProfile;
using std::chrono::hours;

struct EdgeCertificateTest : testing::Test {
    std::shared_ptr<const EdgeCertificate> load(const Wish& wish, TlsProfile profile = TlsProfile::intermediate,
                                                const std::string& ocsp = {}) {
        auto loaded = EdgeCertificate::load({authority.issue(wish), ocsp}, profile, tickets);
        if (!loaded) throw std::runtime_error(loaded.error().message());
        return *loaded;
    }
    std::shared_ptr<const EdgeCertificate> for_names(const std::string& names) {
        return load({.names = names, .purposes = "serverAuth"});
    }

    // A client that believes anybody.
    ContextPtr client{::SSL_CTX_new(::TLS_client_method())};
    HandshakeFailure shake(const EdgeCertificate& certificate, const std::function<void(Handshake&)>& prepare = {}) {
        Handshake handshake(client.get(), certificate.state().server.get());
        if (prepare) prepare(handshake);
        handshake.run();
        version = ::SSL_get_version(handshake.client());
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        ::SSL_get0_alpn_selected(handshake.client(), &chosen, &size);
        protocol.assign(reinterpret_cast<const char*>(chosen), size);
        const unsigned char* response = nullptr;
        staple_size = SSL_get_tlsext_status_ocsp_resp(handshake.client(), &response);
        ticket = handshake.take_ticket();
        return handshake.server_result();
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "ours"};
    std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>();
    std::string version, protocol;
    long staple_size = 0;
    TicketPtr ticket;
};

TEST_F(EdgeCertificateTest, HasTheNamesOfItsHosts) {
    EXPECT_EQ(for_names("DNS:Shop.test,DNS:*.shop.test,DNS:*,IP:10.0.0.1,DNS:a.*.test")->names(),
              (std::vector<std::string>{"shop.test", "*.shop.test"}));
}

TEST_F(EdgeCertificateTest, IsChosenByName) {
    const auto first = for_names("DNS:first.test"), wild = for_names("DNS:*.shop.test"), exact = for_names("DNS:a.shop.test");
    const EdgeContext context({first, wild, exact}, false);
    EXPECT_EQ(context.find("a.shop.test"), exact);
    EXPECT_EQ(context.find("b.shop.test"), wild);
    EXPECT_EQ(context.find("a.b.shop.test"), first);
    EXPECT_EQ(context.find("other.test"), first);
    EXPECT_EQ(context.find(""), first);
    const EdgeContext strict({first, wild, exact}, true);
    EXPECT_EQ(strict.find("first.test"), first);
    EXPECT_EQ(strict.find("other.test"), nullptr);
    EXPECT_EQ(strict.find(""), nullptr);
}

TEST_F(EdgeCertificateTest, HasOthersForClientsThatKnowNotItsKey) {
    const auto of_rsa = [&](const std::string& names) {
        return load({.names = names, .purposes = "serverAuth", .rsa_bits = 2048});
    };
    const auto one = for_names("DNS:a.shop.test"), same = for_names("DNS:*.shop.test"), wild = of_rsa("DNS:*.shop.test");
    const auto exact = of_rsa("DNS:b.shop.test");
    using Others = std::vector<EdgeContext::CertificatePtr>;
    const EdgeContext context({one, same, wild, exact}, false);
    EXPECT_EQ(context.find_others(*one, "a.shop.test"), Others{wild});
    EXPECT_EQ(context.find_others(*same, "b.shop.test"), Others{exact});
    EXPECT_EQ(context.find_others(*exact, "b.shop.test"), Others{same});
    EXPECT_EQ(context.find_others(*one, "other.test"), Others{});
    EXPECT_EQ(context.find_others(*one, ""), Others{});
}

TEST_F(EdgeCertificateTest, TakesTheVersionsOfItsProfile) {
    const auto intermediate = for_names("DNS:a.test");
    const auto modern = load({.names = "DNS:a.test", .purposes = "serverAuth"}, TlsProfile::modern);
    EXPECT_EQ(shake(*intermediate).result, HandshakeResult::ok);
    EXPECT_EQ(version, "TLSv1.3");
    SSL_CTX_set_max_proto_version(client.get(), TLS1_2_VERSION);
    EXPECT_EQ(shake(*intermediate).result, HandshakeResult::ok);
    EXPECT_EQ(version, "TLSv1.2");
    EXPECT_EQ(shake(*modern).result, HandshakeResult::protocol);
    SSL_CTX_set_max_proto_version(client.get(), TLS1_1_VERSION);
    ::SSL_CTX_set_security_level(client.get(), 0);
    EXPECT_EQ(shake(*intermediate).result, HandshakeResult::protocol);
}

TEST_F(EdgeCertificateTest, AgreesOnTheProtocolThatTheRoutePrefers) {
    const auto certificate = for_names("DNS:a.test");
    const auto shake_with = [&](const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
        const auto list = protocol_list(ours), wanted = protocol_list(theirs);
        return shake(*certificate,
                     [&](Handshake& handshake) {
                         SessionData::set_protocols(handshake.server(), &list);
                         ::SSL_set_alpn_protos(handshake.client(), reinterpret_cast<const unsigned char*>(wanted.data()),
                                               static_cast<unsigned>(wanted.size()));
                     })
            .result;
    };
    EXPECT_EQ(shake_with({"h2", "http/1.1"}, {"http/1.1", "h2"}), HandshakeResult::ok);
    EXPECT_EQ(protocol, "h2");
    EXPECT_EQ(shake_with({"h2", "http/1.1"}, {}), HandshakeResult::ok);
    EXPECT_EQ(protocol, "");
    EXPECT_EQ(shake_with({}, {"h2"}), HandshakeResult::ok);
    EXPECT_EQ(protocol, "");
    EXPECT_EQ(shake_with({"h2"}, {"smtp"}), HandshakeResult::protocol);
}

TEST_F(EdgeCertificateTest, TakesASessionUpOnlyWhereItIsTheSame) {
    const auto one = for_names("DNS:a.test"), other = for_names("DNS:b.test");
    SSL_CTX_set_session_cache_mode(client.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(client.get(), [](SSL* session, SSL_SESSION* fresh) {
        SessionData::keeper(session)->keep(session, fresh);
        return 0;
    });
    EXPECT_EQ(shake(*one).result, HandshakeResult::ok);
    ASSERT_NE(ticket, nullptr);
    const auto takes_up = [&](const EdgeCertificate& certificate) {
        const TicketPtr shown(::SSL_SESSION_dup(ticket.get()));  // OpenSSL shows none twice
        Handshake handshake(client.get(), certificate.state().server.get(), shown.get());
        handshake.run();
        EXPECT_EQ(handshake.server_result().result, HandshakeResult::ok);
        return ::SSL_session_reused(handshake.server()) == 1;
    };
    EXPECT_TRUE(takes_up(*one));
    EXPECT_FALSE(takes_up(*other));
}

TEST_F(EdgeCertificateTest, KeysOfTicketsLastTwelveHoursAndAreKnownAsLongAgain) {
    auto now = TicketKeys::Clock::now();
    tickets = std::make_shared<TicketKeys>([&] { return now; });
    const auto certificate = for_names("DNS:a.test");
    SSL_CTX_set_session_cache_mode(client.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(client.get(), [](SSL* session, SSL_SESSION* fresh) {
        SessionData::keeper(session)->keep(session, fresh);
        return 0;
    });
    EXPECT_EQ(shake(*certificate).result, HandshakeResult::ok);
    const auto first = std::move(ticket);
    ASSERT_NE(first, nullptr);
    const auto takes_up = [&] {
        const TicketPtr shown(::SSL_SESSION_dup(first.get()));  // OpenSSL shows none twice
        Handshake handshake(client.get(), certificate->state().server.get(), shown.get());
        handshake.run();
        EXPECT_EQ(handshake.server_result().result, HandshakeResult::ok);
        return ::SSL_session_reused(handshake.server()) == 1;
    };
    EXPECT_TRUE(takes_up());
    now += hours(13);
    EXPECT_EQ(shake(*certificate).result, HandshakeResult::ok);  // which has another key
    EXPECT_TRUE(takes_up());
    now += hours(12);
    EXPECT_FALSE(takes_up());
}

TEST_F(EdgeCertificateTest, TellsWhatClientsWillDislike) {
    const auto now = std::chrono::system_clock::now();
    const auto certificate = load({.names = "DNS:a.test", .purposes = "serverAuth", .ends = hours(1)});
    EXPECT_EQ(certificate->problem(now), "");
    EXPECT_NE(certificate->problem(now + hours(2)).find("it expired"), std::string::npos);
    EXPECT_NE(certificate->problem(now - hours(2)).find("it is valid only from"), std::string::npos);
    const auto stapled =
        load({.names = "DNS:a.test", .purposes = "serverAuth"}, TlsProfile::intermediate, directory.write("x.ocsp", "nothing"));
    EXPECT_NE(stapled->problem(now).find("it is no response in DER"), std::string::npos) << stapled->problem(now);
    EXPECT_EQ(
        shake(*stapled, [](Handshake& handshake) { SSL_set_tlsext_status_type(handshake.client(), TLSEXT_STATUSTYPE_ocsp); })
            .result,
        HandshakeResult::ok);
    EXPECT_EQ(staple_size, -1);
}

TEST_F(EdgeCertificateTest, ErrorsNameTheFile) {
    const auto good = authority.issue({.names = "DNS:a.test"}), other = authority.issue({.names = "DNS:a.test"});
    const auto why = [&](const model::CertificateFiles& files) {
        const auto loaded = EdgeCertificate::load({files, ""}, TlsProfile::intermediate, tickets);
        return loaded ? "" : loaded.error().message();
    };
    EXPECT_EQ(why(good), "");
    EXPECT_NE(why({good.certificate, other.key}).find(other.key + " is not its key"), std::string::npos);
    EXPECT_NE(why({"/nowhere.pem", good.key}).find("/nowhere.pem"), std::string::npos);
}

}  // namespace
}  // namespace meshd::tls
