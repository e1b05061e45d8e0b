// SPDX-License-Identifier: Apache-2.0
#include "worker/peer_checks.hpp"

#include <array>
#include <csignal>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "loop.hpp"
#include "test_certificates.hpp"

namespace meshd::worker {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;

const auto backend = *base::SocketAddress::parse("10.0.0.5:80");
const channel::TlsCheck::Target asked{*base::SocketAddress::parse("10.96.0.1:80"), backend};

// Checks of a peer that these tests play.
struct PeerChecksTest : testing::Test {
    PeerChecksTest() { std::signal(SIGPIPE, SIG_IGN); }

    channel::TlsFinding check(PeerCheck::Patience patience = {}) {
        checks.emplace(
            loop.context,
            [this](const std::string&, const channel::TlsCheck::Target&) {
                return target ? std::optional(Way{*target, credentials}) : std::nullopt;
            },
            [this](const channel::TlsFinding& finding) { findings.push_back(finding); }, patience);
        checks->add({7, "", {asked}});
        EXPECT_TRUE(loop.run_until([this] { return !findings.empty(); }));
        return findings.empty() ? channel::TlsFinding{} : findings.front();
    }

    // What comes first from whoever connects is answered so; empty: the connection is closed.
    void answer(const std::string& text) {
        listener.async_accept([this, text](const boost::system::error_code& error, tcp::socket accepted) {
            if (error) return;
            peer.emplace(std::move(accepted));
            peer->async_read_some(boost::asio::buffer(heard), [this, text](const boost::system::error_code&, std::size_t) {
                if (!text.empty()) boost::asio::write(*peer, boost::asio::buffer(text));
                if (text.empty()) peer.reset();
            });
        });
    }

    tls::TemporaryDirectory directory;
    tls::TestAuthority authority{directory, "ours"};
    std::shared_ptr<const tls::Credentials> credentials = tls::Credentials::load(authority.issue(), authority.trust()).value();
    Loop loop;
    tcp::acceptor listener{loop.context, {boost::asio::ip::address_v4::loopback(), 0}};
    std::optional<PeerCheck::Target> target{
        PeerCheck::Target{{*base::IpAddress::parse("127.0.0.1"), listener.local_endpoint().port()}, backend, "web"}};
    std::optional<tcp::socket> peer;
    std::array<char, 4096> heard{};
    std::vector<channel::TlsFinding> findings;
    std::optional<PeerChecks> checks;
};

TEST_F(PeerChecksTest, NeedACertificateAndAWay) {
    credentials.reset();
    const auto finding = check();
    EXPECT_EQ(finding.result, "no_identity_here");
    EXPECT_EQ(finding.id, 7U);
    EXPECT_EQ(finding.backend, backend);
    findings.clear();
    target.reset();
    EXPECT_EQ(check().result, "no_route");
}

TEST_F(PeerChecksTest, TellThatNobodyListens) {
    listener.close();
    const auto finding = check();
    EXPECT_EQ(finding.result, "connect");
    EXPECT_EQ(finding.id, 7U);
    EXPECT_EQ(finding.backend, backend);
    EXPECT_EQ(finding.peer, target->peer.text());
    EXPECT_FALSE(finding.is_accepted);
}

TEST_F(PeerChecksTest, WaitForASilentPeerForABoundedTime) {
    EXPECT_EQ(check({.connect = seconds(5), .handshake = milliseconds(50)}).result, "timeout");
}

TEST_F(PeerChecksTest, TellWhatIsNoTls) {
    answer("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_EQ(check().result, "protocol");
}

TEST_F(PeerChecksTest, TellThatThePeerHungUp) {
    answer("");
    EXPECT_EQ(check().result, "reset");
}

}  // namespace
}  // namespace meshd::worker
