// SPDX-License-Identifier: Apache-2.0
#include "acceleration/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshd::acceleration {
namespace {

using config::AccelerationMode;
using config::Exclusion;

Verdict verdict(AccelerationMode best, Fionread fionread = Fionread::both) {
    Verdict value;
    value.best = best;
    value.fionread = fionread;
    value.accounting = Accounting::charged;
    value.idle_refs = 2;
    value.reason = "why the kernel allows no more";
    value.remedy = "another kernel";
    return value;
}

struct ModeRow {
    AccelerationMode wanted, best, expected;
    bool refused;
};

TEST(Policy, NeverDoesMoreThanIsProvedNorMoreThanIsWanted) {
    using enum AccelerationMode;
    for (const auto& row :
         {ModeRow{automatic, on, on, false}, ModeRow{automatic, named, named, false}, ModeRow{automatic, off, off, false},
          ModeRow{on, named, named, true}, ModeRow{on, off, off, true}, ModeRow{named, off, off, true},
          ModeRow{named, on, named, false}, ModeRow{off, on, off, false}, ModeRow{off, off, off, false}}) {
        const auto policy = make_policy({.mode = row.wanted, .exclude = {}}, verdict(row.best), {});
        EXPECT_EQ(policy.mode, row.expected) << config::name(row.wanted) << " wanted, " << config::name(row.best) << " proved";
        EXPECT_EQ(policy.refused, row.refused) << config::name(row.wanted) << " wanted, " << config::name(row.best) << " proved";
    }
}

TEST(Policy, SaysTheKernelsReasonWhereTheKernelDecidedAndOursWhereWeDid) {
    EXPECT_EQ(make_policy({}, verdict(AccelerationMode::named), {}).reason, "why the kernel allows no more");
    EXPECT_EQ(make_policy({.mode = AccelerationMode::on, .exclude = {}}, verdict(AccelerationMode::named), {}).remedy,
              "another kernel");
    EXPECT_EQ(make_policy({.mode = AccelerationMode::off, .exclude = {}}, verdict(AccelerationMode::named), {}).reason,
              "the configuration asks for mode off");
}

TEST(Policy, TellsProgramsWhichBytesTheKernelMiscounts) {
    const auto sticky = [](Fionread fionread) { return make_policy({}, verdict(AccelerationMode::named, fionread), {}).value; };
    EXPECT_EQ(sticky(Fionread::both).sticky + sticky(Fionread::both).accepted_only, 0);
    EXPECT_EQ(sticky(Fionread::redirected).sticky, 1);
    EXPECT_EQ(sticky(Fionread::redirected).accepted_only, 0);
    EXPECT_EQ(sticky(Fionread::tcp).accepted_only, 1);
    EXPECT_EQ(sticky(Fionread::none).accepted_only, 1);
}

TEST(Policy, CountsMemoryInPagesAndBoundsTheQueueByTheLargestReceiveBuffer) {
    Surroundings here;
    here.page_size = 4096;
    here.largest_receive_buffer = 6U << 20U;
    const auto policy = make_policy({.memory_bytes = 1U << 20U, .exclude = {}}, verdict(AccelerationMode::on), here);
    EXPECT_EQ(policy.value.budget_pages, 256U);
    EXPECT_EQ(policy.value.ceiling, 4U << 20U);
}

TEST(Policy, ExcludesPortsUsersAndItsOwnSockets) {
    Surroundings here;
    here.worker_user = 990;
    here.metrics_port = 9707;
    const config::Acceleration wanted{
        .exclude = {{Exclusion::Kind::port, "5432"}, {Exclusion::Kind::user, "0"}, {Exclusion::Kind::service, "web"}}};
    const auto policy = make_policy(wanted, verdict(AccelerationMode::on), here);
    std::vector<std::pair<std::uint32_t, std::uint64_t>> found;
    for (const auto& exclusion : policy.exclusions) found.emplace_back(exclusion.kind, exclusion.value);
    EXPECT_THAT(found,
                testing::UnorderedElementsAre(testing::Pair(MD_EXCLUDE_PORT, 5432U), testing::Pair(MD_EXCLUDE_USER, 0U),
                                              testing::Pair(MD_EXCLUDE_USER, 990U), testing::Pair(MD_EXCLUDE_PORT, 9707U)));
    EXPECT_EQ(policy.value.exclusions, 1U << MD_EXCLUDE_PORT | 1U << MD_EXCLUDE_USER);
}

TEST(Policy, NamesExclusionsThatAreNotOnThisHost) {
    const config::Acceleration wanted{
        .exclude = {{Exclusion::Kind::user, "nobody-of-that-name"}, {Exclusion::Kind::cgroup, "/no/such"}}};
    EXPECT_THAT(make_policy(wanted, verdict(AccelerationMode::on), {}).unknown,
                testing::ElementsAre("user nobody-of-that-name", "cgroup /no/such"));
}

}  // namespace
}  // namespace meshd::acceleration
