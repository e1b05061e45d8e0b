// SPDX-License-Identifier: Apache-2.0
#include "health/verdict.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace meshd::health {
namespace {

// '+' is a success, '-' a failure. The answer has the state after each: '?', 'H' or 'U'.
std::string states(Verdict verdict, std::string_view answers) {
    std::string result;
    for (const auto answer : answers) {
        verdict.add(answer == '+');
        result += !verdict.healthy() ? '?' : *verdict.healthy() ? 'H' : 'U';
    }
    return result;
}

TEST(Verdict, NeedsSoManyInARow) {
    EXPECT_EQ(states({2, 3}, "++---++"), "?HHHUUH");
    EXPECT_EQ(states({1, 1}, "+-+"), "HUH");
}

TEST(Verdict, AnyOfTheOtherKindBeginsTheCountAnew) {
    EXPECT_EQ(states({2, 3}, "++--+--+--"), "?HHHHHHHHH");
    EXPECT_EQ(states({2, 1}, "-+-+-++"), "UUUUUUH");
}

TEST(Verdict, IsNoneUntilItIsDecided) {
    EXPECT_EQ(states({3, 3}, "+-+-++-"), "???????");
    EXPECT_EQ(states({3, 2}, "+--"), "??U");
}

TEST(Verdict, TellsOnlyWhatIsNew) {
    Verdict verdict(2, 2);
    const bool expected[] = {false, true, false, false, true, false, false, true};
    std::size_t i = 0;
    for (const auto answer : std::string_view("+++---++")) {
        EXPECT_EQ(verdict.add(answer == '+'), expected[i]) << i;
        ++i;
    }
}

TEST(Verdict, AFlappingBackendChangesNoMoreOftenThanTheThresholdsAllow) {
    Verdict verdict(2, 3);
    int changes = 0;
    for (int i = 0; i < 1000; ++i) changes += verdict.add(i % 5 < 2) ? 1 : 0;
    EXPECT_EQ(changes, 400);
    Verdict calm(3, 3);
    changes = 0;
    for (int i = 0; i < 1000; ++i) changes += calm.add(i % 2 == 0) ? 1 : 0;
    EXPECT_EQ(changes, 0);
}

}  // namespace
}  // namespace meshd::health
