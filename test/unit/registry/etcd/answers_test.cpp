// SPDX-License-Identifier: Apache-2.0
// The answers are those of etcd 3.4.
#include "registry/etcd/answers.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

namespace meshd::registry::etcd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

base::Result<Watched> watched(std::string_view text) { return parse_watched(boost::json::parse(text).as_object()); }

TEST(Answers, ARangeHasKeysAndTheRevisionOfTheStore) {
    const auto range =
        parse_range(R"({"header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"2",
        "raft_term":"2"},"kvs":[{"key":"L21lc2hkL2E=","create_revision":"2","mod_revision":"2","version":"1","value":"aGVsbG8="},
        {"key":"L21lc2hkL2I=","mod_revision":"2"}],"more":true,"count":"14"})");
    ASSERT_TRUE(range.has_value());
    EXPECT_EQ(range->revision, 2);
    EXPECT_EQ(range->count, 14);
    EXPECT_TRUE(range->more);
    EXPECT_THAT(range->items, ElementsAre(KeyValue{"/meshd/a", "hello", 2}, KeyValue{"/meshd/b", "", 2}));
}

TEST(Answers, ARangeWithoutKeysLeavesOutAllButItsHeader) {
    const auto range = parse_range(R"({"header":{"revision":"9007199254740993"}})");
    ASSERT_TRUE(range.has_value());
    EXPECT_EQ(range->revision, 9007199254740993);
    EXPECT_EQ(range->count, 0);
    EXPECT_FALSE(range->more);
    EXPECT_THAT(range->items, IsEmpty());
}

TEST(Answers, SaysWhatIsWrongInARange) {
    for (const auto& [text, why] : {
             std::pair{"", "JSON"},
             {"[]", "no JSON object"},
             {R"({"count":"1"})", "\"revision\""},
             {R"({"header":{"revision":"1x"}})", "\"revision\" is no number"},
             {R"({"header":[]})", "\"header\" is no object"},
             {R"({"header":{"revision":"1"},"kvs":{}})", "\"kvs\" is no list"},
             {R"({"header":{"revision":"1"},"kvs":[1]})", "\"kvs\" has something other"},
             {R"({"header":{"revision":"1"},"kvs":[{"key":"?"}]})", "\"key\" is not base64"},
             {R"({"header":{"revision":"1"},"kvs":[{"value":"YQ=="}]})", "\"key\" is missing"},
             {R"({"header":{"revision":"1"},"more":1})", "\"more\" is neither"},
             {R"({"header":{"revision":"1"},"more":true})", "\"kvs\" is empty"},
         }) {
        const auto range = parse_range(text);
        ASSERT_FALSE(range.has_value()) << text;
        EXPECT_THAT(range.error().message(), HasSubstr(why));
    }
}

TEST(Answers, AWatchBeginsWithItsConfirmation) {
    const auto first = watched(R"({"result":{"header":{"revision":"2"},"created":true}})");
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(first->created);
    EXPECT_FALSE(first->canceled);
    EXPECT_THAT(first->events, IsEmpty());
}

TEST(Answers, AWatchTellsOfPutsWithoutATypeAndOfDeletions) {
    const auto some = watched(R"({"result":{"header":{"revision":"4"},"events":[
        {"kv":{"key":"L21lc2hkL2I=","create_revision":"3","mod_revision":"3","version":"1","value":"eA=="}},
        {"type":"DELETE","kv":{"key":"L21lc2hkL2I=","mod_revision":"4"}}]}})");
    ASSERT_TRUE(some.has_value());
    EXPECT_EQ(some->revision, 4);
    EXPECT_THAT(some->events, ElementsAre(Event{false, {"/meshd/b", "x", 3}}, Event{true, {"/meshd/b", "", 4}}));
}

TEST(Answers, AWatchIsCanceledForACompactedRevision) {
    const auto end = watched(R"({"result":{"header":{"raft_term":"2"},"canceled":true,"compact_revision":"5"}})");
    ASSERT_TRUE(end.has_value());
    EXPECT_TRUE(end->canceled);
    EXPECT_EQ(end->compact_revision, 5);
}

TEST(Answers, AWatchIsCanceledWithAReason) {
    const auto end = watched(R"({"result":{"header":{"revision":"18"},"watch_id":"-1","created":true,"canceled":true,
        "cancel_reason":"rpc error: code = InvalidArgument desc = etcdserver: user name is empty"}})");
    ASSERT_TRUE(end.has_value());
    EXPECT_TRUE(end->canceled);
    EXPECT_EQ(end->complaint.kind(), Complaint::Kind::token);
}

TEST(Answers, AWatchIsEndedByAnError) {
    const auto end = watched(R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"…"}})");
    ASSERT_TRUE(end.has_value());
    EXPECT_TRUE(end->canceled);
    EXPECT_EQ(end->complaint.code, 14);
    EXPECT_EQ(end->complaint.message, "etcdserver: no leader");
    EXPECT_EQ(end->complaint.kind(), Complaint::Kind::other);
}

TEST(Answers, SaysWhatIsWrongInAWatch) {
    for (const auto& [text, why] : {
             std::pair{"{}", "\"result\" is missing"},
             {R"({"result":7})", "\"result\" is no object"},
             {R"({"result":{"header":{"revision":"1"},"events":[{"type":"MOVE","kv":{"key":"YQ=="}}]}})",
              "neither PUT nor DELETE"},
             {R"({"result":{"header":{"revision":"1"},"events":[{}]}})", "\"key\" is missing"},
             {R"({"result":{"events":[{"kv":{"key":"YQ=="}}]}})", "\"revision\" is missing"},
             {R"({"error":"no"})", "\"error\" is no object"},
         }) {
        const auto answer = watched(text);
        ASSERT_FALSE(answer.has_value()) << text;
        EXPECT_THAT(answer.error().message(), HasSubstr(why));
    }
}

TEST(Answers, ATokenIsOneLine) {
    EXPECT_EQ(parse_token(R"({"header":{"revision":"18"},"token":"DFRArFLkOSdltkLI.27"})").value(), "DFRArFLkOSdltkLI.27");
    EXPECT_FALSE(parse_token(R"({"header":{"revision":"18"}})").has_value());
    EXPECT_FALSE(parse_token(R"({"token":"a\r\nHost: b"})").has_value());
}

TEST(Answers, KnowsWhatEtcdComplainsOf) {
    using Kind = Complaint::Kind;
    for (const auto& [text, kind] : {
             std::pair{R"({"error":"etcdserver: invalid auth token","message":"etcdserver: invalid auth token","code":16})",
                       Kind::token},
             {R"({"message":"etcdserver: user name is empty","code":3})", Kind::token},
             {R"({"message":"etcdserver: revision of auth store is old","code":3})", Kind::token},
             {R"({"message":"etcdserver: authentication failed, invalid user ID or password","code":3})", Kind::denied},
             {R"({"message":"etcdserver: permission denied","code":7})", Kind::denied},
             {R"({"message":"etcdserver: authentication is not enabled","code":9})", Kind::no_users},
             {R"({"message":"etcdserver: mvcc: required revision has been compacted","code":11})", Kind::compacted},
             {R"({"message":"grpc: received message is larger than max","code":8})", Kind::too_large},
             {R"({"message":"etcdserver: request timed out","code":14})", Kind::other},
         })
        EXPECT_EQ(parse_complaint(400, text).kind(), kind) << text;
}

TEST(Answers, WhatIsNoComplaintOfEtcdIsKnownByItsStatus) {
    EXPECT_EQ(parse_complaint(401, "<html>").kind(), Complaint::Kind::token);
    EXPECT_EQ(parse_complaint(403, R"({"code":"x"})").kind(), Complaint::Kind::denied);
    EXPECT_EQ(parse_complaint(502, "Bad Gateway").kind(), Complaint::Kind::other);
    EXPECT_THAT(parse_complaint(502, "Bad Gateway").message, HasSubstr("502"));
}

}  // namespace
}  // namespace meshd::registry::etcd
