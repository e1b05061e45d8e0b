// SPDX-License-Identifier: Apache-2.0
#include "store/consul_store.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "base/base64.hpp"
#include "fakes.hpp"
#include "store/consul_transaction.hpp"

namespace meshd::store {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

class ConsulStoreTest : public testing::Test {
protected:
    static model::ConsulRegistry settings() {
        model::ConsulRegistry settings;
        settings.url = "http://c";
        settings.keys = "meshd/";
        return settings;
    }

    FakeServer server_;
    ConsulStore store_{settings(), server_.ask()};
};

TEST_F(ConsulStoreTest, ListsKeysBelowThePrefix) {
    server_.answers(200,
                    R"([{"Key":"meshd/","Value":null,"ModifyIndex":3},{"Key":"meshd/announced/x","Value":"eA==","ModifyIndex":4},
                             {"Key":"meshd/policies/a","Value":"eA==","ModifyIndex":5},{"Key":"meshd/web","Value":"eQ==","ModifyIndex":6}])");
    const auto items = store_.list();
    ASSERT_TRUE(items) << items.error().message();
    ASSERT_EQ(items->size(), 2U);
    EXPECT_EQ((*items)[0].object, (Object{Kind::policy, "a"}));
    EXPECT_EQ((*items)[0].version, "5");
    EXPECT_EQ((*items)[1].where, "consul:consul/meshd/web");
    EXPECT_EQ(server_.requests.at(0).url, "http://c/v1/kv/meshd/?recurse&consistent");
    server_.answers(404, "");
    EXPECT_TRUE(store_.list()->empty());
}

TEST_F(ConsulStoreTest, TellsWhetherItIsDeniedOrOvertaken) {
    const std::vector<Change> changes{{{Kind::service, "web"}, "x", ""}};
    server_.answers(200, R"({"Results":[],"Errors":null})");
    EXPECT_EQ(*store_.write(changes), Written::done);
    EXPECT_EQ(server_.requests.at(0).method, "PUT");
    server_.answers(409, R"({"Results":null,"Errors":[{"OpIndex":0,"What":"failed to set key \"meshd/web\", index is stale"}]})");
    EXPECT_EQ(*store_.write(changes), Written::overtaken);
    server_.answers(409, R"({"Results":null,"Errors":[{"OpIndex":0,"What":"Permission denied"}]})");
    EXPECT_THAT(store_.write(changes).error().message(),
                HasSubstr("Permission denied; name a file by --token-file with a token that may write the keys below meshd/"));
    server_.answers(500, "No cluster leader");
    EXPECT_THAT(store_.write(changes).error().message(), HasSubstr("status 500: No cluster leader"));
    server_.is_down();
    EXPECT_THAT(store_.write(changes).error().message(), HasSubstr("see that Consul runs"));
}

TEST(ConsulTransaction, ComparesEachIndex) {
    const std::vector<Change> changes{
        {{Kind::service, "web"}, "x", "5"}, {{Kind::policy, "p"}, std::nullopt, "7"}, {{Kind::service, "n"}, "y", ""}};
    const auto operations = json::parse(consul_transaction("m/", changes)).as_array();
    EXPECT_EQ(operations[0],
              (json::value{{"KV", {{"Verb", "cas"}, {"Key", "m/services/web"}, {"Index", 5}, {"Value", base::to_base64("x")}}}}));
    EXPECT_EQ(operations[1], (json::value{{"KV", {{"Verb", "delete-cas"}, {"Key", "m/policies/p"}, {"Index", 7}}}}));
    EXPECT_EQ(operations[2].at("KV").at("Index"), json::value(0));
}

TEST(ConsulTransaction, HasAtMostSixtyFourChangesAndNotTooManyBytes) {
    const std::vector<Change> many(100, Change{{Kind::service, "web"}, "x", ""});
    EXPECT_EQ(consul_batch(many).size(), 64U);
    const std::vector<Change> large(3, Change{{Kind::service, "web"}, std::string(200'000, 'x'), ""});
    EXPECT_EQ(consul_batch(large).size(), 1U);
    const std::vector<Change> huge(1, Change{{Kind::service, "web"}, std::string(900'000, 'x'), ""});
    EXPECT_EQ(consul_batch(huge).size(), 1U);
}

TEST(ConsulTransaction, KeysThatAreNoneAreRefused) {
    for (const auto* const text : {"", "{}", "[1]", R"([{"Key":"a"}])", R"([{"Key":"a","Value":"?","ModifyIndex":1}])",
                                   R"([{"Key":"a","Value":"eA==","ModifyIndex":-1}])", R"([{"Value":"eA==","ModifyIndex":1}])"})
        EXPECT_FALSE(parse_consul_keys(text)) << text;
    EXPECT_THAT(*parse_consul_keys(R"([{"Key":"a","Value":"eA==","ModifyIndex":7}])"), ElementsAre(ConsulKey{"a", "x", "7"}));
}

}  // namespace
}  // namespace meshd::store
