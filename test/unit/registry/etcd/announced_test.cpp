// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/announced.hpp"

#include <gtest/gtest.h>

namespace meshd::registry::etcd {
namespace {

using namespace std::chrono_literals;

const std::string one = R"({"address": "10.0.0.1", "port": 80})";
const std::string two = R"({"address": "10.0.0.2", "port": 80, "state": "drain"})";

TEST(ParseAnnounced, TakesWhatIsLeftOutAsItUsuallyIs) {
    const auto backend = parse_announced(one);
    ASSERT_TRUE(backend) << backend.error().message();
    EXPECT_EQ(*backend, (model::Backend{*base::SocketAddress::parse("10.0.0.1:80"), 1, model::BackendState::ready, "", {}}));
}

TEST(ParseAnnounced, RefusesWhatNobodyCanUse) {
    for (const auto* const bad : {"", "[]", "{}", R"({"address": "10.0.0.1"})", R"({"address": "10.0.0.1", "port": 0})",
                                  R"({"address": "10.0.0.1", "port": 65536})", R"({"address": "0.0.0.0", "port": 80})",
                                  R"({"address": "224.0.0.1", "port": 80})", R"({"address": "255.255.255.255", "port": 80})",
                                  R"({"address": "fe80::1", "port": 80})", R"({"address": "host", "port": 80})",
                                  R"({"address": "10.0.0.1", "port": 80, "weight": 1001})",
                                  R"({"address": "10.0.0.1", "port": 80, "state": "unhealthy"})",
                                  R"({"address": "10.0.0.1", "port": 80, "labels": {"": "x"}})"})
        EXPECT_FALSE(parse_announced(bad)) << bad;
    EXPECT_FALSE(parse_announced(R"({"address": "10.0.0.1", "port": 80, "locality": ")" + std::string(256, 'x') + "\"}"));
}

struct AnnouncedTest : testing::Test {
    Intake intake{"etcd:main", {100, 5s}, {[] {}, [] {}, [] {}}};
    Announced announced{intake, "meshd/announced/"};
    model::BackendsFrom query{model::BackendsFrom::Kind::etcd, {}, "web", {}, {}};

    // Addresses of the answer; nothing: there is none.
    std::string answer() {
        const auto* const set = intake.find_set(query);
        if (set == nullptr) return "none";
        std::string text;
        for (const auto& backend : *set) text += backend.endpoint.address.text() + ' ';
        return text;
    }
};

TEST_F(AnnouncedTest, TakesKeysOfItsOwnOnly) {
    EXPECT_TRUE(announced.takes("meshd/announced/web/10.0.0.1:80"));
    EXPECT_FALSE(announced.takes("meshd/web"));
}

TEST_F(AnnouncedTest, AnswersWhenAllIsKnown) {
    announced.want({query});
    EXPECT_EQ(answer(), "none");
    announced.replace({{"meshd/announced/web/a", two}, {"meshd/announced/web/b", one}, {"meshd/announced/mail/c", one}});
    EXPECT_EQ(answer(), "10.0.0.1 10.0.0.2 ") << "in order of their addresses";
    EXPECT_EQ(announced.size(), 3U);
}

TEST_F(AnnouncedTest, AnswersANewQueryAtOnce) {
    announced.replace({{"meshd/announced/web/a", one}});
    announced.want({query});
    EXPECT_EQ(answer(), "10.0.0.1 ");
}

TEST_F(AnnouncedTest, FollowsKeysAsTheyComeAndGo) {
    announced.want({query});
    announced.replace({});
    EXPECT_EQ(answer(), "");
    announced.put("meshd/announced/web/a", one);
    announced.put("meshd/announced/web/b", two);
    announced.put("meshd/announced/web/c", one);
    EXPECT_EQ(answer(), "10.0.0.1 10.0.0.2 ") << "an address counts once";
    announced.remove("meshd/announced/web/a");
    EXPECT_EQ(answer(), "10.0.0.1 10.0.0.2 ");
    announced.remove("meshd/announced/web/c");
    EXPECT_EQ(answer(), "10.0.0.2 ");
    announced.replace({});
    EXPECT_EQ(answer(), "");
    EXPECT_EQ(announced.size(), 0U);
}

TEST_F(AnnouncedTest, RefusesAValueAloneAndKeepsItsLastGoodOne) {
    announced.want({query});
    announced.replace({{"meshd/announced/web/a", one}, {"meshd/announced/web/b", two}});
    announced.put("meshd/announced/web/a", "{");
    EXPECT_EQ(answer(), "10.0.0.1 10.0.0.2 ");
    ASSERT_EQ(intake.refused().size(), 1U);
    EXPECT_EQ(intake.refused().at("meshd/announced/web/a"),
              "cannot read etcd:main/meshd/announced/web/a: it is no JSON object; correct or delete the key");
    announced.put("meshd/announced/web/a", two);
    EXPECT_EQ(answer(), "10.0.0.2 ");
    EXPECT_TRUE(intake.refused().empty());
    announced.put("meshd/announced/lonely", one);
    EXPECT_EQ(intake.refused().size(), 1U) << "no key of an announcement";
    announced.remove("meshd/announced/lonely");
    EXPECT_TRUE(intake.refused().empty());
}

}  // namespace
}  // namespace meshd::registry::etcd
