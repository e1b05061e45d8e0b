// SPDX-License-Identifier: Apache-2.0
#include "acceleration/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::acceleration {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

Verdict sample() {
    return {config::AccelerationMode::named,
            Fionread::redirected,
            Accounting::charged,
            2,
            "6.18.44",
            std::chrono::system_clock::from_time_t(1772355600),
            std::chrono::milliseconds(412),
            {{"order", true, "in order", "65536 of 65536"}, {"splice_out", false, "4096 bytes", "EAGAIN"}},
            "splice_out differs",
            "another kernel"};
}

TEST(VerdictJson, HasTheFieldsOfTheApi) {
    const auto object = to_json(sample());
    EXPECT_EQ(object, json::parse(R"({"mode": "named", "reason": "splice_out differs", "remedy": "another kernel",
        "kernel": "6.18.44", "fionread": "redirected", "accounting": "charged", "idle_refs": 2,
        "selftest": {"at": "2026-03-01T09:00:00Z", "duration_ms": 412, "checks": [
            {"name": "order", "passed": true, "expected": "in order", "seen": "65536 of 65536"},
            {"name": "splice_out", "passed": false, "expected": "4096 bytes", "seen": "EAGAIN"}]}})")
                          .as_object());
    EXPECT_EQ(object.at("selftest"), selftest_to_json(sample()));
}

TEST(VerdictJson, ComesBackAsItWas) {
    const auto back = verdict_from_json(json::parse(json::serialize(to_json(sample()))));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, sample());
}

TEST(VerdictJson, ComesBackWithEveryWord) {
    for (const auto best : {config::AccelerationMode::on, config::AccelerationMode::named, config::AccelerationMode::off})
        for (const auto fionread : {Fionread::both, Fionread::redirected, Fionread::tcp, Fionread::none})
            for (const auto accounting : {Accounting::charged, Accounting::counted, Accounting::none}) {
                auto verdict = sample();
                verdict.best = best;
                verdict.fionread = fionread;
                verdict.accounting = accounting;
                EXPECT_EQ(verdict_from_json(to_json(verdict)), verdict);
            }
}

struct Broken {
    const char* member;
    json::value value;
    const char* named;
};

TEST(VerdictJson, NamesTheMemberThatIsWrong) {
    const std::vector<Broken> rows{
        {"mode", "auto", "mode"},
        {"mode", 1, "mode"},
        {"fionread", "some", "fionread"},
        {"accounting", nullptr, "accounting"},
        {"idle_refs", -1, "idle_refs"},
        {"idle_refs", 65536, "idle_refs"},
        {"kernel", 6, "kernel"},
        {"selftest", "done", "selftest"},
        {"selftest", {{"at", "yesterday"}, {"duration_ms", 1}, {"checks", json::array()}}, "selftest.at"},
        {"selftest", {{"at", "2026-03-01T09:00:00Z and more"}, {"duration_ms", 1}, {"checks", json::array()}}, "selftest.at"},
        {"selftest", {{"at", "2026-03-01T09:00:00Z"}, {"duration_ms", "1"}, {"checks", json::array()}}, "selftest.duration_ms"},
        {"selftest", {{"at", "2026-03-01T09:00:00Z"}, {"duration_ms", 1}}, "selftest.checks"},
        {"selftest", {{"at", "2026-03-01T09:00:00Z"}, {"duration_ms", 1}, {"checks", {1}}}, "selftest.checks"},
        {"selftest",
         {{"at", "2026-03-01T09:00:00Z"}, {"duration_ms", 1}, {"checks", json::array{{{"name", "x"}, {"passed", true}}}}},
         "selftest.checks"},
    };
    for (const auto& row : rows) {
        auto object = to_json(sample());
        object[row.member] = row.value;
        const auto outcome = verdict_from_json(object);
        ASSERT_FALSE(outcome) << json::serialize(row.value);
        EXPECT_THAT(outcome.error().object, HasSubstr(row.named)) << json::serialize(row.value);
    }
    EXPECT_FALSE(verdict_from_json("text"));
}

TEST(VerdictJson, NeedsEveryMember) {
    for (const auto& member : to_json(sample())) {
        auto object = to_json(sample());
        object.erase(member.key());
        EXPECT_FALSE(verdict_from_json(object)) << member.key();
    }
}

}  // namespace
}  // namespace meshd::acceleration
