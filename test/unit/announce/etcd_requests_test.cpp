// SPDX-License-Identifier: Apache-2.0
#include "announce/etcd_requests.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "registry/etcd/announced.hpp"
#include "wanted.hpp"

namespace meshd::announce {
namespace {

using namespace std::chrono_literals;
using test::web;

TEST(EtcdRequests, KeysNameServiceAndAddress) {
    EXPECT_EQ(etcd_key("/meshd/", web().what), "/meshd/announced/web/10.0.0.5:8080");
    auto what = web().what;
    what.endpoint.address = *base::IpAddress::parse("fd00::5");
    EXPECT_EQ(etcd_key("/meshd/", what), "/meshd/announced/web/[fd00::5]:8080");
}

TEST(EtcdRequests, ValuesAreWhatOthersRead) {
    auto wanted = web();
    wanted.locality = "eu/a";
    wanted.is_drained = true;
    wanted.what.weight = 7;
    wanted.what.labels = {{"version", "v2"}};
    const auto read = registry::etcd::parse_announced(etcd_value(wanted));
    ASSERT_TRUE(read) << read.error().message();
    const model::Backend expected{wanted.what.endpoint, 7, model::BackendState::drain, "eu/a", {{"version", "v2"}}};
    EXPECT_EQ(*read, expected);
    EXPECT_EQ(etcd_value(web()), R"({"address":"10.0.0.5","port":8080,"weight":1,"state":"ready"})");
}

TEST(EtcdRequests, LeasesHaveWholeSeconds) {
    EXPECT_EQ(grant_request(15s), R"({"TTL":"15"})");
    EXPECT_EQ(grant_request(5001ms), R"({"TTL":"6"})");
    EXPECT_EQ(lease_request("7587"), R"({"ID":"7587"})");
    EXPECT_EQ(put_request("a", "b", "7"), R"({"key":"YQ==","value":"Yg==","lease":"7"})");
    EXPECT_EQ(read_request("a"), R"({"key":"YQ=="})");
    EXPECT_EQ(delete_request("a"), R"({"key":"YQ=="})");
}

TEST(EtcdRequests, ReadsLeases) {
    EXPECT_EQ(parse_lease(R"({"header":{},"ID":"7587877318","TTL":"15"})"), "7587877318");
    for (const auto* const bad : {"", "[]", "{}", R"({"ID":"x"})", R"({"ID":{}})"}) EXPECT_FALSE(parse_lease(bad)) << bad;
    EXPECT_EQ(parse_alive(R"({"result":{"header":{},"ID":"7","TTL":"15"}})"), true);
    EXPECT_EQ(parse_alive(R"({"result":{"header":{},"ID":"7"}})"), false) << "zero is left out";
    for (const auto* const bad : {"", "{}", R"({"error":{"message":"no"}})", R"({"result":7})"})
        EXPECT_FALSE(parse_alive(bad)) << bad;
    EXPECT_TRUE(is_no_lease("etcdserver: requested lease not found"));
    EXPECT_FALSE(is_no_lease("etcdserver: permission denied"));
}

}  // namespace
}  // namespace meshd::announce
