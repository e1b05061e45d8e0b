// SPDX-License-Identifier: Apache-2.0
// Peers that are not as they should be, or are not ours.
#include <cstdio>
#include <fstream>

#include <malloc.h>

#include <gtest/gtest.h>

#include "hosts.hpp"
#include "peer.hpp"
#include "relay/proxy_header.hpp"

namespace meshd::relay {
namespace {

using namespace std::string_literals;
using End = Application::End;
using Side = tls::Session::Side;
using tls::HandshakeResult;

struct PeersTest : testing::Test {
    Hosts hosts;

    Peer peer() {
        Peer made(Application::connect(hosts.inbound_address), hosts.credentials("spiffe://example.org/by-hand"), Side::client);
        EXPECT_TRUE(made.shake_hands());
        return made;
    }
    [[nodiscard]] std::string header() const { return to_wire({hosts.backend.address(), hosts.backend.address(), "shop"}); }
    void expect_failure(HandshakeResult of_client, HandshakeResult of_server) {
        EXPECT_EQ(hosts.connect().hear_end(), End::reset);
        EXPECT_TRUE(eventually([&] { return hosts.count(hosts.taken(), of_server) == 1; })) << tls::name(of_server);
        EXPECT_TRUE(eventually([&] { return hosts.count(hosts.sent(), of_client) == 1; })) << tls::name(of_client);
        EXPECT_TRUE(eventually([&] { return hosts.failures().size() == 2; }));
        EXPECT_FALSE(hosts.backend.has_waiting(0));
    }
};

TEST_F(PeersTest, ClientsOfAnotherAuthorityAreRefused) {
    tls::TestAuthority other(hosts.directory, "other");
    const auto files = other.issue_for("spiffe://example.org/client");
    hosts.configure_client(*tls::Credentials::load(files, {"example.org", other.trust().authorities, {}}));
    // It does not believe the server either, and says so first.
    expect_failure(HandshakeResult::unknown_ca, HandshakeResult::refused);
}

TEST_F(PeersTest, ClientsOfAnotherTrustDomainAreRefused) {
    const auto files = hosts.authority.issue_for("spiffe://elsewhere.org/client");
    hosts.configure_client(*tls::Credentials::load(files, hosts.authority.trust("elsewhere.org")));
    expect_failure(HandshakeResult::wrong_trust_domain, HandshakeResult::refused);
}

// In TLS 1.3 a client is through before the server has seen its certificate: it learns of this by its first read.
TEST_F(PeersTest, ClientsThatAreRevokedAreRefused) {
    const auto files = hosts.authority.issue_for("spiffe://example.org/client");
    hosts.configure_client(hosts.load(files));
    hosts.authority.revoke(files);
    hosts.configure_server(hosts.credentials("spiffe://example.org/server"));
    expect_failure(HandshakeResult::refused, HandshakeResult::revoked);
}

TEST_F(PeersTest, ServersThatAreRevokedAreRefused) {
    const auto files = hosts.authority.issue_for("spiffe://example.org/server");
    hosts.configure_server(hosts.load(files));
    hosts.authority.revoke(files);
    hosts.configure_client(hosts.credentials("spiffe://example.org/client"));
    expect_failure(HandshakeResult::revoked, HandshakeResult::refused);
}

TEST_F(PeersTest, ConnectionsOfWhoIsRevokedAreReset) {
    const auto of_client = hosts.authority.issue_for("spiffe://example.org/client");
    const auto of_server = hosts.authority.issue_for("spiffe://example.org/server");
    hosts.configure_client(hosts.load(of_client));
    hosts.configure_server(hosts.load(of_server));
    const auto [client, server] = hosts.pair();
    hosts.authority.revoke(hosts.authority.issue_for("spiffe://example.org/another"));
    hosts.configure_server(hosts.load(of_server));
    client.say("still");
    EXPECT_EQ(server.hear(5), "still");
    hosts.authority.revoke(of_client);
    hosts.configure_server(hosts.load(of_server));
    EXPECT_EQ(client.hear_end(), End::reset);
    EXPECT_EQ(server.hear_end(), End::reset);
    EXPECT_EQ(hosts.taken().denied, 1U);
}

TEST_F(PeersTest, WhoDoesNotSpeakTlsIsRefused) {
    const auto stranger = Application::connect(hosts.inbound_address);
    stranger.say("GET / HTTP/1.1\r\n\r\n");
    (void)stranger.hear_end();
    EXPECT_TRUE(eventually([&] { return hosts.count(hosts.taken(), HandshakeResult::protocol) == 1; }));
    Application::connect(hosts.inbound_address).close();
    EXPECT_TRUE(eventually([&] { return hosts.count(hosts.taken(), HandshakeResult::reset) == 1; }));
}

TEST_F(PeersTest, AThousandFailedHandshakesLeaveNothing) {
    const auto fail = [&](int times) {
        const auto before = hosts.count(hosts.taken(), HandshakeResult::protocol);
        for (int i = 0; i < times; ++i) {
            const auto stranger = Application::connect(hosts.inbound_address);
            stranger.say("\x16\x03\x01\x00\x05hello, hello"s);
            (void)stranger.hear_end();
        }
        return eventually(
            [&] { return hosts.count(hosts.taken(), HandshakeResult::protocol) == before + static_cast<std::uint64_t>(times); });
    };
    ASSERT_TRUE(fail(100));
    const auto before = ::mallinfo2().uordblks;
    ASSERT_TRUE(fail(1000));
    EXPECT_LT(::mallinfo2().uordblks, before + 100'000);
    EXPECT_LT(hosts.failures().size(), 100U);  // not all are told
}

TEST_F(PeersTest, HeadersMayComeInPieces) {
    auto client = peer();
    const auto wire = header();
    for (const auto byte : wire) client.say({&byte, 1});
    client.say("hello");
    const auto server = hosts.backend.accept();
    EXPECT_EQ(server.hear(5), "hello");
    server.say("hi");
    EXPECT_EQ(client.hear(2), "hi");
}

TEST_F(PeersTest, AllMayComeAtOnce) {
    auto client = peer();
    const std::string much(100'000, 'x');
    client.say(header() + much);
    client.finish();
    const auto server = hosts.backend.accept();
    EXPECT_EQ(server.hear(much.size()), much);
    EXPECT_EQ(server.hear_end(), End::fin);
    server.say("done");
    EXPECT_EQ(client.hear(4), "done");
}

TEST_F(PeersTest, MalformedHeadersAreRefused) {
    for (const auto& begin : {"GET / HTTP/1.1\r\n\r\n"s, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s, std::string(100'000, '\r')}) {
        auto client = peer();
        client.say(begin);
        EXPECT_EQ(client.hear(1), "");
    }
    EXPECT_TRUE(eventually([&] { return hosts.taken().refused == 3; }));
    auto client = peer();
    client.say(header().substr(0, 20));
    client.finish();
    EXPECT_EQ(client.hear(1), "");
    EXPECT_TRUE(eventually([&] { return hosts.taken().refused == 4; }));
    peer().finish();  // had no use for its connection
    EXPECT_FALSE(hosts.backend.has_waiting(0));
    EXPECT_EQ(hosts.taken().refused, 4U);
}

TEST_F(PeersTest, MalformedRecordsResetTheApplication) {
    auto client = peer();
    client.say(header() + "hello");
    const auto server = hosts.backend.accept();
    EXPECT_EQ(server.hear(5), "hello");
    client.socket.say("\x17\x03\x03\x00\x20"s + std::string(32, 'x'));
    EXPECT_EQ(server.hear_end(), End::reset);
}

TEST_F(PeersTest, AnEndWithoutAWordResetsTheApplication) {
    auto client = peer();
    client.say(header() + "hello");
    const auto server = hosts.backend.accept();
    EXPECT_EQ(server.hear(5), "hello");
    client.socket.close();
    EXPECT_EQ(server.hear_end(), End::reset);
}

// A program of others at one end.
class OpenSsl {
public:
    explicit OpenSsl(const std::string& arguments) : pipe_(::popen(("exec openssl " + arguments + " 2>&1").c_str(), "re")) {}
    OpenSsl(const OpenSsl&) = delete;
    OpenSsl& operator=(const OpenSsl&) = delete;
    ~OpenSsl() { ::pclose(pipe_); }

    std::string line() {
        std::string text;
        for (int byte = std::fgetc(pipe_); byte != EOF && byte != '\n'; byte = std::fgetc(pipe_)) text += static_cast<char>(byte);
        return text;
    }

private:
    std::FILE* pipe_;
};

bool has_openssl() { return !OpenSsl("version").line().starts_with("sh:"); }

std::string files_of(Hosts& hosts, const std::string& id) {
    const auto files = hosts.authority.issue_for(id);
    return " -cert " + files.certificate + " -cert_chain " + files.certificate + " -key " + files.key + " -CAfile " +
           hosts.authority.trust().authorities;
}

TEST_F(PeersTest, OpensslMayBeTheClient) {
    if (!has_openssl()) GTEST_SKIP() << "needs openssl";
    const auto input = hosts.directory.write("input", header() + "hello");
    OpenSsl client("s_client -quiet -connect " + hosts.inbound_address.text() + files_of(hosts, "spiffe://example.org/openssl") +
                   " <" + input);
    auto server = hosts.backend.accept();
    EXPECT_EQ(server.hear(5), "hello");
    server.say("\nanswer\n");
    server.close();
    auto line = client.line();
    while (line != "answer" && !line.empty()) line = client.line();  // behind what it says about certificates
    while (line.empty()) line = client.line();
    EXPECT_EQ(line, "answer");
}

TEST_F(PeersTest, OpensslMayBeTheServer) {
    if (!has_openssl()) GTEST_SKIP() << "needs openssl";
    OpenSsl server("s_server -rev -naccept 1 -Verify 3 -accept 127.0.0.1:0" + files_of(hosts, "spiffe://example.org/openssl"));
    auto line = server.line();
    while (!line.starts_with("ACCEPT ")) line = server.line();
    hosts.peer_port = base::SocketAddress::parse(line.substr(7))->port;
    hosts.configure_client(hosts.credentials("spiffe://example.org/client"));
    const auto client = hosts.connect();
    client.say("olleh\n");
    std::string heard;
    while (heard.find("hello") == std::string::npos) {
        const auto byte = client.hear(1);
        ASSERT_FALSE(byte.empty());
        heard += byte;
    }
    EXPECT_NE(heard.find("TIUQ"), std::string::npos);  // of the PROXY header
    client.say("CLOSE\n");
    EXPECT_EQ(client.hear_end(), End::fin);
}

}  // namespace
}  // namespace meshd::relay
