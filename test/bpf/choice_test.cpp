// SPDX-License-Identifier: Apache-2.0
// The core that chooses a backend, run in the kernel on maps that the reconciler's own code has filled.
#include <map>

#include "bpf/datapath_fixture.hpp"
#include "reconcile/reconciler.hpp"

namespace meshd::kernel {
namespace {

class ChoiceTest : public DatapathTest {
protected:
    void serve(model::Service service) {
        datapath_.emplace(load());
        maps_.emplace(*datapath_);
        reconciler_.emplace(*maps_, 1024U);
        reconcile::Change change;
        change.full = change.complete = true;
        change.upsert = {reconcile::shared(std::move(service))};
        reconciler_->change(change);
        ASSERT_TRUE(reconciler_->pending().empty()) << reconciler_->pending().begin()->second;
    }

    md_explain ask(const char* destination, std::uint8_t reach = MD_REACH_BOTH, std::uint32_t draw = 0,
                   base::Protocol protocol = base::Protocol::tcp) {
        md_explain question{};
        question.destination = reconcile::encode(*base::SocketAddress::parse(destination), protocol);
        question.reach = reach;
        question.draw = draw;
        const auto answer = datapath_->ask(question);
        if (!answer) throw std::runtime_error(answer.error().message());
        return *answer;
    }

    void set_cursor(std::uint32_t service_id, std::uint64_t next) {
        const md_cursor cursor{next};
        ASSERT_TRUE(datapath_->map("md_cursors").update(&service_id, &cursor));
    }

    static std::string backend_of(const md_explain& answer) { return reconcile::decode(answer.backend).text(); }

    std::optional<Datapath> datapath_;
    std::optional<KernelMaps> maps_;
    std::optional<reconcile::Reconciler> reconciler_;
};

using reconcile::backend;

TEST_F(ChoiceTest, LeavesAnAddressAloneThatIsNoService) {
    serve(reconcile::service("web", "10.96.0.1", {backend("10.0.0.1:8080")}));
    for (const auto* other : {"10.96.0.2:80", "10.96.0.1:81", "[fd00::1]:80"}) {
        EXPECT_EQ(ask(other).service_id, 0U) << other;
        EXPECT_EQ(ask(other).reason, MD_REASON_NOT_A_SERVICE) << other;
    }
    EXPECT_EQ(ask("10.96.0.1:80", MD_REACH_V4, 0, base::Protocol::udp).service_id, 0U) << "another protocol";
}

TEST_F(ChoiceTest, ScalesARandomDrawOverTheSlots) {
    auto service = reconcile::service(
        "web", "10.96.0.1", {backend("10.0.0.1:80"), backend("10.0.0.2:80"), backend("10.0.0.3:80"), backend("10.0.0.4:80")});
    serve(service);
    EXPECT_EQ(backend_of(ask("10.96.0.1:80", MD_REACH_V4, 1)), "10.0.0.1:80");
    EXPECT_EQ(backend_of(ask("10.96.0.1:80", MD_REACH_V4, 0x3fffffff)), "10.0.0.1:80");
    EXPECT_EQ(backend_of(ask("10.96.0.1:80", MD_REACH_V4, 0x40000000)), "10.0.0.2:80");
    EXPECT_EQ(backend_of(ask("10.96.0.1:80", MD_REACH_V4, 0xffffffff)), "10.0.0.4:80");
}

// Pearson's chi-square, 3 degrees of freedom, p = 0.001: 16.27 (any table of the distribution).
TEST_F(ChoiceTest, DrawsEvenlyByItself) {
    serve(reconcile::service("web", "10.96.0.1",
                             {backend("10.0.0.1:80"), backend("10.0.0.2:80"), backend("10.0.0.3:80"), backend("10.0.0.4:80")}));
    std::map<std::string, int> seen;
    constexpr int draws = 8000;
    for (int i = 0; i < draws; ++i) ++seen[backend_of(ask("10.96.0.1:80"))];
    double chi_square = 0;
    for (const auto& [name, count] : seen) chi_square += (count - draws / 4.0) * (count - draws / 4.0) / (draws / 4.0);
    EXPECT_EQ(seen.size(), 4U);
    EXPECT_LT(chi_square, 16.27);
}

TEST_F(ChoiceTest, FollowsTheCursorWithoutMovingIt) {
    auto service = reconcile::service("web", "10.96.0.1", {backend("10.0.0.1:80", 2), backend("10.0.0.2:80", 1)});
    service.balancing = model::Balancing::weighted;
    serve(service);
    const auto id = ask("10.96.0.1:80").service_id;
    std::map<std::string, int> seen;
    for (std::uint64_t next = 0; next < 3; ++next) {
        set_cursor(id, 0xffffffff00000000ULL + next);
        ++seen[backend_of(ask("10.96.0.1:80"))];
        EXPECT_EQ(backend_of(ask("10.96.0.1:80")), backend_of(ask("10.96.0.1:80")));
    }
    EXPECT_EQ(seen["10.0.0.1:80"], 2);
    EXPECT_EQ(seen["10.0.0.2:80"], 1);
}

TEST_F(ChoiceTest, KeepsToFamiliesThatTheSocketCanReach) {
    auto service = reconcile::service("web", "fd00:96::1", {backend("10.0.0.1:80"), backend("[fd00::1]:80")});
    service.addresses.push_back(*base::IpAddress::parse("10.96.0.1"));
    serve(service);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(backend_of(ask("[fd00:96::1]:80")), "[fd00::1]:80") << "IPv6 first for an IPv6 address";
        EXPECT_EQ(backend_of(ask("10.96.0.1:80")), "10.0.0.1:80");
        EXPECT_EQ(backend_of(ask("[fd00:96::1]:80", MD_REACH_V4)), "10.0.0.1:80");
    }
}

TEST_F(ChoiceTest, FallsBackToTheOtherFamilyOnlyWhereItCanBeReached) {
    auto service = reconcile::service("web", "fd00:96::1", {backend("10.0.0.1:80")});
    serve(service);
    EXPECT_EQ(backend_of(ask("[fd00:96::1]:80")), "10.0.0.1:80");
    const auto datagram = ask("[fd00:96::1]:80", MD_REACH_V6);
    EXPECT_EQ(datagram.reason, MD_REASON_NO_BACKEND_OF_FAMILY);
    EXPECT_EQ(datagram.error, -ECONNREFUSED);
}

TEST_F(ChoiceTest, SaysWhichErrnoAServiceWithoutBackendsGives) {
    auto service = reconcile::service("web", "10.96.0.1",
                                      {backend("10.0.0.1:80", 0), backend("10.0.0.2:80", 1, model::BackendState::drain)});
    service.when_no_backend = model::WhenNoBackend::unreachable;
    serve(service);
    const auto answer = ask("10.96.0.1:80");
    EXPECT_EQ(answer.error, -EHOSTUNREACH);
    EXPECT_EQ(answer.reason, MD_REASON_NO_BACKEND);
}

TEST_F(ChoiceTest, FailsAnAddressWhoseTableIsGone) {
    serve(reconcile::service("web", "10.96.0.1", {backend("10.0.0.1:80")}));
    const auto id = ask("10.96.0.1:80").service_id;
    ASSERT_TRUE(datapath_->map("md_tables").erase(&id));
    EXPECT_EQ(ask("10.96.0.1:80").reason, MD_REASON_TABLE_MISSING);
}

}  // namespace
}  // namespace meshd::kernel
