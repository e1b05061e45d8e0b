// SPDX-License-Identifier: Apache-2.0
// The core of passive ejection, compiled natively: the clock is a number, and one thread needs no lock.
#include <gtest/gtest.h>

#include "meshd/balance.h"

#define bpf_spin_lock(lock) ((void)(lock))
#define bpf_spin_unlock(lock) ((void)(lock))
#include "lib/ejection.h"

namespace meshd::health {
namespace {

constexpr std::uint64_t ms = 1000000;
constexpr std::uint64_t second = 1000 * ms;

class EjectionTest : public testing::Test {
protected:
    EjectionTest() {
        rule_.eject_ms = 30000;
        rule_.eject_longest_ms = 300000;
        rule_.eject_row = 3;
        rule_.eject_most = MD_SHARE_ONE / 2;
        rule_.backends = 4;
    }

    md_eject fail(md_vitals& backend, std::uint64_t after = ms) {
        now_ += after;
        return md_backend_failed(&backend, &state_, &rule_, MD_FAILURE_REFUSED, now_, &told_);
    }
    void work(md_vitals& backend, std::uint64_t after = ms) {
        now_ += after;
        md_backend_worked(&backend, &state_, now_);
    }
    md_eject fail_until_ejected(md_vitals& backend) {
        md_eject outcome = MD_EJECT_NOT;
        for (int i = 0; i < 3 && outcome == MD_EJECT_NOT; ++i) outcome = fail(backend);
        return outcome;
    }
    std::uint64_t lasts(const md_vitals& backend) const { return backend.ejected_until_ns - backend.ejected_ns; }

    md_balancing rule_{};
    md_balancing_state state_{};
    md_vitals a_{}, b_{}, c_{};
    md_ejected told_{};
    std::uint64_t now_ = 1000 * second;
};

TEST_F(EjectionTest, EjectsWithTheLastOfARow) {
    EXPECT_EQ(fail(a_), MD_EJECT_NOT);
    EXPECT_EQ(fail(a_), MD_EJECT_NOT);
    EXPECT_FALSE(md_is_ejected(&a_, now_));
    EXPECT_EQ(fail(a_), MD_EJECT_DONE);
    EXPECT_TRUE(md_is_ejected(&a_, now_));
    EXPECT_EQ(lasts(a_), 30 * second);
    EXPECT_EQ(state_.ejected, 1U);
    EXPECT_EQ(told_.why, MD_EJECTION_ROW);
    EXPECT_EQ(told_.how, MD_FAILURE_REFUSED);
    EXPECT_EQ(told_.row, 3U);
    EXPECT_EQ(told_.until_ns, a_.ejected_until_ns);
}

TEST_F(EjectionTest, ASuccessBreaksTheRow) {
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(fail(a_), MD_EJECT_NOT);
        EXPECT_EQ(fail(a_), MD_EJECT_NOT);
        work(a_);
    }
    EXPECT_EQ(a_.row, 0U);
    EXPECT_EQ(a_.how, MD_FAILURE_NONE);
}

TEST_F(EjectionTest, EjectsByTheShareOfFailures) {
    rule_.eject_row = 0;
    rule_.eject_rate = MD_SHARE_ONE / 2;
    int failures = 0;
    while (fail(a_) == MD_EJECT_NOT) ++failures;
    EXPECT_EQ(failures + 1, 11);  // 1 - (15/16)^11 is the first above one half
    EXPECT_EQ(told_.why, MD_EJECTION_RATE);
    // Every other connection fails: half of them, but never far above it for long.
    rule_.eject_rate = MD_SHARE_ONE * 3 / 4;
    for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(fail(b_), MD_EJECT_NOT);
        work(b_);
    }
}

TEST_F(EjectionTest, AllFailuresAreWorthTheWholeShare) {
    rule_.eject_row = 0;
    rule_.eject_rate = MD_SHARE_ONE;  // 100 %
    auto outcome = MD_EJECT_NOT;
    for (int i = 0; i < 200 && outcome == MD_EJECT_NOT; ++i) outcome = fail(a_, 0);
    EXPECT_EQ(outcome, MD_EJECT_DONE);
}

TEST_F(EjectionTest, ForgetsFailuresThatAreLongAgo) {
    rule_.eject_row = 0;
    rule_.eject_rate = MD_SHARE_ONE / 4;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(fail(a_, 60 * second), MD_EJECT_NOT);
}

TEST_F(EjectionTest, LastsLongerEachTimeUpToTheLongest) {
    fail_until_ejected(a_);
    for (std::uint64_t n = 2; n < 15; ++n) {
        now_ = a_.ejected_until_ns;
        EXPECT_EQ(fail(a_), MD_EJECT_DONE) << "the first failure after an ejection is one more of the row";
        EXPECT_EQ(lasts(a_), std::min<std::uint64_t>(n * 30, 300) * second);
        EXPECT_EQ(state_.ejected, 1U) << "it has kept its place";
    }
}

TEST_F(EjectionTest, ForgetsEarlierEjectionsByHalves) {
    fail_until_ejected(a_);
    for (int n = 2; n <= 8; ++n) {
        now_ = a_.ejected_until_ns;
        fail(a_);
    }
    ASSERT_EQ(a_.ejections, 8U);
    now_ = a_.ejected_until_ns + 300 * second;
    work(a_);
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 0), 1);
    EXPECT_EQ(fail_until_ejected(a_), MD_EJECT_DONE);
    EXPECT_EQ(a_.ejections, 5U);  // half of eight, and this one
    now_ = a_.ejected_until_ns + 3600 * second;
    EXPECT_EQ(fail_until_ejected(a_), MD_EJECT_DONE);
    EXPECT_EQ(a_.ejections, 1U);
}

TEST_F(EjectionTest, EjectsNoMoreThanMay) {
    EXPECT_EQ(fail_until_ejected(a_), MD_EJECT_DONE);
    EXPECT_EQ(fail_until_ejected(b_), MD_EJECT_DONE);
    EXPECT_EQ(fail_until_ejected(c_), MD_EJECT_SPARED);
    EXPECT_FALSE(md_is_ejected(&c_, now_));
    EXPECT_EQ(state_.ejected, 2U);
    now_ = a_.ejected_until_ns;
    EXPECT_EQ(fail(c_), MD_EJECT_SPARED) << "nobody has counted it back yet";
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 0), 1);
    EXPECT_EQ(fail(c_), MD_EJECT_DONE);
}

TEST_F(EjectionTest, SparesTheOnlyBackend) {
    rule_.backends = 1;
    EXPECT_EQ(fail_until_ejected(a_), MD_EJECT_SPARED);
    rule_.backends = 2;
    EXPECT_EQ(fail(a_), MD_EJECT_DONE);
}

TEST_F(EjectionTest, IsCountedBackExactlyOnce) {
    fail_until_ejected(a_);
    fail_until_ejected(b_);
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 0), 0) << "not over";
    now_ = std::max(a_.ejected_until_ns, b_.ejected_until_ns);
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 0), 1);
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 0), 0);
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 1), 0);
    EXPECT_EQ(state_.ejected, 1U);
}

TEST_F(EjectionTest, EndsEarlyAndForgetsWhatLedToIt) {
    fail_until_ejected(a_);
    EXPECT_EQ(md_end_ejection(&a_, &state_, now_, 1), 1);
    EXPECT_FALSE(md_is_ejected(&a_, now_));
    EXPECT_EQ(state_.ejected, 0U);
    EXPECT_EQ(fail(a_), MD_EJECT_NOT) << "the row begins anew";
}

TEST_F(EjectionTest, DoesNotEjectWhatIsEjectedOrWhereNothingEjects) {
    fail_until_ejected(a_);
    const auto until = a_.ejected_until_ns;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(fail(a_), MD_EJECT_NOT) << "connections that were under way";
    EXPECT_EQ(a_.ejected_until_ns, until);
    rule_.eject_ms = 0;
    EXPECT_EQ(fail_until_ejected(b_), MD_EJECT_NOT);
    EXPECT_EQ(md_backend_failed(&b_, &state_, nullptr, MD_FAILURE_RESET, now_, &told_), MD_EJECT_NOT);
    EXPECT_EQ(b_.how, MD_FAILURE_RESET);
}

}  // namespace
}  // namespace meshd::health
