// SPDX-License-Identifier: Apache-2.0
// Relays between two engines, with real sockets.
#include "relay/engine.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "hosts.hpp"

namespace meshd::relay {
namespace {

using End = Application::End;
using tls::HandshakeResult;

struct EngineTest : testing::Test {
    Hosts hosts;

    void expect_no_relay_is_left() {
        EXPECT_TRUE(eventually([&] { return hosts.sent().open == 0 && hosts.taken().open == 0; }));
    }
};

TEST_F(EngineTest, CarriesBytesBothWays) {
    const auto [client, server] = hosts.pair();
    client.say("question");
    EXPECT_EQ(server.hear(8), "question");
    server.say("answer");
    EXPECT_EQ(client.hear(6), "answer");
    EXPECT_TRUE(eventually([&] { return hosts.sent().bytes_out == 6; }));
    const auto sent = hosts.sent();
    const auto taken = hosts.taken();
    EXPECT_EQ(sent.open, 1U);
    EXPECT_EQ(sent.relayed, 1U);
    EXPECT_EQ(sent.bytes_in, 8U);
    EXPECT_EQ(taken.open, 1U);
    EXPECT_EQ(taken.bytes_out, 8U);
    EXPECT_EQ(taken.bytes_in, 6U);
    EXPECT_EQ(hosts.count(sent, HandshakeResult::ok), 1U);
    EXPECT_EQ(hosts.count(taken, HandshakeResult::ok), 1U);
}

TEST_F(EngineTest, CarriesWhatTheServerSaysFirst) {
    const auto [client, server] = hosts.pair();
    server.say("220 ready\r\n");
    EXPECT_EQ(client.hear(11), "220 ready\r\n");
}

TEST_F(EngineTest, CarriesEndsInEachDirectionByItself) {
    auto [client, server] = hosts.pair();
    client.say("all");
    client.finish();
    EXPECT_EQ(server.hear(3), "all");
    EXPECT_EQ(server.hear_end(), End::fin);
    server.say("the answer, later");
    EXPECT_EQ(client.hear(17), "the answer, later");
    server.finish();
    EXPECT_EQ(client.hear_end(), End::fin);
    expect_no_relay_is_left();
    EXPECT_EQ(hosts.sent().reset + hosts.taken().reset, 0U);
}

TEST_F(EngineTest, CarriesTheServersEndFirst) {
    auto [client, server] = hosts.pair();
    server.say("bye");
    server.finish();
    EXPECT_EQ(client.hear(4), "bye");
    EXPECT_EQ(client.hear_end(), End::fin);
    client.say("one more thing");
    EXPECT_EQ(server.hear(14), "one more thing");
    client.close();
    EXPECT_EQ(server.hear_end(), End::fin);
    expect_no_relay_is_left();
    EXPECT_EQ(hosts.sent().reset + hosts.taken().reset, 0U);
}

// Connections that wait in TIME_WAIT (6) with a port of their own for one to `listener`: their local ports.
std::set<unsigned> waiting_to(const base::SocketAddress& listener) {
    std::ifstream table("/proc/net/tcp");
    std::set<unsigned> ports;
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        unsigned local_port = 0;
        unsigned remote_port = 0;
        unsigned state = 0;
        // "0: 0100007F:CA7A 0100007F:3B9E 06 …", proc(5)
        const auto fields = std::sscanf(line.c_str(), " %*d: %*x:%x %*x:%x %x", &local_port, &remote_port, &state);
        if (fields == 3 && remote_port == listener.port && state == 6) ports.insert(local_port);
    }
    return ports;
}

TEST_F(EngineTest, LeavesNoPortOfTheClientsHostBehind) {
    // The listener's port may have been a client's shortly before, whose server waits still.
    const auto before = waiting_to(hosts.inbound_address);
    for (const bool is_server_first : {true, false}) {
        auto [client, server] = hosts.pair();
        auto& first = is_server_first ? server : client;
        auto& last = is_server_first ? client : server;
        first.finish();
        EXPECT_EQ(last.hear_end(), End::fin);
        last.close();
        EXPECT_EQ(first.hear_end(), End::fin);
    }
    expect_no_relay_is_left();
    for (const auto port : waiting_to(hosts.inbound_address)) EXPECT_TRUE(before.contains(port)) << port;
    EXPECT_EQ(hosts.sent().reset + hosts.taken().reset, 0U);
}

TEST_F(EngineTest, CarriesAConnectionThatSaysNothing) {
    auto [client, server] = hosts.pair();
    client.close();
    EXPECT_EQ(server.hear_end(), End::fin);
    server.close();
    expect_no_relay_is_left();
    EXPECT_EQ(hosts.sent().reset + hosts.taken().reset, 0U);
}

TEST_F(EngineTest, CarriesResetsOfTheClient) {
    auto [client, server] = hosts.pair();
    client.say("half a requ");
    EXPECT_EQ(server.hear(11), "half a requ");
    client.reset();
    EXPECT_EQ(server.hear_end(), End::reset);
    expect_no_relay_is_left();
    EXPECT_EQ(hosts.sent().reset, 1U);
    EXPECT_EQ(hosts.taken().reset, 1U);
}

TEST_F(EngineTest, CarriesResetsOfTheServer) {
    auto [client, server] = hosts.pair();
    server.say("half");
    EXPECT_EQ(client.hear(4), "half");
    server.reset();
    EXPECT_EQ(client.hear_end(), End::reset);
    expect_no_relay_is_left();
}

TEST_F(EngineTest, CarriesAResetAfterAnEnd) {
    auto [client, server] = hosts.pair();
    client.finish();
    EXPECT_EQ(server.hear_end(), End::fin);
    client.reset();
    EXPECT_TRUE(eventually([&] { return server.has_failed(); }));
    expect_no_relay_is_left();
}

TEST_F(EngineTest, ResetsWhoeverAsksForABackendThatDoesNotListen) {
    hosts.backend.release().reset();
    const auto client = hosts.connect();
    EXPECT_EQ(client.hear_end(), End::reset);
    expect_no_relay_is_left();
}

TEST_F(EngineTest, ResetsWhoeverIsOpenWhenAnEngineEnds) {
    const auto [client, server] = hosts.pair();
    server.say("x");
    EXPECT_EQ(client.hear(1), "x");
    hosts.client.reset();
    EXPECT_EQ(client.hear_end(), End::reset);
    EXPECT_EQ(server.hear_end(), End::reset);
}

// Ten megabytes to somebody who does not read: only a bounded part of them leaves the sender.
TEST_F(EngineTest, WaitsForASlowReader) {
    auto [client, server] = hosts.pair();
    std::string sent(10'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
    std::thread sender([&client = client, &sent] {
        client.say(sent);
        client.finish();
    });
    std::string heard;
    for (std::size_t size = 1; heard.size() < sent.size(); size = size * 2 % 300'000) {
        const auto piece = server.hear(std::min(size, sent.size() - heard.size()));
        ASSERT_FALSE(piece.empty());
        heard += piece;
    }
    EXPECT_TRUE(heard == sent);
    EXPECT_EQ(server.hear_end(), End::fin);
    sender.join();
    server.close();
    EXPECT_EQ(client.hear_end(), End::fin);
    expect_no_relay_is_left();
    EXPECT_EQ(hosts.sent().reset + hosts.taken().reset, 0U);
}

TEST_F(EngineTest, CarriesMuchBothWaysAtOnce) {
    auto [client, server] = hosts.pair();
    const std::string much(5'000'000, 'x');
    std::thread there([&client = client, &much] { client.say(much); });
    std::thread back([&server = server, &much] { server.say(much); });
    std::thread heard_there([&server = server, &much] { EXPECT_EQ(server.hear(much.size()).size(), much.size()); });
    EXPECT_EQ(client.hear(much.size()).size(), much.size());
    for (auto* const thread : {&there, &back, &heard_there}) thread->join();
}

TEST_F(EngineTest, ResumesSessions) {
    for (int i = 0; i < 3; ++i) {
        auto [client, server] = hosts.pair();
        server.say("x");
        EXPECT_EQ(client.hear(1), "x");
        i == 1 ? client.reset() : client.close();
        server.close();
        expect_no_relay_is_left();
    }
    EXPECT_GE(hosts.sent().resumed, 2U);
    EXPECT_GE(hosts.taken().resumed, 2U);
}

TEST_F(EngineTest, GoesOnWithLiveRelaysWhenCredentialsChange) {
    const auto [client, server] = hosts.pair();
    hosts.configure_server(hosts.credentials("spiffe://example.org/server/new"));
    hosts.configure_client(hosts.credentials("spiffe://example.org/client/new"));
    const auto [later, later_server] = hosts.pair();
    client.say("still");
    EXPECT_EQ(server.hear(5), "still");
    later.say("here");
    EXPECT_EQ(later_server.hear(4), "here");
}

TEST_F(EngineTest, RefusesWhatItKnowsNothingOf) {
    hosts.identity = 7;
    EXPECT_EQ(hosts.connect().hear_end(), End::reset);  // nobody of that identity
    hosts.identity = 0;
    hosts.routes = std::make_shared<const Routes>();
    hosts.configure_client(hosts.credentials("spiffe://example.org/client"));
    EXPECT_EQ(hosts.connect().hear_end(), End::reset);
    hosts.configure_client(nullptr);
    EXPECT_EQ(hosts.connect().hear_end(), End::reset);
    EXPECT_EQ(hosts.sent().refused, 3U);
    EXPECT_EQ(hosts.sent().relayed, 0U);
    EXPECT_FALSE(hosts.backend.has_waiting(0));
}

TEST_F(EngineTest, LetsNobodyInToWhatThisHostDoesNotServe) {
    const auto known = std::exchange(hosts.routes, std::make_shared<const Routes>());
    hosts.configure_server(hosts.credentials("spiffe://example.org/server"));
    hosts.routes = known;
    EXPECT_EQ(hosts.connect().hear_end(), End::reset);
    EXPECT_EQ(hosts.taken().refused, 1U);
    EXPECT_EQ(hosts.count(hosts.taken(), HandshakeResult::ok), 1U);
    EXPECT_FALSE(hosts.backend.has_waiting(0));
}

// Registries do not tell all hosts at one moment.
TEST(Engine, WaitsForARouteThatMayBeOnItsWay) {
    Hosts hosts({.patience = std::chrono::milliseconds(patience_ms)});
    const auto known = std::exchange(hosts.routes, std::make_shared<const Routes>());
    const auto of_client = hosts.credentials("spiffe://example.org/client");
    const auto of_server = hosts.credentials("spiffe://example.org/server");
    hosts.configure_client(of_client);
    hosts.configure_server(of_server);
    const auto client = hosts.connect();
    client.say("hello");
    hosts.routes = known;
    hosts.configure_client(of_client);
    ASSERT_TRUE(eventually([&] { return hosts.count(hosts.taken(), HandshakeResult::ok) > 0; }));
    hosts.configure_server(of_server);
    const auto server = hosts.backend.accept();
    EXPECT_EQ(server.hear(5), "hello");
    server.say("hi");
    EXPECT_EQ(client.hear(2), "hi");
    EXPECT_EQ(hosts.sent().refused + hosts.taken().refused, 0U);
}

TEST_F(EngineTest, TellsThatNoWorkerAnswers) {
    TestListener nobody;
    hosts.peer_port = nobody.address().port;
    nobody.release().reset();
    hosts.configure_client(hosts.credentials("spiffe://example.org/client"));
    EXPECT_EQ(hosts.connect().hear_end(), End::reset);
    EXPECT_EQ(hosts.count(hosts.sent(), HandshakeResult::connect), 1U);
    ASSERT_EQ(hosts.failures().size(), 1U);
    EXPECT_EQ(hosts.failures()[0].detail, "Connection refused");
}

TEST(Engine, SpreadsConnectionsOverItsThreads) {
    Hosts hosts({.threads = 3});
    std::vector<std::pair<Application, Application>> pairs;
    for (int i = 0; i < 60; ++i) pairs.push_back(hosts.pair());
    for (const auto& [client, server] : pairs) {
        server.say("x");
        EXPECT_EQ(client.hear(1), "x");
    }
    EXPECT_EQ(hosts.sent().open, 60U);
}

TEST(Engine, SharesOneSocketAmongItsThreads) {
    Hosts hosts({.threads = 3});
    TestListener only;
    hosts.outbound_address = only.address();
    std::vector<base::UniqueFd> sockets;
    sockets.push_back(only.release());
    hosts.client->listen({Direction::outbound}, std::move(sockets));
    for (int i = 0; i < 20; ++i) {
        const auto [client, server] = hosts.pair();
        server.say("x");
        EXPECT_EQ(client.hear(1), "x");
    }
    EXPECT_EQ(hosts.sent().relayed, 20U);
}

}  // namespace
}  // namespace meshd::relay
