// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.hpp"

#include <gtest/gtest.h>

namespace meshd::policy {
namespace {

model::Rule rule(std::string name, model::Action action = model::Action::allow) {
    model::Rule made;
    made.name = std::move(name);
    made.action = action;
    return made;
}
model::Rule from(std::string name, const char* prefix) {
    auto made = rule(std::move(name));
    made.from = base::Prefix::parse(prefix);
    return made;
}
model::Rule to(std::string name, const char* prefix) {
    auto made = rule(std::move(name));
    made.to = base::Prefix::parse(prefix);
    return made;
}

TEST(Evaluate, OrdersRulesAsDocumented) {
    auto deep = rule("deep");
    deep.workload = "/a/b";
    auto workload = rule("workload");
    workload.workload = "/a";
    auto service = rule("service");
    service.service = "web";
    auto port = rule("port");
    port.port = 80;
    auto protocol = rule("protocol");
    protocol.protocol = base::Protocol::tcp;
    const std::vector<model::Rule> expected{deep,
                                            workload,
                                            from("long", "10.0.0.0/24"),
                                            from("short", "10.0.0.0/8"),
                                            from("all v4", "0.0.0.0/0"),
                                            from("all", "::/0"),
                                            service,
                                            to("to long", "10.0.0.0/24"),
                                            to("to short", "10.0.0.0/8"),
                                            port,
                                            protocol,
                                            rule("deny", model::Action::deny),
                                            rule("allow a"),
                                            rule("allow b")};
    auto shuffled = expected;
    std::reverse(shuffled.begin(), shuffled.end());
    EXPECT_EQ(in_order(shuffled), expected);
}

TEST(Evaluate, ASourceThatIsNotKnownIsDeniedByAnyAndAllowedByAll) {
    Question question;
    question.addresses = {*base::Prefix::parse("10.0.0.1"), *base::Prefix::parse("192.0.2.1")};
    auto denies = from("deny", "10.0.0.0/8");
    denies.action = model::Action::deny;
    EXPECT_TRUE(matches_source(denies, question));
    EXPECT_FALSE(matches_source(from("allow", "10.0.0.0/8"), question));
    EXPECT_TRUE(matches_source(from("allow", "0.0.0.0/0"), question));
    question.addresses.clear();
    EXPECT_FALSE(matches_source(from("allow", "0.0.0.0/0"), question));
}

TEST(Evaluate, AWorkloadHoldsForAllBelowItAndForNoNeighbour) {
    EXPECT_TRUE(is_within("/a", "/a"));
    EXPECT_TRUE(is_within("/a/b/c", "/a"));
    EXPECT_FALSE(is_within("/ab", "/a"));
    EXPECT_FALSE(is_within("", "/a"));
}

TEST(Evaluate, SaysWhyARuleWins) {
    EXPECT_EQ(why_before(from("a", "10.0.0.0/24"), from("b", "10.0.0.0/8")),
              "its source is more specific: 10.0.0.0/24 before 10.0.0.0/8");
    EXPECT_EQ(why_before(rule("a", model::Action::deny), rule("b")), "as specific, and deny comes before allow");
}

}  // namespace
}  // namespace meshd::policy
