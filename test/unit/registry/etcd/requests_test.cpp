// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/requests.hpp"

#include <gtest/gtest.h>

namespace meshd::registry::etcd {
namespace {

TEST(Requests, APrefixEndsBeforeTheNextKey) {
    EXPECT_EQ(end_of("/meshd/"), "/meshd0");
    EXPECT_EQ(end_of("a\xff\xff"), "b");
    EXPECT_EQ(end_of("\xff"), std::string(1, '\0'));
    EXPECT_EQ(end_of(""), std::string(1, '\0'));
}

TEST(Requests, ARangeIsOfARevisionOnceThatIsKnown) {
    EXPECT_EQ(range_request("/meshd/", "/meshd/", 0, 16), R"({"key":"L21lc2hkLw==","range_end":"L21lc2hkMA==","limit":"16"})");
    EXPECT_EQ(range_request("/meshd/", std::string("/meshd/a") + '\0', 7, 32),
              R"({"key":"L21lc2hkL2EA","range_end":"L21lc2hkMA==","limit":"32","revision":"7"})");
}

TEST(Requests, AnEmptyPrefixIsEveryKey) {
    EXPECT_EQ(count_request(""), R"({"key":"AA==","range_end":"AA==","count_only":true})");
}

TEST(Requests, AWatchBeginsAtARevision) {
    EXPECT_EQ(watch_request("a", 8),
              R"({"create_request":{"key":"YQ==","range_end":"Yg==","start_revision":"8","progress_notify":true,)"
              R"("fragment":true}})");
}

TEST(Requests, APasswordMayHaveAnyCharacter) {
    EXPECT_EQ(authenticate_request("me", "\"\\\n"), R"({"name":"me","password":"\"\\\n"})");
}

}  // namespace
}  // namespace meshd::registry::etcd
