// SPDX-License-Identifier: Apache-2.0
#include "sockets/departures.hpp"

#include <gtest/gtest.h>

#include "reconcile/reconciler.hpp"
#include "unit/reconcile/builders.hpp"
#include "unit/reconcile/memory_maps.hpp"

namespace meshd::sockets {
namespace {

using model::BackendState;
using model::DrainSockets;

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t minute = 60 * second;

// A reconciler over maps in memory, and a clock that stands still.
class DeparturesTest : public testing::Test {
protected:
    DeparturesTest() {
        reconciler_.on_backends([this](const auto& changes) {
            for (const auto& change : changes) departures_.note(change, now_);
        });
    }

    void serve(std::vector<model::Backend> backends, model::Drain drain = {}, base::Protocol protocol = base::Protocol::tcp) {
        auto value = reconcile::service("web", "10.96.0.1", std::move(backends));
        value.ports[0].protocol = protocol;
        value.drain = drain;
        publish({std::move(value)});
    }

    void publish(std::vector<model::Service> services) {
        reconcile::Change change;
        change.full = change.complete = true;
        for (auto& value : services) change.upsert.push_back(reconcile::shared(std::move(value)));
        departures_.set_policies(change.upsert);
        reconciler_.change(std::move(change));
    }

    // What a socket remembers that connects to web now and is given this backend.
    md_translation peer(const std::string& endpoint, base::Protocol protocol = base::Protocol::tcp) {
        md_translation made{};
        made.service = reconcile::encode(*base::SocketAddress::parse("10.96.0.1:80"), protocol);
        made.backend = reconcile::encode(*base::SocketAddress::parse(endpoint), protocol);
        made.service_id = reconciler_.realized().owner_of(made.service).value();
        for (const auto& [id, one] : reconciler_.realized().find(made.service_id)->backends)
            if (reconcile::same_bytes(one.endpoint, made.backend)) made.backend_id = id;
        EXPECT_NE(made.backend_id, 0U) << endpoint;
        return made;
    }

    const Departure* judge(const md_translation& one) { return departures_.judge(one, reconciler_.realized(), now_); }

    std::uint64_t now_ = 1000 * second;
    reconcile::MemoryMaps maps_;
    reconcile::Reconciler reconciler_{maps_, 256};
    Departures departures_;
};

model::Backend one(BackendState state = BackendState::ready) { return reconcile::backend("10.0.0.1:80", 1, state); }
model::Backend two() { return reconcile::backend("10.0.0.2:80"); }

struct Row {
    const char* name;
    model::Drain drain;
    base::Protocol protocol;
    std::optional<BackendState> state;  // nothing: removed
    Why why;
    std::optional<std::uint64_t> closes_after;
};

constexpr auto tcp = base::Protocol::tcp;
constexpr auto udp = base::Protocol::udp;

const Row table[] = {
    {"TcpDrainsWithoutADeadline", {}, tcp, BackendState::drain, Why::drain, std::nullopt},
    {"TcpDrainsToTheDeadline", {60}, tcp, BackendState::drain, Why::drain, minute},
    {"TcpOfARemovedBackendHasTheSameDeadline", {60}, tcp, std::nullopt, Why::removed, minute},
    {"TcpOfARemovedBackendLives", {}, tcp, std::nullopt, Why::removed, std::nullopt},
    {"TcpInMaintenanceEndsAtOnce", {60}, tcp, BackendState::maint, Why::maint, 0},
    {"UdpIsMovedAtOnceFromADrainingBackend", {60}, udp, BackendState::drain, Why::drain, 0},
    {"UdpIsMovedAtOnceFromARemovedBackend", {}, udp, std::nullopt, Why::removed, 0},
    {"KeepKeepsTcpInMaintenance", {0, DrainSockets::keep}, tcp, BackendState::maint, Why::maint, std::nullopt},
    {"KeepKeepsUdp", {0, DrainSockets::keep}, udp, std::nullopt, Why::removed, std::nullopt},
};

class Policies : public DeparturesTest, public testing::WithParamInterface<Row> {};

TEST_P(Policies, SayWhenConnectionsAreClosed) {
    const auto& row = GetParam();
    serve({one(), two()}, row.drain, row.protocol);
    const auto socket = peer("10.0.0.1:80", row.protocol);
    EXPECT_EQ(judge(socket), nullptr);
    if (row.state)
        serve({one(*row.state), two()}, row.drain, row.protocol);
    else
        serve({two()}, row.drain, row.protocol);
    const auto begun = now_;
    now_ += 5 * second;
    const auto* const departure = judge(socket);
    ASSERT_NE(departure, nullptr);
    EXPECT_EQ(departure->why, row.why);
    EXPECT_EQ(departure->service, row.protocol == tcp ? "web:80/tcp" : "web:80/udp");
    EXPECT_EQ(departure->closes_at(), row.closes_after ? std::optional(begun + *row.closes_after) : std::nullopt);
    EXPECT_EQ(judge(peer("10.0.0.2:80", row.protocol)), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Table, Policies, testing::ValuesIn(table), [](const auto& row) { return row.param.name; });

TEST_F(DeparturesTest, CountADeadlineFromTheBeginningOfTheDraining) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({one(BackendState::drain), two()}, {60});
    const auto begun = now_;
    now_ += 20 * second;
    serve({two()}, {60});
    const auto* const departure = judge(socket);
    ASSERT_NE(departure, nullptr);
    EXPECT_EQ(departure->why, Why::removed);
    EXPECT_EQ(departure->closes_at(), begun + minute);
}

TEST_F(DeparturesTest, CloseAtOnceWhatIsRemovedInMaintenance) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({one(BackendState::drain), two()}, {60});
    now_ += second;
    serve({one(BackendState::maint), two()}, {60});
    EXPECT_EQ(judge(socket)->closes_at(), now_);
    const auto begun = now_;
    now_ += second;
    serve({two()}, {60});
    EXPECT_EQ(judge(socket)->why, Why::maint);
    EXPECT_EQ(judge(socket)->closes_at(), begun);
}

TEST_F(DeparturesTest, ForgiveABackendThatIsReadyAgain) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({one(BackendState::drain), two()}, {60});
    serve({one(), two()}, {60});
    EXPECT_EQ(judge(socket), nullptr);
    EXPECT_TRUE(departures_.all().empty());
    EXPECT_EQ(departures_.next_deadline(now_), std::nullopt);
}

TEST_F(DeparturesTest, KnowABackendThatIsBackWithAnotherId) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({two()}, {60});
    serve({one(), two()}, {60});
    ASSERT_NE(peer("10.0.0.1:80").backend_id, socket.backend_id);
    EXPECT_EQ(judge(socket), nullptr);
}

TEST_F(DeparturesTest, KnowAServiceThatIsBackWithAnotherId) {
    serve({one()}, {60});
    const auto socket = peer("10.0.0.1:80");
    publish({});
    ASSERT_NE(judge(socket), nullptr);
    serve({one()}, {60});
    ASSERT_NE(peer("10.0.0.1:80").service_id, socket.service_id);
    EXPECT_EQ(judge(socket), nullptr);
}

TEST_F(DeparturesTest, RememberWhatARemovedServiceSaid) {
    serve({one()}, {60});
    const auto socket = peer("10.0.0.1:80");
    publish({});
    const auto* const departure = judge(socket);
    ASSERT_NE(departure, nullptr);
    EXPECT_EQ(departure->policy, model::Drain{60});
    EXPECT_EQ(departure->service, "web:80/tcp");
}

TEST_F(DeparturesTest, TakeANewDeadlineForWhatHasLeftBefore) {
    serve({one(), two()});
    const auto socket = peer("10.0.0.1:80");
    serve({two()});
    EXPECT_EQ(judge(socket)->closes_at(), std::nullopt);
    serve({two()}, {5});
    EXPECT_EQ(judge(socket)->closes_at(), now_ + 5 * second);
}

TEST_F(DeparturesTest, LetWhatNobodyKnowsOfHaveLeftNow) {
    serve({one(), two()}, {60});
    auto socket = peer("10.0.0.1:80");
    socket.backend = reconcile::encode(*base::SocketAddress::parse("10.0.0.9:80"), tcp);
    socket.backend_id += 100;
    const auto* const departure = judge(socket);
    ASSERT_NE(departure, nullptr);
    EXPECT_EQ(departure->why, Why::removed);
    EXPECT_EQ(departure->closes_at(), now_ + minute);
    const auto begun = now_;
    now_ += 30 * second;
    EXPECT_EQ(judge(socket)->closes_at(), begun + minute);  // once
}

TEST_F(DeparturesTest, TellTheNextDeadline) {
    serve({one(), two()}, {60});
    serve({two()}, {60});
    now_ += 10 * second;
    serve({}, {60});
    EXPECT_EQ(departures_.next_deadline(now_), now_ + 50 * second);
    EXPECT_EQ(departures_.next_deadline(now_ + 50 * second), now_ + 60 * second);
    EXPECT_EQ(departures_.next_deadline(now_ + 60 * second), std::nullopt);
}

TEST_F(DeparturesTest, AreForgottenWhenTheyAreGoneAndHaveNoConnections) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({two()}, {60});
    now_ += minute;
    departures_.judge(socket, reconciler_.realized(), now_)->open = 1;
    departures_.forget(now_, reconciler_.desired());
    EXPECT_EQ(departures_.all().size(), 1U);
    departures_.clear_counts();
    departures_.forget(now_ - 1, reconciler_.desired());
    EXPECT_EQ(departures_.all().size(), 1U);
    departures_.forget(now_, reconciler_.desired());
    EXPECT_TRUE(departures_.all().empty());
}

TEST_F(DeparturesTest, AreShownForAWhileWhenConnectionsWereClosed) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({two()}, {60});
    departures_.judge(socket, reconciler_.realized(), now_)->closed = 1;
    now_ += 10 * minute;
    departures_.forget(now_ - 1, reconciler_.desired());
    EXPECT_EQ(departures_.all().size(), 1U);
    departures_.forget(now_, reconciler_.desired());
    EXPECT_TRUE(departures_.all().empty());
}

TEST_F(DeparturesTest, AreNotForgottenWhileTheirServiceNamesThem) {
    serve({one(BackendState::drain), two()}, {60});
    now_ += 60 * minute;
    departures_.forget(now_, reconciler_.desired());
    EXPECT_EQ(departures_.all().size(), 1U);
}

TEST_F(DeparturesTest, OfAnEarlierAgentHoldUnlessTheBackendIsReady) {
    serve({one(), two()}, {60});
    const auto socket = peer("10.0.0.1:80");
    serve({two()}, {60});
    const auto left = departures_.all().begin()->second;
    Departures next;
    now_ += 30 * second;
    next.restore(left, reconciler_.realized());
    ASSERT_NE(next.judge(socket, reconciler_.realized(), now_), nullptr);
    EXPECT_EQ(next.judge(socket, reconciler_.realized(), now_)->closes_at(), left.since_ns + minute);
    serve({one(), two()}, {60});
    Departures third;
    third.restore(left, reconciler_.realized());
    EXPECT_TRUE(third.all().empty());
}

md_backend unhealthy(const md_translation& peer) {
    md_backend backend{};
    backend.endpoint = peer.backend;
    backend.service_id = peer.service_id;
    backend.weight = 1;
    backend.state = MD_BACKEND_UNHEALTHY;
    return backend;
}

// Without a table that names it: other backends are there to take its place.
TEST_F(DeparturesTest, KeepWhatFailsItsProbesUnlessTheServiceSaysOtherwise) {
    for (const auto unhealthy_sockets : {DrainSockets::keep, DrainSockets::close}) {
        serve({one(), two()}, {60, DrainSockets::close, unhealthy_sockets});
        const auto socket = peer("10.0.0.1:80");
        auto realized = reconciler_.realized();
        realized.set_backend(socket.backend_id, unhealthy(socket));
        EXPECT_EQ(departures_.judge(socket, realized, now_), nullptr) << "new connections go there, so it is the best there is";
        realized.set_table(socket.service_id, {});
        const auto* const departure = departures_.judge(socket, realized, now_);
        ASSERT_NE(departure, nullptr);
        EXPECT_EQ(departure->why, Why::unhealthy);
        EXPECT_EQ(departure->closes_at(),
                  unhealthy_sockets == DrainSockets::close ? std::optional(departure->since_ns) : std::nullopt);
    }
}

}  // namespace
}  // namespace meshd::sockets
