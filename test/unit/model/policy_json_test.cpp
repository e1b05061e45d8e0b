// SPDX-License-Identifier: Apache-2.0
#include "model/policy_json.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::model {
namespace {

TEST(PolicyJson, ReadsWhatItWrites) {
    Rule rule;
    rule.name = "a";
    rule.workload = "/shop.slice";
    rule.service = "db";
    rule.port = 5432;
    rule.protocol = base::Protocol::tcp;
    rule.source = "file:/a.yaml";
    EXPECT_EQ(*rule_from_json(to_json(rule)), rule);
    Rule ranges;
    ranges.name = "b";
    ranges.action = Action::allow;
    ranges.from = base::Prefix::parse("10.0.0.0/8");
    ranges.to = base::Prefix::parse("fd00::/8");
    EXPECT_EQ(*rule_from_json(to_json(ranges)), ranges);
}

TEST(PolicyJson, BelievesNothing) {
    for (const auto* const text :
         {R"([])", R"({"name":"a"})", R"({"action":"deny"})", R"({"name":"a b","action":"deny"})",
          R"({"name":"a","action":"drop"})", R"({"name":"a","action":"deny","from":[]})",
          R"({"name":"a","action":"deny","from":{"workload":"x"}})",
          R"({"name":"a","action":"deny","from":{"workload":"/a","cidr":"10.0.0.0/8"}})",
          R"({"name":"a","action":"deny","from":{"cidr":"10.0.0.1/8"}})", R"({"name":"a","action":"deny","from":{"cidr":7}})",
          R"({"name":"a","action":"deny","to":{"service":""}})",
          R"({"name":"a","action":"deny","to":{"service":"a","cidr":"10.0.0.0/8"}})",
          R"({"name":"a","action":"deny","to":{"port":0}})", R"({"name":"a","action":"deny","to":{"port":65536}})",
          R"({"name":"a","action":"deny","to":{"port":1.5}})", R"({"name":"a","action":"deny","to":{"protocol":"icmp"}})"})
        EXPECT_FALSE(rule_from_json(boost::json::parse(text))) << text;
}

TEST(PolicyJson, IdsDifferByNameAndFile) {
    Rule a;
    a.name = "a";
    auto b = a;
    b.source = "file:b";
    auto c = a;
    c.name = "c";
    EXPECT_NE(rule_id(a), rule_id(b));
    EXPECT_NE(rule_id(a), rule_id(c));
    b.action = Action::allow;
    EXPECT_EQ(rule_id(b), rule_id([&] {
                  auto same = b;
                  same.action = Action::deny;
                  return same;
              }()));
}

}  // namespace
}  // namespace meshd::model
