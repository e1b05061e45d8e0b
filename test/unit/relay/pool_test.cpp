// SPDX-License-Identifier: Apache-2.0
// Connections that are ready before they are wanted, and what becomes of them when the other side hangs up.
#include <algorithm>
#include <list>
#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "hosts.hpp"
#include "peer.hpp"
#include "relay/proxy_header.hpp"

namespace meshd::relay {
namespace {

using End = Application::End;
using Side = tls::Session::Side;

TEST(Pool, HasConnectionsReadyForWhoComesOften) {
    Hosts hosts;
    EXPECT_TRUE(eventually([&] {
        auto [client, server] = hosts.pair();
        server.say("x");
        EXPECT_EQ(client.hear(1), "x");
        return hosts.client->figures().pool_hits >= 3;
    }));
    const auto figures = hosts.client->figures();
    EXPECT_EQ(figures.pool_hits + figures.pool_misses, figures.directions[0].relayed);
    EXPECT_EQ(hosts.server->figures().pool_misses, 0U);
}

// The client's engine, and the other side by hand.
struct PoolTest : testing::Test {
    PoolTest() {
        hosts.peer_port = worker.address().port;
        hosts.configure_client(hosts.credentials("spiffe://example.org/client"));
    }

    // The other end of a connection that an application uses; those that are only kept ready go to `idle`.
    Peer accept() {
        std::list<Peer>::iterator asked;
        const auto find = [&] {
            if (worker.has_waiting(0)) {
                idle.emplace_back(worker.accept(), hosts.credentials("spiffe://example.org/by-hand"), Side::server);
                EXPECT_TRUE(idle.back().shake_hands());
            }
            asked = std::find_if(idle.begin(), idle.end(), [](const Peer& peer) { return peer.has_more(); });
            return asked != idle.end();
        };
        if (!eventually(find)) throw std::runtime_error("nobody asks");
        auto peer = std::move(*asked);
        idle.erase(asked);
        return peer;
    }
    // Who connects again and again has one ready some time.
    Peer& ready() {
        while (idle.empty()) {
            waiting.push_back(hosts.connect());
            peers.push_back(accept());
        }
        EXPECT_TRUE(eventually([&] { return hosts.client->figures().pool_ready == 1; }));
        return idle.front();
    }
    void expect_answered(const Application& client, Peer peer) {
        EXPECT_EQ(peer.hear(header_size).substr(0, 12), std::string("\r\n\r\n\0\r\nQUIT\n", 12));
        EXPECT_EQ(peer.hear(8), "question");
        peer.say("answer");
        EXPECT_EQ(client.hear(6), "answer");
        peers.push_back(std::move(peer));
    }

    Hosts hosts;
    TestListener worker;
    std::vector<Application> waiting;
    std::list<Peer> peers, idle;
    std::size_t header_size = to_wire({hosts.backend.address(), hosts.backend.address(), "shop"}).size();
};

TEST_F(PoolTest, GivesOutAReadyOne) {
    (void)ready();
    const auto client = hosts.connect();
    client.say("question");
    expect_answered(client, accept());
    EXPECT_EQ(hosts.client->figures().pool_hits, 1U);
}

TEST_F(PoolTest, ForgetsThoseThatThePeerHasClosed) {
    ready().finish();
    EXPECT_TRUE(eventually([&] { return hosts.client->figures().pool_ready == 0; }));
    idle.clear();
    const auto client = hosts.connect();
    client.say("question");
    expect_answered(client, accept());
    EXPECT_EQ(hosts.client->figures().pool_hits, 0U);
}

TEST_F(PoolTest, ForgetsThoseOfEarlierCredentials) {
    auto& ready_one = ready();
    hosts.configure_client(hosts.credentials("spiffe://example.org/client/new"));
    EXPECT_EQ(ready_one.hear(1), "");
    EXPECT_EQ(hosts.client->figures().pool_ready, 0U);
}

// A socket that goes away without a word, as that of a host that lost its power: whoever writes to it then is answered with RST.
bool vanish(Application& socket) {
    const int on = 1;
    if (::setsockopt(socket.fd(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) return false;
    socket.close();
    return true;
}

TEST_F(PoolTest, ReplacesOneThatWasGoneBeforeItHeardAnything) {
    if (!vanish(ready().socket)) GTEST_SKIP() << "needs CAP_NET_ADMIN";
    idle.clear();
    const auto client = hosts.connect();
    client.say("question");
    expect_answered(client, accept());
    EXPECT_EQ(hosts.client->figures().pool_hits, 1U);
    EXPECT_EQ(hosts.sent().reset, 0U);
}

TEST_F(PoolTest, NeverAsksTwice) {
    (void)ready();
    const auto client = hosts.connect();
    client.say("question");
    auto asked = accept();
    EXPECT_EQ(asked.hear(header_size + 8).substr(header_size), "question");
    asked.socket.reset();
    EXPECT_EQ(client.hear_end(), End::reset);
    EXPECT_EQ(hosts.sent().reset, 1U);
}

}  // namespace
}  // namespace meshd::relay
