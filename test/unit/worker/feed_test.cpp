// SPDX-License-Identifier: Apache-2.0
#include "worker/feed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshd::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

model::ServicePtr service(const std::string& name) {
    model::Service value;
    value.name = name;
    return std::make_shared<const model::Service>(std::move(value));
}

model::DesiredState state(const std::vector<std::string>& names, bool complete = true) {
    model::DesiredState desired;
    desired.complete = complete;
    for (const auto& name : names) desired.services.emplace(name, service(name));
    return desired;
}

std::vector<std::string> upserted(const channel::Delta& delta) {
    std::vector<std::string> names;
    for (const auto& item : delta.upsert) names.push_back(item->name);
    return names;
}

TEST(Feed, HasNothingBeforeTheRegistryWasRead) { EXPECT_FALSE(Feed().take()); }

TEST(Feed, BeginsWithTheWholeStateEvenWhenItIsEmpty) {
    Feed feed;
    feed.add({}, {}, state({}));
    const auto delta = feed.take();
    ASSERT_TRUE(delta);
    EXPECT_EQ(delta->sequence, 1U);
    EXPECT_TRUE(delta->full);
    EXPECT_TRUE(delta->complete);
    EXPECT_FALSE(feed.take());
}

TEST(Feed, ThenTellsWhatChanged) {
    Feed feed;
    feed.add({service("a"), service("b")}, {}, state({"a", "b"}));
    ASSERT_TRUE(feed.take());
    feed.add({service("c")}, {"a"}, state({"b", "c"}));
    const auto delta = feed.take();
    ASSERT_TRUE(delta);
    EXPECT_EQ(delta->sequence, 2U);
    EXPECT_FALSE(delta->full);
    EXPECT_THAT(upserted(*delta), ElementsAre("c"));
    EXPECT_THAT(delta->remove, ElementsAre("a"));
}

TEST(Feed, MergesWhatComesWhileTheAgentIsSlow) {
    Feed feed;
    feed.add({}, {}, state({}));
    ASSERT_TRUE(feed.take());
    const auto last = service("a");
    feed.add({service("a"), service("b")}, {}, state({"a", "b"}));
    feed.add({}, {"a", "b"}, state({}));
    feed.add({last}, {}, state({"a"}));
    const auto delta = feed.take();
    ASSERT_TRUE(delta);
    ASSERT_EQ(delta->upsert.size(), 1U);
    EXPECT_EQ(delta->upsert[0], last);
    EXPECT_THAT(delta->remove, ElementsAre("b"));
}

TEST(Feed, SendsTheWholeStateAgainWhenItBecomesComplete) {
    Feed feed;
    feed.add({service("a")}, {}, state({"a"}, false));
    EXPECT_FALSE(feed.take()->complete);
    feed.add({service("b")}, {}, state({"a", "b"}));
    const auto delta = feed.take();
    ASSERT_TRUE(delta);
    EXPECT_TRUE(delta->full && delta->complete);
    EXPECT_THAT(upserted(*delta), ElementsAre("a", "b"));
}

TEST(Feed, TellsWhenItIsNoLongerComplete) {
    Feed feed;
    feed.add({}, {}, state({"a"}));
    ASSERT_TRUE(feed.take());
    feed.add({}, {}, state({"a"}, false));
    const auto delta = feed.take();
    ASSERT_TRUE(delta);
    EXPECT_FALSE(delta->full);
    EXPECT_FALSE(delta->complete);
}

TEST(Feed, AnotherRegistryBeginsWithItsWholeState) {
    Feed feed;
    feed.add({}, {}, state({"a"}));
    ASSERT_TRUE(feed.take());
    feed.add({service("left behind")}, {"a"}, state({}));
    feed.begin_again();
    EXPECT_FALSE(feed.take());
    feed.add({service("b")}, {}, state({"b"}));
    const auto delta = feed.take();
    ASSERT_TRUE(delta);
    EXPECT_EQ(delta->sequence, 2U);
    EXPECT_TRUE(delta->full);
    EXPECT_THAT(upserted(*delta), ElementsAre("b"));
    EXPECT_THAT(delta->remove, IsEmpty());
}

}  // namespace
}  // namespace meshd::worker
