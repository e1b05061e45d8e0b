// SPDX-License-Identifier: Apache-2.0
#include "store/etcd_store.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "base/base64.hpp"
#include "fakes.hpp"
#include "store/etcd_transaction.hpp"

namespace meshd::store {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class EtcdStoreTest : public testing::Test {
protected:
    static model::EtcdRegistry settings() {
        model::EtcdRegistry settings;
        settings.endpoints = {"http://one", "http://two"};
        return settings;
    }
    static std::string key(const std::string& name, const std::string& value, int revision) {
        return R"({"key":")" + base::to_base64("/meshd/" + name) + R"(","value":")" + base::to_base64(value) +
               R"(","mod_revision":")" + std::to_string(revision) + R"("})";
    }

    FakeServer server_;
    EtcdStore store_{settings(), server_.ask()};
};

TEST_F(EtcdStoreTest, ListsObjectsAndWhatSomebodyPutByHandButNotWhatIsAnnounced) {
    server_.answers(200, R"({"header":{"revision":"9"},"kvs":[)" + key("announced/web/n1", "x", 4) + "," +
                             key("by/hand", "y", 5) + "," + key("services/shop/web", "z", 6) + "]}");
    const auto items = store_.list();
    ASSERT_TRUE(items);
    ASSERT_EQ(items->size(), 2U);
    EXPECT_EQ((*items)[0].object, (Object{Kind::file, "by/hand"}));
    EXPECT_EQ((*items)[1].object, (Object{Kind::service, "shop/web"}));
    EXPECT_EQ((*items)[1].where, "etcd:etcd/meshd/services/shop/web");
    EXPECT_EQ((*items)[1].text, "z");
    EXPECT_EQ((*items)[1].version, "6");
}

TEST_F(EtcdStoreTest, ReadsPageAfterPageOfOneRevision) {
    server_.answers(200, R"({"header":{"revision":"9"},"more":true,"kvs":[)" + key("services/a", "x", 4) + "]}");
    server_.answers(200, R"({"header":{"revision":"12"},"kvs":[)" + key("services/b", "x", 5) + "]}");
    EXPECT_EQ(store_.list()->size(), 2U);
    const auto second = json::parse(server_.requests.at(1).body).as_object();
    EXPECT_EQ(second.at("revision"), "9");
    EXPECT_EQ(base::from_base64(std::string(second.at("key").as_string())), std::string("/meshd/services/a") + '\0');
}

TEST_F(EtcdStoreTest, AsksTheNextEndpointWhenOneIsDown) {
    server_.is_down();
    server_.answers(200, R"({"header":{"revision":"9"}})");
    EXPECT_TRUE(store_.list()->empty());
    EXPECT_EQ(server_.requests.at(0).url, "http://one/v3/kv/range");
    EXPECT_EQ(server_.requests.at(1).url, "http://two/v3/kv/range");
    server_.is_down();
    server_.is_down();
    EXPECT_THAT(store_.list().error().message(), HasSubstr("connection refused; see that etcd runs"));
}

TEST_F(EtcdStoreTest, TellsARightThatIsMissing) {
    server_.answers(200, R"({"header":{"revision":"9"}})");
    ASSERT_TRUE(store_.list());
    server_.answers(403, R"({"error":"etcdserver: permission denied","code":7,"message":"etcdserver: permission denied"})");
    const auto written = store_.write({{{Kind::service, "web"}, "x", ""}});
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message(),
                HasSubstr("cannot write to http://one: etcdserver: permission denied; name a user who may "
                          "write the keys below /meshd/ by --user and --password-file"));
}

TEST_F(EtcdStoreTest, IsOvertakenWhenTheTransactionIsNotMade) {
    server_.answers(200, R"({"header":{"revision":"9"}})");
    ASSERT_TRUE(store_.list());
    server_.answers(200, R"({"header":{"revision":"10"}})");
    EXPECT_EQ(*store_.write({{{Kind::service, "web"}, "x", ""}}), Written::overtaken);
    server_.answers(200, R"({"header":{"revision":"10"},"succeeded":true})");
    EXPECT_EQ(*store_.write({{{Kind::service, "web"}, "x", ""}}), Written::done);
}

TEST_F(EtcdStoreTest, MakesSeveralTransactionsOfManyChanges) {
    server_.answers(200, R"({"header":{"revision":"9"}})");
    ASSERT_TRUE(store_.list());
    server_.answers(200, R"({"header":{"revision":"10"},"succeeded":true})");
    server_.answers(200, R"({"header":{"revision":"11"},"succeeded":true})");
    std::vector<Change> changes;
    for (std::size_t i = 0; i <= etcd_batch; ++i) changes.push_back({{Kind::service, "s" + std::to_string(i)}, "x", ""});
    EXPECT_EQ(*store_.write(changes), Written::done);
    const auto first = json::parse(server_.requests.at(1).body).as_object();
    EXPECT_EQ(first.at("compare").as_array().size(), etcd_operations);
    const auto second = json::parse(server_.requests.at(2).body).as_object();
    EXPECT_EQ(second.at("success").as_array().size(), 1U);
    // What the first wrote is not taken for somebody else's.
    EXPECT_EQ(second.at("compare").as_array().back().as_object().at("mod_revision"), "11");
}

TEST(EtcdTransaction, ComparesEachKeyAndThatNoObjectIsNewer) {
    const std::vector<Change> changes{{{Kind::service, "web"}, "x", "5"}, {{Kind::policy, "p"}, std::nullopt, "7"}};
    const auto request = json::parse(transaction_request("/m/", changes, 9)).as_object();
    const auto& compare = request.at("compare").as_array();
    ASSERT_EQ(compare.size(), 5U);
    EXPECT_EQ(compare[0],
              (json::value{
                  {"target", "MOD"}, {"result", "EQUAL"}, {"key", base::to_base64("/m/services/web")}, {"mod_revision", "5"}}));
    EXPECT_EQ(compare[2], (json::value{{"target", "MOD"},
                                       {"result", "LESS"},
                                       {"key", base::to_base64("/m/services/")},
                                       {"range_end", base::to_base64("/m/services0")},
                                       {"mod_revision", "10"}}));
    const auto& operations = request.at("success").as_array();
    EXPECT_EQ(operations[0].at("request_put").at("value"), json::value(base::to_base64("x")));
    EXPECT_EQ(operations[1].at("request_delete_range").at("key"), json::value(base::to_base64("/m/policies/p")));
}

TEST(EtcdTransaction, AnAnswerThatIsNoneIsRefused) {
    for (const auto* const text : {"", "[]", "{}", R"({"header":1})"}) EXPECT_FALSE(parse_transaction(text)) << text;
    EXPECT_FALSE(parse_transaction(R"({"header":{"revision":"3"}})")->succeeded);
    EXPECT_EQ(parse_transaction(R"({"header":{"revision":"3"},"succeeded":true})")->revision, 3);
}

}  // namespace
}  // namespace meshd::store
