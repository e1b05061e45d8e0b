// SPDX-License-Identifier: Apache-2.0
#include "acceleration/decision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshd::acceleration {
namespace {

using config::AccelerationMode;
using testing::HasSubstr;
using testing::IsEmpty;

struct Row {
    const char* title;
    Fionread fionread;
    Accounting accounting;
    std::vector<const char*> failed;
    AccelerationMode best;
    const char* reason;
    const char* remedy;  // "": none
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.title; }

// A verdict with a check for each name that the decision knows of, and for some that it takes for essential.
Verdict verdict_of(const Row& row) {
    Verdict verdict;
    verdict.fionread = row.fionread;
    verdict.accounting = row.accounting;
    for (const auto* name : {"path", "order", "bound", "messages", "fionread", "leaving", "reset", "peer_gone", "peek",
                             "splice_out", "wait_for_all", "zero_copy"})
        verdict.checks.push_back({name, true, "this", "that"});
    for (const auto* name : row.failed)
        for (auto& check : verdict.checks)
            if (check.name == name) check.passed = false;
    return verdict;
}

class Decide : public testing::TestWithParam<Row> {};

TEST_P(Decide, SaysWhatMayBeDoneAndWhy) {
    auto verdict = verdict_of(GetParam());
    decide(verdict);
    EXPECT_EQ(config::name(verdict.best), config::name(GetParam().best));
    EXPECT_THAT(verdict.reason, HasSubstr(GetParam().reason));
    if (*GetParam().remedy == '\0')
        EXPECT_THAT(verdict.remedy, IsEmpty());
    else
        EXPECT_THAT(verdict.remedy, HasSubstr(GetParam().remedy));
}

constexpr auto on = AccelerationMode::on;
constexpr auto named = AccelerationMode::named;
constexpr auto off = AccelerationMode::off;
constexpr auto charged = Accounting::charged;

INSTANTIATE_TEST_SUITE_P(
    Table, Decide,
    testing::Values(
        Row{"all right", Fionread::both, charged, {}, on, "every check of the self-test passed", ""},
        Row{"counted is as good as charged", Fionread::both, Accounting::counted, {}, on, "every check", ""},
        Row{"FIONREAD wrong for TCP", Fionread::redirected, charged, {"fionread"}, on, "leaves for good", "6.12.115"},
        Row{"and it cannot leave", Fionread::redirected, charged, {"fionread", "leaving"}, named, "cannot leave", "6.12.115"},
        Row{"FIONREAD wrong for the short way", Fionread::tcp, charged, {"fionread"}, named, "FIONREAD is wrong", "6.12.115"},
        Row{"FIONREAD wrong for both", Fionread::none, charged, {"fionread"}, named, "FIONREAD is wrong", "7.2"},
        Row{"nothing is known of what waits", Fionread::both, Accounting::none, {}, off, "slow reader", "6.1.123"},
        Row{"accounting comes first", Fionread::both, Accounting::none, {"order"}, off, "slow reader", "6.1.123"},
        Row{"no short way at all", Fionread::both, charged, {"path"}, off, "'path' failed, expected this, seen: that", ""},
        Row{"order", Fionread::both, charged, {"order"}, off, "'order' failed", ""},
        Row{"bound", Fionread::both, charged, {"bound"}, off, "'bound' failed", ""},
        Row{"messages", Fionread::both, charged, {"messages"}, off, "'messages' failed", ""},
        Row{"off beats named", Fionread::tcp, charged, {"splice_out", "order"}, off, "'order' failed", ""},
        Row{"leaving alone", Fionread::both, charged, {"leaving"}, named, "(leaving)", ""},
        Row{"splice", Fionread::both, charged, {"splice_out"}, named, "(splice_out)", ""},
        Row{"MSG_WAITALL", Fionread::both, charged, {"wait_for_all"}, named, "(wait_for_all)", ""},
        Row{"MSG_ZEROCOPY", Fionread::both, charged, {"zero_copy"}, named, "(zero_copy)", ""},
        Row{"MSG_PEEK", Fionread::both, charged, {"peek"}, named, "(peek)", ""},
        Row{"errno of a peer that is gone", Fionread::both, charged, {"peer_gone"}, named, "(peer_gone)", ""},
        Row{"several calls are all named",
            Fionread::redirected,
            charged,
            {"fionread", "splice_out", "zero_copy"},
            named,
            "(splice_out, zero_copy)",
            "6.12.115"}));

TEST(Decide, TakesACheckItDoesNotKnowForEssential) {
    auto verdict = verdict_of({"", Fionread::both, charged, {}, on, "", ""});
    verdict.checks.push_back({"new", false, "this", "that"});
    decide(verdict);
    EXPECT_EQ(verdict.best, off);
    EXPECT_EQ(weight("new"), Weight::essential);
}

TEST(Decide, SaysOffWhereNothingWasChecked) {
    Verdict verdict;
    verdict.accounting = charged;
    verdict.fionread = Fionread::both;
    decide(verdict);
    EXPECT_EQ(verdict.best, off);
}

}  // namespace
}  // namespace meshd::acceleration
