// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/publisher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_texts.hpp"
#include "registry/kubernetes/configurations.hpp"

namespace meshd::registry::kubernetes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

boost::json::object service(const std::string& name, const std::string& more, const std::string& address = "10.96.0.10") {
    return object("{'metadata': {'namespace': 'default', 'name': '" + name +
                  "'}, 'spec': {'type': 'LoadBalancer', 'clusterIP': '" + address +
                  "', 'ports': [{'name': 'http', 'port': 80}], " + more +
                  "}, 'status': {'loadBalancer': {'ingress': [{'ip': '203.0.113.2'}]}}}");
}

class PublisherTest : public testing::Test {
protected:
    void put(const boost::json::object& object) { ASSERT_TRUE(cluster.put(Kind::services, object)); }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, one] : intake.services()) all.push_back(name);
        return all;
    }

    Cluster cluster{"n1"};
    Intake intake{"kubernetes", {.share = 100}, {[] {}, [] {}, [] {}}};
    Configurations configurations{intake};
    Publisher publisher{cluster, intake, configurations.units()};
};

TEST_F(PublisherTest, WhatWasTouchedComesAndGoes) {
    put(service("web", "'externalTrafficPolicy': 'Local', 'healthCheckNodePort': 31000"));
    publisher.publish_touched();
    EXPECT_THAT(names(), ElementsAre("default/web", "default/web/external"));
    EXPECT_THAT(publisher.health_check_ports(), ElementsAre(HealthCheckPort{31000, "default/web", 0}));

    put(service("web", "'externalTrafficPolicy': 'Cluster'"));
    publisher.publish_touched();
    EXPECT_THAT(names(), ElementsAre("default/web"));
    EXPECT_THAT(publisher.health_check_ports(), IsEmpty());

    cluster.remove(Kind::services, "default/web");
    publisher.publish_touched();
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(PublisherTest, RulesGoWithTheirService) {
    put(service("web", "'loadBalancerSourceRanges': ['10.0.0.0/8']"));
    publisher.publish_touched();
    EXPECT_THAT(intake.rules(), SizeIs(2));
    put(service("web", "'loadBalancerSourceRanges': []"));
    publisher.publish_touched();
    EXPECT_THAT(intake.rules(), IsEmpty());

    put(service("web", "'loadBalancerSourceRanges': ['10.0.0.0/8']"));
    publisher.publish_all(true);
    EXPECT_THAT(intake.rules(), SizeIs(2));
    cluster.remove(Kind::services, "default/web");
    publisher.publish_all(true);
    EXPECT_THAT(intake.rules(), IsEmpty());
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(PublisherTest, WhatCannotBeTranslatedStaysAsItWas) {
    put(service("web", "'externalTrafficPolicy': 'Local'"));
    put(service("db", "'externalIPs': []", "10.96.0.11"));
    publisher.publish_all(true);
    put(service("web", "'externalIPs': ['169.254.1.1']"));
    publisher.publish_touched();
    EXPECT_THAT(names(), ElementsAre("default/db", "default/web", "default/web/external"));
    EXPECT_TRUE(intake.refused().contains("translation of service default/web"));
    publisher.publish_all(true);
    EXPECT_THAT(names(), ElementsAre("default/db", "default/web", "default/web/external"))
        << "a full answer must not take it away";

    put(service("web", "'externalIPs': ['203.0.113.9']"));
    publisher.publish_touched();
    EXPECT_THAT(names(), ElementsAre("default/db", "default/web"));
    EXPECT_TRUE(intake.refused().empty());
}

TEST_F(PublisherTest, ARefusedServiceThatIsRemovedIsGone) {
    put(service("web", "'externalIPs': ['169.254.1.1']"));
    publisher.publish_all(true);
    EXPECT_FALSE(intake.refused().empty());
    cluster.remove(Kind::services, "default/web");
    publisher.publish_touched();
    EXPECT_TRUE(intake.refused().empty());
}

}  // namespace
}  // namespace meshd::registry::kubernetes
