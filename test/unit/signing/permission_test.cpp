// SPDX-License-Identifier: Apache-2.0
#include "signing/permission.hpp"

#include <gtest/gtest.h>

namespace meshd::signing {
namespace {

const std::vector<model::SigningRule> rules{{"spiffe://a/node/*", {"spiffe://a/shop/*"}},
                                            {"spiffe://a/node/edge", {"spiffe://a/edge/**", "spiffe://a/web"}}};

struct Case {
    const char* node;
    const char* wanted;
    bool allowed;
};

TEST(Permission, IsOnesOwnIdentityAndWhatRulesAdd) {
    for (const auto& [node, wanted, allowed] : {
             Case{"spiffe://a/node/1", "spiffe://a/node/1", true},
             Case{"spiffe://a/node/1", "spiffe://a/node/2", false},
             Case{"spiffe://a/node/1", "spiffe://a/shop/web", true},
             Case{"spiffe://a/node/1", "spiffe://a/shop/web/x", false},
             Case{"spiffe://a/node/1/x", "spiffe://a/shop/web", false},
             Case{"spiffe://a/node/1", "spiffe://a/edge/x", false},
             Case{"spiffe://a/node/edge", "spiffe://a/edge/x/y", true},
             Case{"spiffe://a/node/edge", "spiffe://a/web", true},
             Case{"spiffe://a/node/edge", "spiffe://a/shop/web", true},
             Case{"spiffe://a/shop/web", "spiffe://a/shop/web", true},
             Case{"spiffe://a/shop/web", "spiffe://a/shop/db", false},
             Case{"", "", false},
             Case{"", "spiffe://a/shop/web", false},
         })
        EXPECT_EQ(may_have(rules, node, wanted), allowed) << node << " wants " << wanted;
}

TEST(Permission, WithoutRulesIsOnesOwnIdentityOnly) {
    EXPECT_TRUE(may_have({}, "spiffe://a/node/1", "spiffe://a/node/1"));
    EXPECT_FALSE(may_have({}, "spiffe://a/node/1", "spiffe://a/shop/web"));
}

}  // namespace
}  // namespace meshd::signing
