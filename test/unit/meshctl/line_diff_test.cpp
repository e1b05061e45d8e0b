// SPDX-License-Identifier: Apache-2.0
#include "line_diff.hpp"

#include <gmock/gmock.h>

namespace meshd::meshctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LineDiff, ShowsWhatStaysGoesAndComes) {
    EXPECT_THAT(line_diff("a\nb\nc\n", "a\nx\nc\nd\n"), ElementsAre("  a", "- b", "+ x", "  c", "+ d"));
    EXPECT_THAT(line_diff("", "a\nb\n"), ElementsAre("+ a", "+ b"));
    EXPECT_THAT(line_diff("a\nb\n", ""), ElementsAre("- a", "- b"));
    EXPECT_THAT(line_diff("a", "a\n"), ElementsAre("  a"));
    EXPECT_THAT(line_diff("", ""), IsEmpty());
}

}  // namespace
}  // namespace meshd::meshctl
