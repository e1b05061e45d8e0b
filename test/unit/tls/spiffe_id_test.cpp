// SPDX-License-Identifier: Apache-2.0
#include "tls/spiffe_id.hpp"

#include <gmock/gmock.h>

namespace meshd::tls {
namespace {

TEST(SpiffeId, HasATrustDomainAndAPath) {
    const auto id = SpiffeId::parse("spiffe://example.org/shop/Web-1_a.b");
    ASSERT_TRUE(id);
    EXPECT_EQ(id->trust_domain, "example.org");
    EXPECT_EQ(id->path, "/shop/Web-1_a.b");
    EXPECT_EQ(id->text(), "spiffe://example.org/shop/Web-1_a.b");
}

TEST(SpiffeId, MayBeATrustDomainAlone) { EXPECT_EQ(SpiffeId::parse("spiffe://example.org")->path, ""); }

TEST(SpiffeId, RefusesWhatTheStandardDoes) {
    for (const auto* const text : {"",
                                   "spiffe:",
                                   "spiffe://",
                                   "spiffe:///web",
                                   "SPIFFE://example.org/web",
                                   "https://example.org/web",
                                   "spiffe://Example.org/web",
                                   "spiffe://example.org:443/web",
                                   "spiffe://user@example.org/web",
                                   "spiffe://example.org/",
                                   "spiffe://example.org/web/",
                                   "spiffe://example.org//web",
                                   "spiffe://example.org/./web",
                                   "spiffe://example.org/..",
                                   "spiffe://example.org/web?x",
                                   "spiffe://example.org/web#x",
                                   "spiffe://example.org/w%20b",
                                   "spiffe://example.org/wéb",
                                   "spiffe://example.org/web\n",
                                   "spiffe://[::1]/web"})
        EXPECT_FALSE(SpiffeId::parse(text)) << text;
}

TEST(SpiffeId, IsBounded) {
    const std::string prefix = "spiffe://example.org/";
    EXPECT_TRUE(SpiffeId::parse(prefix + std::string(max_spiffe_id_bytes - prefix.size(), 'a')));
    EXPECT_FALSE(SpiffeId::parse(prefix + std::string(max_spiffe_id_bytes - prefix.size() + 1, 'a')));
    EXPECT_TRUE(SpiffeId::parse("spiffe://" + std::string(255, 'a') + "/b"));
    EXPECT_FALSE(SpiffeId::parse("spiffe://" + std::string(256, 'a') + "/b"));
}

TEST(SpiffeId, DoesNotStopAtANul) { EXPECT_FALSE(SpiffeId::parse(std::string_view("spiffe://example.org/web\0", 25))); }

}  // namespace
}  // namespace meshd::tls
