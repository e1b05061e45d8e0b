// SPDX-License-Identifier: Apache-2.0
// Handshakes with servers that know nothing of a mesh.
#include "tls/outside_trust.hpp"

#include <array>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "handshake.hpp"
#include "test_certificates.hpp"
#include "tls/session.hpp"

namespace meshd::tls {
namespace {

const auto address = *base::IpAddress::parse("192.0.2.7");
const model::Origination named{.server_name = "api.example.com", .credentials = "bank"};
const model::Origination nameless{.credentials = "bank"};

// A session of ours and a server of OpenSSL, in memory.
class Meeting {
public:
    Meeting(std::shared_ptr<const Credentials> credentials, SSL_CTX* server, const Ticket& ticket = {})
        : client_(std::move(credentials), Session::Side::client, wire_, ticket, address), server_(::SSL_new(server)) {
        ::SSL_set_bio(server_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
        ::SSL_set_accept_state(server_.get());
    }
    // A goodbye, for OpenSSL forgets sessions without one.
    ~Meeting() { ::SSL_set_shutdown(server_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;

    // With what the server says after it: tickets, alerts.
    HandshakeFailure run() {
        constexpr int enough = 6;
        std::string said;
        for (int round = 0; round < enough; ++round) {
            wire_.received = said;
            if (advance() == Session::Step::failed) return client_.failure();
            said = answer(std::exchange(wire_.to_send, {}));
        }
        return {is_open_ ? HandshakeResult::ok : HandshakeResult::timeout, {}};
    }

    Session& client() { return client_; }
    [[nodiscard]] SSL* server() const { return server_.get(); }

private:
    Session::Step advance() {
        if (is_open_) {
            std::array<char, 16> nothing{};
            return client_.read(nothing).step;
        }
        const auto step = client_.handshake();
        is_open_ = step == Session::Step::done;
        return step;
    }

    std::string answer(const std::string& heard) {
        ::BIO_write(::SSL_get_rbio(server_.get()), heard.data(), static_cast<int>(heard.size()));
        std::array<char, 1U << 16U> buffer{};
        if (SSL_is_init_finished(server_.get()) == 0)
            ::SSL_do_handshake(server_.get());
        else
            ::SSL_read(server_.get(), buffer.data(), buffer.size());
        ::ERR_clear_error();  // of the server, which would be another program
        const int size = ::BIO_read(::SSL_get_wbio(server_.get()), buffer.data(), buffer.size());
        return {buffer.data(), static_cast<std::size_t>(std::max(size, 0))};
    }

    Wire wire_;
    Session client_;
    std::unique_ptr<SSL, FreeSession> server_;
    bool is_open_ = false;
};

struct OutsideTrustTest : testing::Test {
    // Whatever a test asks of it.
    ContextPtr server(const Wish& wish, int newest = TLS1_3_VERSION) { return server_of(authority.issue(wish), newest); }
    static ContextPtr server_of(const model::CertificateFiles& files, int newest) {
        ContextPtr made(::SSL_CTX_new(::TLS_server_method()));
        EXPECT_EQ(::SSL_CTX_use_certificate_chain_file(made.get(), files.certificate.c_str()), 1);
        EXPECT_EQ(::SSL_CTX_use_PrivateKey_file(made.get(), files.key.c_str(), SSL_FILETYPE_PEM), 1);
        SSL_CTX_set_max_proto_version(made.get(), newest);
        return made;
    }

    std::shared_ptr<const Credentials> client(const model::Origination& of, const model::CertificateFiles& shows = {}) {
        const auto trust = OutsideTrust::load({"bank", authority.trust().authorities, shows});
        if (!trust) throw std::runtime_error(trust.error().message());
        return (*trust)->credentials(of).value();
    }

    HandshakeResult result(const model::Origination& of, const ContextPtr& from) {
        Meeting meeting(client(of), from.get());
        auto ended = meeting.run();
        detail = std::move(ended.detail);
        return ended.result;
    }
    HandshakeResult result(const Wish& wish) { return result(named, server(wish)); }

    static Wish of(std::string names) {
        Wish wish;
        wish.names = std::move(names);
        wish.purposes = "serverAuth";
        return wish;
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "outside"};
    std::string detail;
};

TEST_F(OutsideTrustTest, TakesAServerOfThatName) {
    EXPECT_EQ(result(of("DNS:api.example.com")), HandshakeResult::ok) << detail;
    EXPECT_EQ(result(of("DNS:*.example.com")), HandshakeResult::ok) << detail;
    EXPECT_EQ(result(named, server(of("DNS:api.example.com"), TLS1_2_VERSION)), HandshakeResult::ok) << detail;
}

TEST_F(OutsideTrustTest, RefusesWhoIsAnother) {
    EXPECT_EQ(result(of("DNS:example.com")), HandshakeResult::wrong_name);
    EXPECT_NE(detail.find("api.example.com"), std::string::npos) << detail;
    EXPECT_EQ(result(of("DNS:a*.example.com")), HandshakeResult::wrong_name);
    EXPECT_EQ(result(of("DNS:*.com")), HandshakeResult::wrong_name);
    EXPECT_EQ(result(of("IP:192.0.2.7")), HandshakeResult::wrong_name);
}

TEST_F(OutsideTrustTest, VerifiesTheAddressWithoutAName) {
    EXPECT_EQ(result(nameless, server(of("IP:192.0.2.7"))), HandshakeResult::ok) << detail;
    EXPECT_EQ(result(nameless, server(of("IP:192.0.2.8"))), HandshakeResult::wrong_name);
    EXPECT_NE(detail.find("192.0.2.7"), std::string::npos) << detail;
    EXPECT_EQ(result(nameless, server(of("DNS:api.example.com"))), HandshakeResult::wrong_name);
}

TEST_F(OutsideTrustTest, NamesWhatIsWrong) {
    auto expired = of("DNS:api.example.com");
    expired.begins = std::chrono::hours(-2);
    expired.ends = std::chrono::hours(-1);
    EXPECT_EQ(result(expired), HandshakeResult::expired);
    auto early = of("DNS:api.example.com");
    early.begins = std::chrono::hours(1);
    early.ends = std::chrono::hours(2);
    EXPECT_EQ(result(early), HandshakeResult::not_yet_valid);
    auto of_a_client = of("DNS:api.example.com");
    of_a_client.purposes = "clientAuth";
    EXPECT_EQ(result(of_a_client), HandshakeResult::wrong_usage);
    TestAuthority other(directory, "other");
    EXPECT_EQ(result(named, server_of(other.issue(of("DNS:api.example.com")), TLS1_3_VERSION)), HandshakeResult::unknown_ca);
}

TEST_F(OutsideTrustTest, SpeaksNoOlderVersionThanAsked) {
    auto newest = named;
    newest.min_version = model::TlsVersion::tls_1_3;
    EXPECT_EQ(result(newest, server(of("DNS:api.example.com"))), HandshakeResult::ok) << detail;
    EXPECT_EQ(result(newest, server(of("DNS:api.example.com"), TLS1_2_VERSION)), HandshakeResult::protocol);
    EXPECT_EQ(result(named, server(of("DNS:api.example.com"), TLS1_1_VERSION)), HandshakeResult::protocol);
}

TEST_F(OutsideTrustTest, AsksForTheServerAndOffersProtocols) {
    auto offering = named;
    offering.alpn = {"h2", "http/1.1"};
    const auto from = server(of("DNS:api.example.com"));
    ::SSL_CTX_set_alpn_select_cb(
        from.get(),
        [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered, unsigned, void*) {
            *chosen = offered + 1;
            *size = *offered;
            return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
    Meeting meeting(client(offering), from.get());
    EXPECT_EQ(meeting.run().result, HandshakeResult::ok);
    EXPECT_EQ(meeting.client().agreed().protocol, "h2");
    EXPECT_STREQ(::SSL_get_servername(meeting.server(), TLSEXT_NAMETYPE_host_name), "api.example.com");
}

TEST_F(OutsideTrustTest, ShowsACertificateToWhoAsks) {
    const auto shown = authority.issue(of("DNS:client.example.com"));
    for (const int newest : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto from = server(of("DNS:api.example.com"), newest);
        ::SSL_CTX_set_verify(from.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                             [](int, X509_STORE_CTX*) { return 1; });
        Meeting with(client(named, shown), from.get());
        EXPECT_EQ(with.run().result, HandshakeResult::ok) << newest;
        EXPECT_NE(::SSL_get0_peer_certificate(with.server()), nullptr) << newest;
        Meeting without(client(named), from.get());
        EXPECT_EQ(without.run().result, newest == TLS1_3_VERSION ? HandshakeResult::refused : HandshakeResult::protocol)
            << newest;
    }
}

TEST_F(OutsideTrustTest, ResumesWithinBothVersions) {
    for (const int newest : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto credentials = client(named);
        const auto from = server(of("DNS:api.example.com"), newest);
        Meeting first(credentials, from.get());
        ASSERT_EQ(first.run().result, HandshakeResult::ok) << newest;
        EXPECT_EQ(first.client().is_accepted_at_once(), newest == TLS1_2_VERSION);
        const auto ticket = first.client().take_ticket();
        ASSERT_TRUE(is_usable(ticket)) << newest;
        Meeting second(credentials, from.get(), ticket);
        EXPECT_EQ(second.run().result, HandshakeResult::ok) << newest;
        EXPECT_TRUE(second.client().resumed()) << newest;
    }
}

TEST_F(OutsideTrustTest, RefusesFilesThatAreNoGood) {
    const auto files = authority.issue(of("DNS:client.example.com"));
    const auto other = authority.issue(of("DNS:client.example.com"));
    auto weak = of("DNS:client.example.com");
    weak.rsa_bits = 1024;
    const auto small = authority.issue(weak);
    const auto why = [](const model::OutsideCredentials& wanted) {
        const auto loaded = OutsideTrust::load(wanted);
        return loaded ? std::string("none") : loaded.error().object;
    };
    EXPECT_EQ(why({"a", authority.trust().authorities, files}), "none");
    EXPECT_EQ(why({"a", "", {}}), "none");
    EXPECT_EQ(why({"a", "/nowhere/ca.pem", {}}), "/nowhere/ca.pem");
    EXPECT_EQ(why({"a", files.key, {}}), files.key);
    EXPECT_EQ(why({"a", "", {files.certificate, other.key}}), files.certificate);
    EXPECT_EQ(why({"a", "", small}), "a");
}

}  // namespace
}  // namespace meshd::tls
