// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/objects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_texts.hpp"

namespace meshd::registry::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string service_text(const std::string& spec, const std::string& status = "{}") {
    return "{'metadata': {'namespace': 'default', 'name': 'web', 'resourceVersion': '7'}, 'spec': {" + spec +
           "}, 'status': " + status + "}";
}

Service service_of(const std::string& spec, const std::string& status = "{}") {
    const auto service = parse_service(object(service_text(spec, status)));
    EXPECT_TRUE(service) << service.error().message();
    return service ? *service : Service{};
}

std::string error_of(const std::string& spec, const std::string& status = "{}") {
    const auto service = parse_service(object(service_text(spec, status)));
    return service ? "" : service.error().message();
}

TEST(ServiceObject, AsTheServerGivesIt) {
    const auto service = service_of(
        "'type': 'NodePort', 'clusterIP': '10.96.0.10', 'clusterIPs': ['10.96.0.10', 'fd00::10'], 'externalIPs': ['203.0.113.1'],"
        "'ports': [{'name': 'http', 'port': 80, 'targetPort': 8080, 'nodePort': 30080, 'protocol': 'TCP'},"
        "          {'name': 'dns', 'port': 53, 'protocol': 'UDP'}, {'name': 'sctp', 'port': 9, 'protocol': 'SCTP'}],"
        "'sessionAffinity': 'ClientIP', 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 60}},"
        "'internalTrafficPolicy': 'Local', 'externalTrafficPolicy': 'Cluster', 'trafficDistribution': 'PreferClose'");
    EXPECT_EQ(service.key, "default/web");
    EXPECT_THAT(service.cluster_ips, ElementsAre(ip("10.96.0.10"), ip("fd00::10")));
    EXPECT_THAT(service.external_ips, ElementsAre(ip("203.0.113.1")));
    ASSERT_THAT(service.ports, SizeIs(3));
    EXPECT_EQ(service.ports[0], (ServicePortSpec{Word("http"), 80, 30080, base::Protocol::tcp}));
    EXPECT_EQ(service.ports[1].protocol, base::Protocol::udp);
    EXPECT_EQ(service.ports[2].protocol, std::nullopt);
    EXPECT_EQ(service.affinity_s, 60U);
    EXPECT_EQ(service.internal, Traffic::local);
    EXPECT_EQ(service.external, Traffic::cluster);
    EXPECT_EQ(service.distribution, Distribution::same_zone);
}

TEST(ServiceObject, WhatIsNotSaidIsAsKubernetesHasIt) {
    const auto service =
        service_of("'clusterIP': '10.96.0.10', 'ports': [{'port': 80}], 'sessionAffinity': 'None', 'externalIPs': null");
    EXPECT_THAT(service.cluster_ips, ElementsAre(ip("10.96.0.10"))) << "servers before 1.20 have no clusterIPs";
    EXPECT_EQ(service.ports[0], (ServicePortSpec{Word(""), 80, 0, base::Protocol::tcp}));
    EXPECT_EQ(service.affinity_s, 0U);
    EXPECT_EQ(service.internal, Traffic::cluster);
    EXPECT_EQ(service.distribution, Distribution::anywhere);
    EXPECT_EQ(service_of("'clusterIP': '10.96.0.10', 'sessionAffinity': 'ClientIP'").affinity_s, 10800U);
}

TEST(ServiceObject, HeadlessAndExternalNameHaveNoAddress) {
    EXPECT_THAT(service_of("'clusterIP': 'None', 'clusterIPs': ['None']").cluster_ips, IsEmpty());
    EXPECT_THAT(service_of("'type': 'ExternalName', 'clusterIP': '10.0.0.1', 'externalName': 'x.example'").cluster_ips,
                IsEmpty());
    EXPECT_THAT(service_of("'clusterIP': ''").cluster_ips, IsEmpty()) << "not given one yet";
}

TEST(ServiceObject, LoadBalancer) {
    const std::string ingress =
        "{'loadBalancer': {'ingress': [{'ip': '203.0.113.2'}, {'ip': '203.0.113.3', 'ipMode': 'Proxy'}, {'ip': '203.0.113.4', "
        "'ipMode': "
        "'VIP'}, {'hostname': 'lb.example'}]}}";
    const std::string spec =
        "'clusterIP': '10.96.0.10', 'externalTrafficPolicy': 'Local', 'healthCheckNodePort': 31000, 'loadBalancerSourceRanges': "
        "[' "
        "10.0.0.1/8 ', '2001:db8::/32']";
    const auto service = service_of("'type': 'LoadBalancer', " + spec, ingress);
    EXPECT_THAT(service.load_balancer_ips, ElementsAre(ip("203.0.113.2"), ip("203.0.113.4")));
    EXPECT_THAT(service.source_ranges,
                ElementsAre(base::Prefix::parse("10.0.0.0/8").value(), base::Prefix::parse("2001:db8::/32").value()));
    EXPECT_EQ(service.health_check_port, 31000);

    const auto other = service_of("'type': 'ClusterIP', " + spec, ingress);
    EXPECT_THAT(other.load_balancer_ips, IsEmpty()) << "left behind from before its type changed";
    EXPECT_THAT(other.source_ranges, IsEmpty());
    EXPECT_EQ(other.health_check_port, 0);
}

TEST(ServiceObject, IsRefusedByNameAndPlace) {
    EXPECT_EQ(error_of("'clusterIPs': ['10.96.0.300']"),
              "cannot accept service default/web: spec.clusterIPs[0] \"10.96.0.300\" is no IP address");
    EXPECT_THAT(error_of("'ports': [{'port': 70000}]"), HasSubstr("spec.ports[0].port is not a number from 1 to 65535"));
    EXPECT_THAT(error_of("'ports': [{'name': 'http'}]"), HasSubstr("spec.ports[0].port is missing"));
    EXPECT_THAT(error_of("'ports': {}"), HasSubstr("spec.ports is not a list"));
    EXPECT_THAT(error_of("'ports': [7]"), HasSubstr("spec.ports[0] is not an object"));
    EXPECT_THAT(error_of("'externalIPs': [7]"), HasSubstr("spec.externalIPs[0] is not text"));
    EXPECT_THAT(error_of("'type': 'LoadBalancer', 'loadBalancerSourceRanges': ['x']"), HasSubstr("is no range of addresses"))
        << "a range that is not understood must not open the address to all";
    EXPECT_THAT(error_of("'internalTrafficPolicy': 'Rack'"),
                HasSubstr("spec.internalTrafficPolicy \"Rack\" is neither Cluster nor Local"));
}

std::string slice_text(const std::string& endpoints, const std::string& type = "IPv4") {
    return "{'metadata': {'namespace': 'default', 'name': 'web-1', 'labels': {'kubernetes.io/service-name': 'web'}}, "
           "'addressType': '" +
           type +
           "', 'ports': [{'name': 'http', 'port': 8080, 'protocol': 'TCP'}, {'name': 'all', 'port': null}], 'endpoints': [" +
           endpoints + "]}";
}

Endpoint endpoint_of(const std::string& text) {
    const auto slice = parse_slice(object(slice_text(text)));
    EXPECT_TRUE(slice && slice->endpoints.size() == 1);
    return slice && !slice->endpoints.empty() ? slice->endpoints[0] : Endpoint{};
}

TEST(SliceObject, AsV1HasIt) {
    const auto slice = parse_slice(object(
        slice_text("{'addresses': ['10.1.0.1', '10.1.0.9'], 'conditions': {'ready': false, 'serving': true, 'terminating': "
                   "true}, 'nodeName': 'n1', "
                   "'zone': 'za', 'hints': {'forZones': [{'name': 'za'}, {'name': 'zb'}], 'forNodes': [{'name': 'n1'}]}}")));
    ASSERT_TRUE(slice);
    EXPECT_EQ(slice->key, "default/web-1");
    EXPECT_EQ(slice->service, "default/web");
    EXPECT_THAT(slice->ports, ElementsAre(SlicePort{Word("http"), 8080, base::Protocol::tcp}));
    ASSERT_THAT(slice->endpoints, SizeIs(1));
    const auto& one = slice->endpoints[0];
    EXPECT_EQ(one.address, ip("10.1.0.1"));
    EXPECT_FALSE(one.ready);
    EXPECT_TRUE(one.serving && one.terminating);
    EXPECT_EQ(one.node, Word("n1"));
    EXPECT_EQ(one.zone, Word("za"));
    EXPECT_THAT(one.for_zones, ElementsAre(Word("za"), Word("zb")));
    EXPECT_THAT(one.for_nodes, ElementsAre(Word("n1")));
}

TEST(SliceObject, AsV1beta1HasIt) {
    const auto one = endpoint_of(
        "{'addresses': ['10.1.0.1'], 'conditions': {}, 'topology': {'kubernetes.io/hostname': 'n1', "
        "'topology.kubernetes.io/zone': 'za'}}");
    EXPECT_EQ(one.node, Word("n1"));
    EXPECT_EQ(one.zone, Word("za"));
}

TEST(SliceObject, ConditionsThatAreNotSaid) {
    const auto none = endpoint_of("{'addresses': ['10.1.0.1']}");
    EXPECT_TRUE(none.ready && none.serving && !none.terminating);
    const auto unready = endpoint_of("{'addresses': ['10.1.0.1'], 'conditions': {'ready': false}}");
    EXPECT_FALSE(unready.ready || unready.serving) << "servers that do not tell whether it serves mean that it does not";
}

TEST(SliceObject, NamesAreNobodysBackends) {
    const auto slice = parse_slice(object(slice_text("{'addresses': ['db.example']}", "FQDN")));
    ASSERT_TRUE(slice);
    EXPECT_THAT(slice->endpoints, IsEmpty());
}

TEST(SliceObject, IsRefusedByNameAndPlace) {
    const auto error = [](const std::string& endpoints) { return parse_slice(object(slice_text(endpoints))).error().message(); };
    EXPECT_EQ(
        error("{'addresses': ['fd00::1']}"),
        "cannot accept EndpointSlice default/web-1: endpoints[0].addresses[0] \"fd00::1\" is not of the slice's address type");
    EXPECT_THAT(error("{'addresses': []}"), HasSubstr("endpoints[0].addresses is empty"));
    EXPECT_THAT(error("{'addresses': ['10.1.0.1'], 'conditions': {'ready': 'yes'}}"),
                HasSubstr("endpoints[0].conditions.ready is neither true nor false"));
}

TEST(NodeObject, LabelsAndAddresses) {
    const auto node =
        parse_node(object("{'metadata': {'name': 'n1', 'labels': {'topology.kubernetes.io/zone': 'za', "
                          "'failure-domain.beta.kubernetes.io/zone': 'old', "
                          "'failure-domain.beta.kubernetes.io/region': 'eu'}}, 'status': {'addresses': [{'type': 'InternalIP', "
                          "'address': '192.0.2.1'}, "
                          "{'type': 'Hostname', 'address': 'n1'}]}}"));
    ASSERT_TRUE(node);
    EXPECT_EQ(node->name, "n1");
    EXPECT_EQ(node->zone, Word("za"));
    EXPECT_EQ(node->region, Word("eu"));
    EXPECT_THAT(node->addresses, ElementsAre(ip("192.0.2.1")));
    EXPECT_TRUE(parse_node(object("{'metadata': {'name': 'n2'}}"))) << "metadata alone will do";
    const auto mixed =
        parse_node(object("{'metadata': {'name': 'n1'}, 'status': {'addresses': [{'type': 'ExternalIP', 'address': "
                          "'203.0.113.1'}, {'type': 'InternalIP', 'address': '192.0.2.1'}]}}"));
    EXPECT_THAT(mixed->addresses, ElementsAre(ip("192.0.2.1"), ip("203.0.113.1"))) << "internal ones first";
}

base::Result<PodObject> pod(const std::string& metadata, const std::string& rest) {
    return parse_pod(object("{'metadata': {'namespace': 'shop', 'name': 'web-1', 'uid': '6fe2a1b4-0000-4000-8000-00000000000a'" +
                            metadata + "}, " + rest + "}"));
}

TEST(PodObject, IsWhoseItIs) {
    const auto found =
        pod(", 'labels': {'app': 'web'}", "'spec': {'serviceAccountName': 'till'}, 'status': {'phase': 'Running'}");
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_FALSE(found->is_left_out);
    EXPECT_EQ(found->pod, (model::Pod{"6fe2a1b4-0000-4000-8000-00000000000a", "shop", "web-1", "till", {{"app", "web"}}}));
    EXPECT_EQ(pod("", "'spec': {'serviceAccount': 'old'}")->pod.service_account, "old");
}

TEST(PodObject, IsLeftOutWhenItHasEndedOrIsAFileOfTheKubelet) {
    for (const auto* const phase : {"Succeeded", "Failed"})
        EXPECT_TRUE(
            pod("", "'spec': {'serviceAccountName': 'a'}, 'status': {'phase': '" + std::string(phase) + "'}")->is_left_out);
    const auto fixed = pod(", 'annotations': {'kubernetes.io/config.mirror': 'x'}", "'spec': {}");
    ASSERT_TRUE(fixed) << "it has no service account";
    EXPECT_TRUE(fixed->is_left_out);
}

TEST(PodObject, IsRefusedWhenItIsNone) {
    EXPECT_THAT(pod("", "'spec': {}").error().message(), HasSubstr("its service account has no DNS name"));
    EXPECT_THAT(pod(", 'labels': {'a': 1}", "'spec': {'serviceAccountName': 'a'}").error().message(),
                HasSubstr("metadata.labels.a is not text"));
    EXPECT_THAT(
        parse_pod(
            object("{'metadata': {'namespace': 'shop', 'name': 'web-1', 'uid': '../..'}, 'spec': {'serviceAccountName': 'a'}}"))
            .error()
            .message(),
        HasSubstr("its uid is none"));
}

}  // namespace
}  // namespace meshd::registry::kubernetes
