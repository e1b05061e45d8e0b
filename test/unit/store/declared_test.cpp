// SPDX-License-Identifier: Apache-2.0
#include "store/declared.hpp"

#include <gmock/gmock.h>

#include "fakes.hpp"

namespace meshd::store {
namespace {

using testing::HasSubstr;

constexpr const char* shop = R"(# the shop
version: 1
services:
  # what people see
  - name: shop/web   # first
    address: 10.96.0.10
    port: 80
    backends:
      # the old one
      - {address: 127.0.0.1, port: 8080}

  # of the web
  # alone
  - name: db
    address: 10.96.0.11
    port: 5432
    backends: []

# who may
policies:
- {name: shut, action: deny, to: {service: db}}
service_settings:
  - service: shop/web
    balancing: latency
)";

TEST(Declared, AreAllObjectsOfAFileInTheWordsOfTheirWriter) {
    const auto all = declared(shop);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].object.text(), "service/shop/web");
    EXPECT_EQ(
        all[0].text,
        "services:\n  # what people see\n  - name: shop/web   # first\n    address: 10.96.0.10\n    port: 80\n    backends:\n"
        "      # the old one\n      - {address: 127.0.0.1, port: 8080}\n");
    EXPECT_EQ(all[1].text,
              "services:\n  # of the web\n  # alone\n  - name: db\n    address: 10.96.0.11\n    port: 5432\n    backends: []\n");
    EXPECT_EQ(all[2].object.text(), "policy/shut");
    EXPECT_EQ(all[2].text, "policies:\n  - {name: shut, action: deny, to: {service: db}}\n");
    EXPECT_EQ(all[3].object.text(), "settings/shop/web");
    EXPECT_EQ(all[3].text, "service_settings:\n  - service: shop/web\n    balancing: latency\n");
    EXPECT_EQ(all[1].mark.line, 14U);
}

TEST(Declared, TakenOutAgainAreTheSame) {
    for (const auto& one : declared(shop)) {
        const auto again = declared(one.text);
        ASSERT_EQ(again.size(), 1U);
        EXPECT_EQ(again[0].object, one.object);
        EXPECT_EQ(again[0].text, one.text);
    }
}

TEST(Declared, AreWrittenAnewWhereTheyAreNotInLinesOfTheirOwn) {
    for (const auto* const text : {R"({"services": [{"name": "web", "address": "10.96.0.10", "port": 80, "backends": []},
                           {"name": "db", "address": "10.96.0.11", "port": 80, "backends": []}]})",
                                   "services:\n  -\n    name: web\n    address: 10.96.0.10\n    port: 80\n    backends: []\n  "
                                   "-\n    name: db\n    address: "
                                   "10.96.0.11\n    port: 80\n    backends: []\n",
                                   "services: [{name: web, address: 10.96.0.10, port: 80, backends: []}, {name: db, address: "
                                   "10.96.0.11, port: 80, backends: "
                                   "[]}]\n"}) {
        const auto all = declared(text);
        ASSERT_EQ(all.size(), 2U) << text;
        for (const auto& one : all) EXPECT_EQ(declared(one.text).at(0).object, one.object) << one.text;
        EXPECT_EQ(all[0].text, "services:\n  - name: web\n    address: 10.96.0.10\n    port: 80\n    backends: []\n");
    }
}

TEST(Declared, KeepTextThatLooksLikeSomethingElse) {
    const auto all = declared(
        R"({"services": [{"name": "1.5", "address": "10.96.0.10", "port": 80, "backends": [{"address": "10.0.0.1", "port": 1, "labels": {"version": "2", "on": "yes"}}],
            "health": {"probe": {"type": "tcp", "jitter": 0.25}}}]})");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_THAT(all[0].text, HasSubstr("version: \"2\""));
    EXPECT_EQ(declared(all[0].text).at(0).file->services, all[0].file->services);
}

TEST(Declared, OfAnEmptyFileAreNone) {
    EXPECT_TRUE(declared("").empty());
    EXPECT_TRUE(declared("services: []\n").empty());
}

TEST(Declared, AreRefusedAsANodeWouldRefuseThem) {
    const auto read = declared_in("services:\n  - {name: web, address: 10.96.0.300, port: 80, backends: []}\n", "web.yaml");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message(), HasSubstr("web.yaml:2:26: \"address\" must be an IPv4 or IPv6 address"));
}

}  // namespace
}  // namespace meshd::store
