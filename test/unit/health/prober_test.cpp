// SPDX-License-Identifier: Apache-2.0
// The engine on a real loop, against sockets and commands of this machine.
#include "health/prober.hpp"

#include <cerrno>
#include <map>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <boost/asio/ip/tcp.hpp>

#include "../worker/loop.hpp"
#include "services.hpp"

namespace meshd::health {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using model::ProbeResult;

// Takes connections, and says nothing.
struct Listener {
    explicit Listener(asio::io_context& context) : acceptor(context, {asio::ip::address_v4::loopback(), 0}) { accept(); }
    void accept() {
        acceptor.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            sockets.push_back(std::move(socket));
            accept();
        });
    }
    [[nodiscard]] base::SocketAddress address() const {
        return at("127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
    }

    tcp::acceptor acceptor;
    std::vector<tcp::socket> sockets;
};

struct ProberTest : testing::Test {
    void make(ProberOptions options = {}) {
        prober.emplace(
            loop.context, [this] { has_news = true; }, options);
    }
    void take() {
        if (!std::exchange(has_news, false)) return;
        for (auto& one : prober->take_news()) last[one.service] = std::move(one);
    }
    // Until the service's only backend was decided to be this.
    bool is_decided(const std::string& name, bool healthy) {
        return loop.run_until([&] {
            take();
            return last.contains(name) && last[name].healthy == healthy;
        });
    }
    [[nodiscard]] std::uint64_t count(ProbeResult result) const {
        return prober->figures().results[static_cast<std::size_t>(result)];
    }

    Loop loop;
    std::optional<Prober> prober;
    bool has_news = false;
    std::map<std::string, model::BackendHealth> last;
};

TEST_F(ProberTest, FindsOutWhoIsThereAndWhoIsNot) {
    make();
    std::optional<Listener> listener(loop.context);
    const auto address = listener->address();
    prober->set(service("a", {address}, quick()));
    ASSERT_TRUE(is_decided("a", true));
    EXPECT_EQ(last["a"].backend, address);
    EXPECT_EQ(last["a"].reason(), "success");
    EXPECT_TRUE(loop.run_until([&] { return listener->sockets.size() >= 2; }));

    listener.reset();
    ASSERT_TRUE(is_decided("a", false));
    EXPECT_EQ(last["a"].result, ProbeResult::refused);
    EXPECT_GE(count(ProbeResult::refused), 2U);
}

TEST_F(ProberTest, WhoJoinsLaterIsToldAtOnce) {
    make();
    Listener listener(loop.context);
    prober->set(service("a", {listener.address()}, quick()));
    ASSERT_TRUE(is_decided("a", true));
    prober->set(service("b", {listener.address()}, quick()));
    take();
    EXPECT_TRUE(last.contains("b") && last["b"].healthy);
    EXPECT_EQ(last["b"].since, last["a"].since);
    EXPECT_EQ(prober->targets(), 1U);
}

TEST_F(ProberTest, TheNextSuccessOfAWatchedBackendIsToldOnce) {
    make();
    Listener listener(loop.context);
    const auto address = listener.address();
    prober->set(service("a", {address}, quick()));
    ASSERT_TRUE(is_decided("a", true));
    last.clear();
    const auto seen = listener.sockets.size();
    ASSERT_TRUE(loop.run_until([&] { return listener.sockets.size() > seen + 1; }));
    take();
    EXPECT_TRUE(last.empty()) << "nobody asked";
    prober->watch({"a", 80, base::Protocol::tcp, address});
    ASSERT_TRUE(is_decided("a", true));
    last.clear();
    const auto told = listener.sockets.size();
    ASSERT_TRUE(loop.run_until([&] { return listener.sockets.size() > told + 1; }));
    take();
    EXPECT_TRUE(last.empty()) << "it was told once";
}

TEST_F(ProberTest, SilenceIsATimeoutAndNoMoreAttemptsRunThanMay) {
    make({.most_running = 2, .most_commands = 1, .seed = 1});
    Listener listener(loop.context);
    std::vector<base::SocketAddress> backends;
    auto address = listener.address();
    tcp::acceptor all(loop.context, {asio::ip::address_v4::any(), 0});
    for (std::uint8_t i = 1; i <= 6; ++i) {
        address.address.bytes[15] = i;
        address.port = all.local_endpoint().port();
        backends.push_back(address);
    }
    prober->set(service("a", backends, quick(model::ProbeType::http)));
    std::size_t most = 0;
    ASSERT_TRUE(loop.run_until([&] {
        most = std::max(most, prober->running());
        return count(ProbeResult::answer_timeout) >= 12;
    }));
    EXPECT_EQ(most, 2U);
}

TEST_F(ProberTest, ATargetThatIsRemovedLeavesNothingRunning) {
    make();
    Listener listener(loop.context);
    auto slow = quick(model::ProbeType::http);
    slow.timeout_ms = 10000;  // longer than the interval: no file says so, and it does not matter here
    prober->set(service("a", {listener.address()}, slow));
    ASSERT_TRUE(loop.run_until([&] { return prober->running() == 1 && !listener.sockets.empty(); }));
    prober->remove("a");
    EXPECT_EQ(prober->running(), 0U);
    EXPECT_EQ(prober->targets(), 0U);
    char byte = 0;
    bool is_closed = false;
    std::function<void()> read = [&] {
        listener.sockets[0].async_read_some(asio::buffer(&byte, 1), [&](const boost::system::error_code& error, std::size_t) {
            if (error)
                is_closed = true;
            else
                read();
        });
    };
    read();
    EXPECT_TRUE(loop.run_until([&] { return is_closed; }));
}

model::Probe command(std::vector<std::string> words) {
    auto probe = quick(model::ProbeType::exec);
    probe.command = std::move(words);
    probe.timeout_ms = probe.interval_ms = 1000;
    probe.healthy = probe.unhealthy = 1;
    return probe;
}

TEST_F(ProberTest, RunsCommandsAndWaitsForEach) {
    make();
    prober->set(
        service("good", {at("192.0.2.1:81")}, command({"/bin/sh", "-c", "test $0/$1 = 192.0.2.1/81", "{address}", "{port}"})));
    prober->set(service("bad", {at("192.0.2.1:81")}, command({"/bin/sh", "-c", "exit 7"})));
    prober->set(service("killed", {at("192.0.2.1:81")}, command({"/bin/sh", "-c", "kill -TERM $$"})));
    prober->set(service("slow", {at("192.0.2.1:81")}, command({"/bin/sh", "-c", "sleep 1000 & sleep 1000"})));
    EXPECT_TRUE(is_decided("good", true));
    EXPECT_TRUE(is_decided("bad", false));
    EXPECT_EQ(last["bad"].reason(), "exit_status: 7");
    EXPECT_TRUE(is_decided("killed", false));
    EXPECT_EQ(last["killed"].reason(), "killed: by signal 15 (SIGTERM)");
    EXPECT_TRUE(is_decided("slow", false));
    EXPECT_EQ(last["slow"].reason(), "answer_timeout: the command was killed");
    prober.reset();
    // All were killed, and are waited for by the loop, none before it.
    EXPECT_TRUE(loop.run_until([] { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }));
}

TEST_F(ProberTest, WhatCannotBeTriedDecidesNothing) {
    make();
    auto probe = command({"/nonexistent/check"});
    probe.interval_ms = probe.timeout_ms = 100;
    prober->set(service("a", {at("192.0.2.1:81")}, probe));
    EXPECT_TRUE(loop.run_until([&] { return count(ProbeResult::local) >= 4; }));
    take();
    EXPECT_TRUE(last.empty());
}

TEST_F(ProberTest, KeepsOnlyWhatIsWanted) {
    make();
    prober->set(service("a", {at("192.0.2.1:81")}, quick()));
    prober->set(service("b", {at("192.0.2.2:81")}, quick()));
    prober->keep_only([](const std::string& name) { return name == "b"; });
    EXPECT_EQ(prober->targets(), 1U);
}

}  // namespace
}  // namespace meshd::health
