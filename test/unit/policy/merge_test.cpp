// SPDX-License-Identifier: Apache-2.0
#include "policy/merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshd::policy {
namespace {

using testing::ElementsAre;

model::Rule rule(std::string name, std::string source, model::Action action = model::Action::deny) {
    model::Rule made;
    made.name = std::move(name);
    made.source = std::move(source);
    made.action = action;
    return made;
}

const std::vector<model::Rule> known{rule("x", "file:a"), rule("x", "file:b"), rule("y", "file:c")};

TEST(Merge, KeepsRulesOfUnreadSourcesOnly) {
    EXPECT_THAT(merge({known[0]}, known, {"file:b"}), ElementsAre(known[0], known[1]));
    EXPECT_THAT(merge({}, known, {"file:d"}), ElementsAre());
}

TEST(Merge, KeepsAllWhenNoSourceIsNamed) { EXPECT_THAT(merge({known[2]}, known, {}), ElementsAre(known[2], known[0], known[1])); }

TEST(Merge, TakesWhatIsToldNow) {
    const auto now = rule("x", "file:b", model::Action::allow);
    EXPECT_THAT(merge({now}, known, {"file:b"}), ElementsAre(now));
}

}  // namespace
}  // namespace meshd::policy
