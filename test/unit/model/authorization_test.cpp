// SPDX-License-Identifier: Apache-2.0
#include "model/authorization.hpp"

#include <gtest/gtest.h>

namespace meshd::model {
namespace {

Rule rule(std::string name, Action action, std::string identity, std::string service = "", std::uint16_t port = 0) {
    Rule made;
    made.name = std::move(name);
    made.action = action;
    made.identity = std::move(identity);
    made.service = std::move(service);
    made.port = port;
    return made;
}

TEST(IdentityPattern, IsASpiffeIdWithStarsForParts) {
    for (const auto* const good : {"spiffe://example.org/web", "spiffe://example.org/shop/*", "spiffe://example.org/*/web",
                                   "spiffe://example.org/**", "spiffe://a-b_c.1/x/y/**"})
        EXPECT_TRUE(is_identity_pattern(good)) << good;
    for (const auto* const bad :
         {"", "web", "spiffe://", "spiffe://example.org", "spiffe://example.org/", "spiffe://Example.org/web",
          "spiffe://example.org//web", "spiffe://example.org/web/", "spiffe://example.org/**/web", "spiffe://example.org/we*",
          "spiffe://*/web", "spiffe://example.org/../web", "spiffe://example.org/a b", "https://example.org/web"})
        EXPECT_FALSE(is_identity_pattern(bad)) << bad;
}

TEST(IdentityPattern, MatchesWholeIdentities) {
    EXPECT_TRUE(matches_identity("spiffe://a/web", "spiffe://a/web"));
    EXPECT_FALSE(matches_identity("spiffe://a/web", "spiffe://a/web2"));
    EXPECT_FALSE(matches_identity("spiffe://a/web", "spiffe://a/web/x"));
    EXPECT_FALSE(matches_identity("spiffe://a/web/x", "spiffe://a/web"));
    EXPECT_FALSE(matches_identity("spiffe://a/web", "spiffe://b/web"));
    EXPECT_TRUE(matches_identity("spiffe://a/*/web", "spiffe://a/shop/web"));
    EXPECT_FALSE(matches_identity("spiffe://a/*", "spiffe://a/shop/web"));
    EXPECT_TRUE(matches_identity("spiffe://a/**", "spiffe://a/shop/web"));
    EXPECT_FALSE(matches_identity("spiffe://a/**", "spiffe://ab/shop/web"));
    EXPECT_FALSE(matches_identity("spiffe://a/**", "spiffe://a"));
    EXPECT_FALSE(matches_identity("spiffe://a/**", ""));
}

TEST(Authorization, LetsPassWhatNoRuleNames) {
    const Authorization none;
    EXPECT_TRUE(none.decide("spiffe://a/web", "db", 5432).is_allowed);
    const Authorization other({rule("r", Action::deny, "spiffe://a/**", "cache")}, false);
    const auto decided = other.decide("spiffe://a/web", "db", 5432);
    EXPECT_TRUE(decided.is_allowed);
    EXPECT_EQ(decided.rule, nullptr);
}

TEST(Authorization, DecidesByTheMostSpecificRule) {
    const Authorization policy(
        {rule("nobody", Action::deny, "spiffe://a/**", "db"), rule("web", Action::allow, "spiffe://a/web", "db"),
         rule("shops", Action::allow, "spiffe://a/shop/*", "db"), rule("bad-shop", Action::deny, "spiffe://a/shop/bad"),
         rule("port", Action::deny, "spiffe://a/web", "db", 22)},
        false);
    EXPECT_EQ(policy.decide("spiffe://a/web", "db", 5432).rule->name, "web");
    EXPECT_TRUE(policy.decide("spiffe://a/web", "db", 5432).is_allowed);
    EXPECT_FALSE(policy.decide("spiffe://a/web", "db", 22).is_allowed);
    EXPECT_FALSE(policy.decide("spiffe://a/cron", "db", 5432).is_allowed);
    EXPECT_TRUE(policy.decide("spiffe://a/shop/good", "db", 5432).is_allowed);
    EXPECT_FALSE(policy.decide("spiffe://a/shop/bad", "db", 5432).is_allowed);
    EXPECT_TRUE(policy.decide("spiffe://a/cron", "cache", 6379).is_allowed);
    const auto all = policy.matching("spiffe://a/shop/bad", "db", 1);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0]->name, "bad-shop");
    EXPECT_EQ(all[1]->name, "shops");
    EXPECT_EQ(all[2]->name, "nobody");
}

TEST(Authorization, PrefersDenyAmongEqualsAndOnlyTellsInAuditMode) {
    const std::vector<Rule> rules{rule("a", Action::allow, "spiffe://a/web"), rule("d", Action::deny, "spiffe://a/web")};
    EXPECT_FALSE(Authorization(rules, false).decide("spiffe://a/web", "db", 1).is_allowed);
    const auto audited = Authorization(rules, true).decide("spiffe://a/web", "db", 1);
    EXPECT_TRUE(audited.is_allowed);
    EXPECT_TRUE(audited.is_audited);
    EXPECT_NE(Authorization(rules, true), Authorization(rules, false));
}

TEST(Authorization, LooksAtRulesThatNameAnIdentityOnly) {
    EXPECT_EQ(Authorization({rule("r", Action::deny, "")}, false), Authorization());
}

}  // namespace
}  // namespace meshd::model
