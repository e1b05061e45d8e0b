// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/blocking_queries.hpp"

#include <fstream>

#include <gmock/gmock.h>

#include "fake_consul.hpp"

namespace meshd::registry::consul {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Next = BlockingQueries::Next;

class BlockingQueriesTest : public testing::Test {
protected:
    BlockingQueriesTest() { settings_.url = consul_.url(); }

    BlockingQueries& queries(const Times& times = {.gap = 1ms, .blind = 1ms}) {
        if (!queries_)
            queries_.emplace(loop_.context, client_, settings_,
                             BlockingQueries::Handlers{[this] { ++answered_; },
                                                       [this](Failure kind, const base::Error& error) {
                                                           failures_.push_back(kind);
                                                           error_ = error.message();
                                                       }},
                             times);
        return *queries_;
    }
    void follow(const std::string& path, bool has_turns = false, Next next = Next::again) {
        queries().set(
            path,
            {.path = path, .has_turns = has_turns, .take = [this, path, next](const std::string& body) -> base::Result<Next> {
                 if (body == "bad") return base::fail({"read", "x", 0, "it is bad", {}});
                 taken_[path].push_back(body);
                 return next;
             }});
    }
    template <typename Condition>
    bool until(Condition condition) {
        return loop_.run_until(condition);
    }

    Loop loop_;
    FakeConsul consul_{loop_.context};
    web::AsyncClient client_{loop_.context};
    model::ConsulRegistry settings_;
    std::map<std::string, std::vector<std::string>> taken_;
    std::vector<Failure> failures_;
    std::string error_;
    int answered_ = 0;
    std::optional<BlockingQueries> queries_;
};

TEST_F(BlockingQueriesTest, TakeEachChangeOnce) {
    consul_.set("/a", "1");
    follow("/a");
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    consul_.set("/a", "2");
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    consul_.release_held();
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    EXPECT_THAT(taken_["/a"], ElementsAre("1", "2")) << "an answer without a change is not taken again";
    EXPECT_EQ(answered_, 3);
}

TEST_F(BlockingQueriesTest, BeginAnewWhenTheIndexGoesBack) {
    consul_.set("/a", "1");
    follow("/a");
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    consul_.set_index(3);
    consul_.release_held();
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    EXPECT_THAT(taken_["/a"], ElementsAre("1", "1")) << "what came with the lower index itself is not taken";
    EXPECT_THAT(consul_.requests, ElementsAre("/a", HasSubstr("index=11"), "/a", HasSubstr("index=3")));
}

TEST_F(BlockingQueriesTest, DoNotWaitForAServerWithoutAnIndex) {
    consul_.set("/a", "1");
    consul_.headers("");
    follow("/a");
    ASSERT_TRUE(until([&] { return consul_.count("/a") > 3; }));
    EXPECT_THAT(consul_.requests, testing::Each("/a"));
}

TEST_F(BlockingQueriesTest, HaveAnsweredWhenAllHave) {
    consul_.set("/a", "1");
    follow("/a");
    follow("/b");
    ASSERT_TRUE(until([&] { return !failures_.empty(); }));
    EXPECT_EQ(answered_, 0);
    consul_.set("/b", "1");
    ASSERT_TRUE(until([&] { return answered_ > 0; }));
}

TEST_F(BlockingQueriesTest, AskEverythingAnewAfterAConnectionIsLost) {
    consul_.set("/a", "1");
    consul_.set("/b", "1");
    follow("/a");
    follow("/b");
    ASSERT_TRUE(until([&] { return consul_.held() == 2; }));
    consul_.requests.clear();
    const auto url = consul_.url();
    consul_.stop();
    ASSERT_TRUE(until([&] { return !failures_.empty(); }));
    consul_.start(url.substr(7));
    ASSERT_TRUE(until([&] { return consul_.held() == 2; }));
    EXPECT_THAT(failures_, testing::Each(Failure::unreachable));
    EXPECT_THAT(taken_["/a"], ElementsAre("1", "1"));
    EXPECT_THAT(taken_["/b"], ElementsAre("1", "1"));
    EXPECT_EQ(consul_.requests[0], "/a");
    EXPECT_THAT(error_, HasSubstr(settings_.url));
}

TEST_F(BlockingQueriesTest, TryOneAloneWhileTheServerIsGone) {
    const auto url = consul_.url();
    consul_.stop();
    for (const auto* const path : {"/a", "/b", "/c"}) follow(path);
    ASSERT_TRUE(until([&] { return failures_.size() >= 3; }));
    consul_.start(url.substr(7));
    for (const auto* const path : {"/a", "/b", "/c"}) consul_.set(path, "1");
    ASSERT_TRUE(until([&] { return consul_.held() == 3; }));
    EXPECT_EQ(taken_.size(), 3u);
}

TEST_F(BlockingQueriesTest, GoOnWhenOneIsRefused) {
    settings_.access.token_file = "";
    consul_.set("/a", "Permission denied", "403 Forbidden");
    consul_.set("/b", "1");
    follow("/a");
    follow("/b");
    ASSERT_TRUE(until([&] { return !failures_.empty() && consul_.held() == 1; }));
    EXPECT_EQ(failures_[0], Failure::denied);
    EXPECT_THAT(taken_["/b"], ElementsAre("1"));
    consul_.set("/a", "2");
    ASSERT_TRUE(until([&] { return consul_.held() == 2; }));
    EXPECT_THAT(taken_["/a"], ElementsAre("2"));
}

TEST_F(BlockingQueriesTest, DoNotTakeWhatIsNotConsulsForMissing) {
    consul_.set("/kv", "no page", "404 Not Found");
    queries().set("kv", {.path = "/kv", .if_missing = "[]", .take = [this](const std::string& body) {
                             taken_["/kv"].push_back(body);
                             return base::Result<Next>(Next::again);
                         }});
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    EXPECT_THAT(taken_["/kv"], ElementsAre("[]"));
    consul_.headers("");
    consul_.release_held();
    ASSERT_TRUE(until([&] { return !failures_.empty(); }));
    EXPECT_EQ(failures_[0], Failure::malformed);
    EXPECT_EQ(taken_["/kv"].size(), 1u);
}

TEST_F(BlockingQueriesTest, DoNotBelieveAnAnswerThatHidesEverything) {
    consul_.set("/a", "[]");
    consul_.headers("X-Consul-Index: 9\r\nX-Consul-Results-Filtered-By-ACLs: true\r\n");
    follow("/a");
    ASSERT_TRUE(until([&] { return !failures_.empty(); }));
    EXPECT_EQ(failures_[0], Failure::denied);
    EXPECT_TRUE(taken_.empty());
}

TEST_F(BlockingQueriesTest, TellAnAnswerThatCannotBeRead) {
    consul_.set("/a", "bad");
    follow("/a");
    ASSERT_TRUE(until([&] { return failures_.size() == 2; }));
    EXPECT_EQ(failures_[0], Failure::malformed);
    EXPECT_THAT(error_, testing::AllOf(HasSubstr(settings_.url + "/a"), HasSubstr("it is bad")));
    consul_.set("/a", "good");
    ASSERT_TRUE(until([&] { return answered_ > 0; }));
}

TEST_F(BlockingQueriesTest, RestUntilAsked) {
    consul_.set("/a", "1");
    follow("/a", true, Next::rest);
    ASSERT_TRUE(until([&] { return answered_ == 1; }));
    loop_.run_for(20ms);
    EXPECT_EQ(consul_.requests.size(), 1u);
    queries().ask("/a");
    ASSERT_TRUE(until([&] { return answered_ == 2; }));
    EXPECT_EQ(consul_.requests.size(), 2u);
}

TEST_F(BlockingQueriesTest, AreAskedAnewByASync) {
    consul_.set("/a", "1");
    consul_.set("/b", "1");
    follow("/a");
    follow("/b", true);
    ASSERT_TRUE(until([&] { return consul_.held() == 2; }));
    queries().ask_all();
    queries().ask_all();
    ASSERT_TRUE(until([&] { return taken_["/a"].size() == 2 && taken_["/b"].size() == 2; }));
    EXPECT_EQ(consul_.count("/a"), 2u);
    EXPECT_EQ(consul_.count("/b"), 2u);
}

TEST_F(BlockingQueriesTest, TakeTurnsWhenThereAreTooMany) {
    constexpr int count = 30;
    queries({.round = 300ms, .gap = 1ms, .most_held = 4});
    for (int i = 0; i < count; ++i) {
        consul_.set("/" + std::to_string(i), "1");
        follow("/" + std::to_string(i), true);
    }
    EXPECT_TRUE(queries().take_turns());
    std::size_t most = 0;
    ASSERT_TRUE(until([&] {
        most = std::max(most, consul_.held());
        if (consul_.held() == 4) consul_.release_held();
        return taken_.size() == count && consul_.requests.size() > 3 * count;
    }));
    EXPECT_LE(most, 4u);
    for (int i = 0; i < count; ++i) EXPECT_GE(consul_.count_any("/" + std::to_string(i)), 2u);
}

TEST_F(BlockingQueriesTest, GiveALateOneRoomAmongThoseThatAreHeld) {
    queries({.round = 400ms, .gap = 1ms, .most_held = 2});
    for (const auto* const path : {"/a", "/b", "/c"}) consul_.set(path, "1");
    follow("/a", true);
    follow("/b", true);
    ASSERT_TRUE(until([&] { return consul_.held() == 2; }));
    follow("/c", true);
    EXPECT_TRUE(until([&] { return taken_.contains("/c"); })) << "the others are held for half a minute";
}

TEST_F(BlockingQueriesTest, ReadTheTokenForEachQuery) {
    settings_.access.token_file = testing::TempDir() + "meshd-queries-" + std::to_string(::getpid());
    std::ofstream(settings_.access.token_file) << "first";
    consul_.set("/a", "1");
    follow("/a");
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    std::ofstream(settings_.access.token_file) << "second";
    consul_.set("/a", "2");
    ASSERT_TRUE(until([&] { return consul_.held() == 1; }));
    EXPECT_EQ(consul_.tokens.front(), "first");
    EXPECT_EQ(consul_.tokens.back(), "second");
    (void)std::remove(settings_.access.token_file.c_str());
    consul_.set("/a", "[]");
    ASSERT_TRUE(until([&] { return !failures_.empty(); }));
    EXPECT_EQ(failures_[0], Failure::settings);
    EXPECT_EQ(consul_.tokens.back(), "second") << "nothing is asked without a token";
}

TEST_F(BlockingQueriesTest, MayBeDroppedWhileOneIsTaken) {
    consul_.set("/a", "1");
    queries().set("a", {.path = "/a", .take = [this](const std::string&) {
                            queries().drop("a");
                            return base::Result<Next>(Next::again);
                        }});
    ASSERT_TRUE(until([&] { return !queries().has("a"); }));
    loop_.run_for(10ms);
    EXPECT_EQ(consul_.requests.size(), 1u);
}

}  // namespace
}  // namespace meshd::registry::consul
