// SPDX-License-Identifier: Apache-2.0
#include "handshake.hpp"

#include <gmock/gmock.h>

#include "test_certificates.hpp"
#include "tls/session_data.hpp"

namespace meshd::tls {
namespace {

using testing::HasSubstr;

struct Handshakes : testing::Test {
    std::shared_ptr<const Credentials> credentials(const std::string& id) {
        return Credentials::load(authority.issue_for(id), authority.trust()).value();
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "ours"};
    std::shared_ptr<const Credentials> web = credentials("spiffe://example.org/web");
    std::shared_ptr<const Credentials> store = credentials("spiffe://example.org/store");
};

// A peer that has none of our rules for its own certificate.
ContextPtr careless(const SSL_METHOD* method, const model::CertificateFiles& files) {
    ContextPtr context(::SSL_CTX_new(method));
    ::SSL_CTX_set_security_level(context.get(), 0);
    EXPECT_EQ(::SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()), 1);
    EXPECT_EQ(::SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM), 1);
    return context;
}

TEST_F(Handshakes, TellEachSideWhoTheOtherIs) {
    Handshake handshake(*web, *store);
    handshake.run();
    EXPECT_EQ(handshake.client_result().result, HandshakeResult::ok);
    EXPECT_EQ(handshake.server_result().result, HandshakeResult::ok);
    EXPECT_EQ(peer_identity(handshake.client()), "spiffe://example.org/store");
    EXPECT_EQ(peer_identity(handshake.server()), "spiffe://example.org/web");
    EXPECT_STREQ(::SSL_get_version(handshake.client()), "TLSv1.3");
}

struct Bad {
    const char* name;
    Wish wish;
    HandshakeResult result;
};

struct BadPeer : Handshakes, testing::WithParamInterface<Bad> {};

TEST_P(BadPeer, IsRefusedAsServer) {
    const auto context = careless(::TLS_server_method(), authority.issue(GetParam().wish));
    Handshake handshake(web->contexts().client.get(), context.get());
    handshake.run();
    EXPECT_EQ(name(handshake.client_result().result), name(GetParam().result)) << handshake.client_result().detail;
    EXPECT_EQ(handshake.server_result().result, HandshakeResult::refused) << handshake.server_result().detail;
}

TEST_P(BadPeer, IsRefusedAsClient) {
    const auto context = careless(::TLS_client_method(), authority.issue(GetParam().wish));
    Handshake handshake(context.get(), web->contexts().server.get());
    handshake.run();
    EXPECT_EQ(name(handshake.server_result().result), name(GetParam().result)) << handshake.server_result().detail;
    EXPECT_EQ(handshake.client_result().result, HandshakeResult::refused) << handshake.client_result().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadPeer,
    testing::Values(
        Bad{"expired", {.begins = std::chrono::hours(-2), .ends = std::chrono::hours(-1)}, HandshakeResult::expired},
        Bad{"early", {.begins = std::chrono::hours(1), .ends = std::chrono::hours(2)}, HandshakeResult::not_yet_valid},
        Bad{"domain", {.names = "URI:spiffe://example.com/web"}, HandshakeResult::wrong_trust_domain},
        Bad{"nameless", {.names = "DNS:web.example.org"}, HandshakeResult::no_identity},
        Bad{"two_names", {.names = "URI:spiffe://example.org/a,URI:spiffe://example.org/b"}, HandshakeResult::no_identity},
        Bad{"trailing_slash", {.names = "URI:spiffe://example.org/a/"}, HandshakeResult::no_identity},
        Bad{"client_only", {.purposes = "clientAuth"}, HandshakeResult::wrong_usage},
        Bad{"server_only", {.purposes = "serverAuth"}, HandshakeResult::wrong_usage},
        Bad{"rsa_1024", {.rsa_bits = 1024}, HandshakeResult::weak_key},
        Bad{"sha1", {.digest = ::EVP_sha1()}, HandshakeResult::weak_key}),
    [](const auto& bad) { return std::string(bad.param.name); });

TEST_F(Handshakes, RefuseAnAuthorityThatNobodyKnows) {
    TestAuthority other(directory, "other");
    const auto context = careless(::TLS_client_method(), other.issue());
    Handshake handshake(context.get(), web->contexts().server.get());
    handshake.run();
    EXPECT_EQ(handshake.server_result().result, HandshakeResult::unknown_ca);
    EXPECT_THAT(handshake.server_result().detail, HasSubstr("CN=other intermediate"));
}

TEST_F(Handshakes, RefuseWhatWasRevokedMeanwhile) {
    const auto files = authority.issue();
    const auto context = careless(::TLS_client_method(), files);
    authority.revoke(files);
    const auto server = credentials("spiffe://example.org/store");
    Handshake handshake(context.get(), server->contexts().server.get());
    handshake.run();
    EXPECT_EQ(handshake.server_result().result, HandshakeResult::revoked);
}

TEST_F(Handshakes, RefuseAClientWithoutACertificate) {
    const ContextPtr context(::SSL_CTX_new(::TLS_client_method()));
    Handshake handshake(context.get(), web->contexts().server.get());
    handshake.run();
    EXPECT_EQ(handshake.server_result().result, HandshakeResult::no_certificate);
    EXPECT_EQ(handshake.client_result().result, HandshakeResult::refused);
}

TEST_F(Handshakes, RefuseAnOlderProtocol) {
    const auto context = careless(::TLS_client_method(), authority.issue());
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    Handshake handshake(context.get(), web->contexts().server.get());
    handshake.run();
    EXPECT_EQ(handshake.server_result().result, HandshakeResult::protocol);
    EXPECT_EQ(handshake.client_result().result, HandshakeResult::protocol);
}

struct Resumption : Handshakes {
    TicketPtr ticket(const std::shared_ptr<const Credentials>& client, const std::shared_ptr<const Credentials>& server) {
        Handshake first(*client, *server);
        first.run();
        return first.take_ticket();
    }
};

TEST_F(Resumption, KeepsWhoTheOtherIs) {
    auto shown = ticket(web, store);
    ASSERT_NE(shown, nullptr);
    EXPECT_TRUE(may_resume(shown.get()));
    for (int i = 0; i < 3; ++i) {  // each resumed session brings the ticket for the next
        Handshake again(*web, *store, shown.get());
        again.run();
        EXPECT_EQ(::SSL_session_reused(again.client()), 1);
        EXPECT_EQ(peer_identity(again.server()), "spiffe://example.org/web");
        EXPECT_EQ(peer_identity(again.client()), "spiffe://example.org/store");
        shown = again.take_ticket();
        ASSERT_NE(shown, nullptr);
        EXPECT_TRUE(may_resume(shown.get()));
    }
}

// As if the certificates of the peer ended before the ticket is shown: before the server makes it.
void end_early(const SSL* session, int where, int /*value*/) {
    if ((where & SSL_CB_LOOP) != 0 && ::SSL_get_state(session) == TLS_ST_SR_FINISHED)
        SessionData::set_end(::SSL_get_session(session), std::chrono::system_clock::now() - std::chrono::seconds(1));
}

TEST_F(Resumption, EndsWithTheCertificatesOfTheClient) {
    Handshake first(*web, *store);
    ::SSL_set_info_callback(first.server(), end_early);
    first.run();
    const auto shown = first.take_ticket();
    ASSERT_NE(shown, nullptr);
    Handshake again(*web, *store, shown.get());
    again.run();
    EXPECT_EQ(again.server_result().result, HandshakeResult::ok);
    EXPECT_EQ(::SSL_session_reused(again.client()), 0);
}

TEST_F(Resumption, EndsWithTheCertificatesOfTheServer) {
    const auto shown = ticket(web, store);
    SessionData::set_end(shown.get(), std::chrono::system_clock::now() - std::chrono::seconds(1));
    EXPECT_FALSE(may_resume(shown.get()));
}

TEST_F(Resumption, IsNotForThoseWhoHaveOtherCredentialsMeanwhile) {
    const auto shown = ticket(web, store);
    const auto later = credentials("spiffe://example.org/store");
    Handshake again(*web, *later, shown.get());
    again.run();
    EXPECT_EQ(again.server_result().result, HandshakeResult::ok);
    EXPECT_EQ(::SSL_session_reused(again.client()), 0);
}

}  // namespace
}  // namespace meshd::tls
