// SPDX-License-Identifier: Apache-2.0
// Relays whose records the kernel makes and opens. With MESHD_TEST_KERNEL_TLS=1 all other relays of this program are such, too.
#include <iostream>
#include <thread>

#include <gtest/gtest.h>

#include "hosts.hpp"
#include "ktls/self_test.hpp"
#include "peer.hpp"
#include "relay/proxy_header.hpp"

namespace meshd::relay {
namespace {

using End = Application::End;
using Side = tls::Session::Side;

TEST(KernelTlsSelfTest, SaysWhyNotOrIsWhole) {
    const auto verdict = ktls::self_test();
    std::cout << "kernel TLS: " << ktls::describe(verdict) << "\n";  // scripts/kernels/init reads it
    EXPECT_EQ(verdict.transmits, verdict.receives);
    EXPECT_EQ(verdict.reason.empty(), verdict.transmits && verdict.receives && verdict.updates && verdict.splices)
        << verdict.reason;
    if (!verdict.transmits) {
        EXPECT_FALSE(verdict.updates || verdict.splices);
        EXPECT_EQ(ktls::describe(verdict), "no: " + verdict.reason);
    }
}

struct KernelTlsTest : testing::Test {
    void SetUp() override {
        if (const auto verdict = ktls::self_test(); !verdict.transmits) GTEST_SKIP() << ktls::describe(verdict);
        hosts = std::make_unique<Hosts>(Hosts::Options{.uses_kernel_tls = true});
    }

    Peer peer() {
        Peer made(Application::connect(hosts->inbound_address), hosts->credentials("spiffe://example.org/by-hand"), Side::client);
        EXPECT_TRUE(made.shake_hands());
        return made;
    }
    [[nodiscard]] std::string header() const { return to_wire({hosts->backend.address(), hosts->backend.address(), "shop"}); }
    void expect_no_relay_is_left() {
        EXPECT_TRUE(eventually([&] { return hosts->sent().open == 0 && hosts->taken().open == 0; }));
        EXPECT_EQ(hosts->sent().kernel_failures + hosts->taken().kernel_failures, 0U);
    }

    std::unique_ptr<Hosts> hosts;
};

TEST_F(KernelTlsTest, TakesOverBothWaysOfBothSides) {
    auto [client, server] = hosts->pair();
    for (int i = 0; i < 3; ++i) {
        client.say("question");
        EXPECT_EQ(server.hear(8), "question");
        server.say("answer");
        EXPECT_EQ(client.hear(6), "answer");
    }
    for (const auto& figures : {hosts->sent(), hosts->taken()}) {
        EXPECT_EQ(figures.kernel_receives, 1U);
        EXPECT_EQ(figures.kernel_transmits, 1U);
    }
    client.finish();
    EXPECT_EQ(server.hear_end(), End::fin);
    server.say("later");
    server.close();
    EXPECT_EQ(client.hear(5), "later");
    EXPECT_EQ(client.hear_end(), End::fin);
    expect_no_relay_is_left();
    EXPECT_EQ(hosts->sent().reset + hosts->taken().reset, 0U);
}

// The other side is OpenSSL, and remains so.
TEST_F(KernelTlsTest, UnderstandsOpensslAndIsUnderstood) {
    auto by_hand = peer();
    by_hand.say(header());
    const auto server = hosts->backend.accept();
    const std::string much(300'000, 'm');
    std::thread sender([&] { by_hand.say(much); });
    EXPECT_TRUE(server.hear(much.size()) == much);
    sender.join();
    std::thread answer([&] { server.say(much); });
    EXPECT_TRUE(by_hand.hear(much.size()) == much);
    answer.join();
    EXPECT_TRUE(eventually([&] { return hosts->taken().kernel_transmits == 1; }));
    by_hand.finish();
    EXPECT_EQ(server.hear_end(), End::fin);
    server.say("last");
    server.finish();
    EXPECT_EQ(by_hand.hear(5), "last");  // and close_notify
    expect_no_relay_is_left();
    EXPECT_EQ(hosts->taken().reset, 0U);
}

TEST_F(KernelTlsTest, FollowsNewKeysOrEndsTheConnection) {
    auto by_hand = peer();
    by_hand.say(header() + "before");
    const auto server = hosts->backend.accept();
    EXPECT_EQ(server.hear(6), "before");
    ASSERT_TRUE(eventually([&] { return hosts->taken().kernel_receives == 1; }));
    const bool is_followed = ktls::self_test().updates;
    for (const bool of_both : {false, true, true}) {
        by_hand.update_key(of_both);
        by_hand.say("behind");
        if (!is_followed) break;
        EXPECT_EQ(server.hear(6), "behind");
        server.say("answer");
        EXPECT_EQ(by_hand.hear(6), "answer");
    }
    if (!is_followed) {
        EXPECT_EQ(server.hear_end(), End::reset);
    }
    EXPECT_TRUE(eventually([&] { return hosts->taken().kernel_failures == (is_followed ? 0U : 1U); }));
}

TEST_F(KernelTlsTest, ResetsAtARecordThatWasChanged) {
    auto by_hand = peer();
    by_hand.say(header() + "before");
    const auto server = hosts->backend.accept();
    EXPECT_EQ(server.hear(6), "before");
    ASSERT_TRUE(eventually([&] { return hosts->taken().kernel_receives == 1; }));
    by_hand.socket.say("\x17\x03\x03" + std::string("\x00\x20", 2) + std::string(32, 'x'));
    EXPECT_EQ(server.hear_end(), End::reset);
    EXPECT_TRUE(eventually([&] { return hosts->taken().kernel_failures == 1; }));
}

TEST_F(KernelTlsTest, ResetsWhenThePeerIsGoneWithoutAGoodbye) {
    auto by_hand = peer();
    by_hand.say(header() + "before");
    const auto server = hosts->backend.accept();
    EXPECT_EQ(server.hear(6), "before");
    by_hand.socket.close();
    EXPECT_EQ(server.hear_end(), End::reset);
}

// Who has said all closes first, with much of it still in the kernel: none of it, nor the goodbye, may be lost.
TEST_F(KernelTlsTest, DeliversAllToASlowReaderThoughItClosesFirst) {
    for (int i = 0; i < 3; ++i) {
        auto by_hand = peer();
        by_hand.say(header());
        const auto server = hosts->backend.accept();
        by_hand.finish();
        EXPECT_EQ(server.hear_end(), End::fin);
        const std::string much(3'000'000, 's');
        std::thread sender([&] {
            server.say(much);
            server.finish();
        });
        EXPECT_TRUE(by_hand.hear(much.size() + 1) == much);
        EXPECT_TRUE(by_hand.has_heard_goodbye());
        sender.join();
    }
    expect_no_relay_is_left();
    EXPECT_EQ(hosts->taken().reset, 0U);
}

std::string pattern(std::size_t size) {
    std::string bytes(size, ' ');
    std::uint32_t state = 1;
    for (auto& one : bytes) one = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

// Much, both ways at once, with ends that read slowly, so that pipes are emptied by hand; then little, and the ends.
TEST_F(KernelTlsTest, SplicesWhatComesInBulk) {
    const auto much = pattern(8'000'000);
    auto [client, server] = hosts->pair();
    for (int round = 0; round < 2; ++round) {
        std::thread out([&] { client.say(much); });
        std::thread back([&] { server.say(much); });
        const auto slow = [&](const Application& end) {
            for (std::size_t at = 0; at < much.size(); at += 500'000) {
                EXPECT_TRUE(end.hear(500'000) == much.substr(at, 500'000)) << at;
                if (round == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
        };
        std::thread hears([&] { slow(client); });
        slow(server);
        for (auto* const one : {&out, &back, &hears}) one->join();
    }
    client.say("question");
    EXPECT_EQ(server.hear(8), "question");
    client.finish();
    EXPECT_EQ(server.hear_end(), End::fin);
    server.say("answer");
    server.close();
    EXPECT_EQ(client.hear(6), "answer");
    EXPECT_EQ(client.hear_end(), End::fin);
    expect_no_relay_is_left();
    if (ktls::self_test().splices) {
        EXPECT_GT(hosts->sent().spliced, much.size());
        EXPECT_GT(hosts->taken().spliced, much.size());
    }
}

// A connection that breaks in the middle leaves nothing for the next one.
TEST_F(KernelTlsTest, LeavesNothingOfABrokenConnectionInAPipe) {
    const auto much = pattern(4'000'000);
    for (int round = 0; round < 10; ++round) {
        auto [client, server] = hosts->pair();
        std::thread out([&, &client = client] { (void)::send(client.fd(), much.data(), much.size(), MSG_NOSIGNAL); });
        EXPECT_TRUE(server.hear(400'000) == much.substr(0, 400'000));
        server.reset();
        out.join();
        client.reset();
        auto [next, other] = hosts->pair();
        next.say("question");
        EXPECT_EQ(other.hear(8), "question");
        other.say("answer");
        EXPECT_EQ(next.hear(6), "answer");
    }
    expect_no_relay_is_left();
}

TEST_F(KernelTlsTest, ServesManyAtOnce) {
    std::vector<std::pair<Application, Application>> pairs;
    for (int i = 0; i < 30; ++i) pairs.push_back(hosts->pair());
    for (int round = 0; round < 3; ++round)
        for (const auto& [client, server] : pairs) {
            const std::string message(20'000, static_cast<char>('a' + round));
            client.say(message);
            EXPECT_TRUE(server.hear(message.size()) == message);
            server.say(message);
            EXPECT_TRUE(client.hear(message.size()) == message);
        }
    EXPECT_GE(hosts->sent().kernel_transmits, 30U);  // and those that are ready for more
    EXPECT_GE(hosts->taken().kernel_transmits, 30U);
}

}  // namespace
}  // namespace meshd::relay
