// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_texts.hpp"

namespace meshd::registry::kubernetes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

boost::json::object service(const std::string& name, const std::string& address = "10.96.0.10") {
    return object("{'metadata': {'namespace': 'default', 'name': '" + name + "'}, 'spec': {'clusterIP': '" + address +
                  "', 'ports': [{'name': 'http', 'port': 80}]}}");
}

boost::json::object slice_of(const std::string& service, const std::string& address, const std::string& node = "n2",
                             const std::string& suffix = "-1") {
    return object("{'metadata': {'namespace': 'default', 'name': '" + service + suffix +
                  "', 'labels': {'kubernetes.io/service-name': '" + service +
                  "'}}, 'addressType': 'IPv4', 'ports': [{'name': 'http', 'port': 8080}], 'endpoints': [{'addresses': ['" +
                  address + "'], 'nodeName': '" + node + "'}]}");
}

boost::json::object node(const std::string& name, const std::string& zone) {
    return object("{'metadata': {'name': '" + name + "', 'labels': {'topology.kubernetes.io/zone': '" + zone +
                  "'}}, 'status': {'addresses': [{'type': 'InternalIP', 'address': '192.0.2.1'}]}}");
}

class ClusterTest : public testing::Test {
protected:
    ClusterTest() {
        for (const auto* const name : {"a", "b"}) {
            EXPECT_TRUE(cluster.put(Kind::services, service(name)));
            EXPECT_TRUE(cluster.put(Kind::slices, slice_of(name, "10.1.0.1")));
        }
        cluster.take_touched();
    }
    std::string backends_of(const std::string& key) {
        const auto translation = cluster.translate(key);
        return translation && !translation->services.empty() ? text(translation->services[0].ports[0].backends) : "none";
    }
    Cluster cluster{"n1"};
};

TEST_F(ClusterTest, AChangeTouchesItsServiceAlone) {
    EXPECT_TRUE(cluster.put(Kind::slices, slice_of("a", "10.1.0.2")));
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a"));
    EXPECT_EQ(backends_of("default/a"), "10.1.0.2:8080 ready");
    EXPECT_EQ(backends_of("default/b"), "10.1.0.1:8080 ready");
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
}

TEST_F(ClusterTest, WhatIsSaidAgainTouchesNothing) {
    EXPECT_TRUE(cluster.put(Kind::services, service("a")));
    EXPECT_TRUE(cluster.put(Kind::slices, slice_of("a", "10.1.0.1")));
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
}

TEST_F(ClusterTest, ASliceMayMoveToAnotherService) {
    auto moved = slice_of("b", "10.1.0.7", "n2", "-x");
    moved["metadata"].as_object()["name"] = "a-1";
    EXPECT_TRUE(cluster.put(Kind::slices, moved));
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a", "default/b"));
    EXPECT_EQ(backends_of("default/a"), "");
    EXPECT_EQ(backends_of("default/b"), "10.1.0.1:8080 ready, 10.1.0.7:8080 ready");
}

TEST_F(ClusterTest, Removals) {
    cluster.remove(Kind::slices, "default/a-1");
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a"));
    EXPECT_EQ(backends_of("default/a"), "");
    cluster.remove(Kind::services, "default/a");
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a"));
    EXPECT_EQ(backends_of("default/a"), "none");
    cluster.remove(Kind::services, "default/a");
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
}

TEST_F(ClusterTest, WhatAListDoesNotNameIsGoneWhenItEnds) {
    cluster.begin_list(Kind::services);
    EXPECT_TRUE(cluster.put(Kind::services, service("a")));
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
    EXPECT_THAT(cluster.end_list(Kind::services), ElementsAre("default/b"));
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/b"));
    EXPECT_THAT(cluster.all(), ElementsAre("default/a"));

    cluster.begin_list(Kind::slices);
    EXPECT_THAT(cluster.end_list(Kind::slices).size(), 2);
    EXPECT_EQ(backends_of("default/a"), "");
}

TEST_F(ClusterTest, AnObjectThatCannotBeReadIsAsItWas) {
    EXPECT_FALSE(cluster.put(Kind::services, service("a", "10.96.0.999")));
    EXPECT_EQ(backends_of("default/a"), "10.1.0.1:8080 ready");
    cluster.begin_list(Kind::services);
    EXPECT_FALSE(cluster.put(Kind::services, service("a", "10.96.0.999")));
    EXPECT_TRUE(cluster.put(Kind::services, service("b")));
    EXPECT_THAT(cluster.end_list(Kind::services), IsEmpty()) << "the list named it";
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
}

TEST_F(ClusterTest, ANodeTouchesWhatHasEndpointsOnIt) {
    EXPECT_TRUE(cluster.put(Kind::slices, slice_of("a", "10.1.0.1", "n3")));
    cluster.take_touched();
    EXPECT_TRUE(cluster.put(Kind::nodes, node("n3", "za")));
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a"));
    EXPECT_TRUE(cluster.put(Kind::nodes, node("n3", "za")));
    EXPECT_TRUE(cluster.put(Kind::nodes, node("n9", "za")));
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
    cluster.begin_list(Kind::nodes);
    EXPECT_TRUE(cluster.put(Kind::nodes, node("n9", "za")));
    EXPECT_THAT(cluster.end_list(Kind::nodes), ElementsAre("n3"));
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a"));
}

TEST_F(ClusterTest, ThisNodesZoneTouchesAll) {
    EXPECT_TRUE(cluster.put(Kind::here, node("n1", "za")));
    EXPECT_THAT(cluster.take_touched(), ElementsAre("default/a", "default/b"));
    EXPECT_EQ(cluster.here().zone, Word("za"));
    EXPECT_THAT(cluster.here().addresses, ElementsAre(ip("192.0.2.1")));
    EXPECT_TRUE(cluster.put(Kind::here, node("n1", "za")));
    EXPECT_THAT(cluster.take_touched(), IsEmpty());
}

}  // namespace
}  // namespace meshd::registry::kubernetes
