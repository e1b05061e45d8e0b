// SPDX-License-Identifier: Apache-2.0
#include "config/forwarding.hpp"

#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

TEST(DevicePatterns, ChooseByNameAndLeaveOut) {
    const std::vector<std::string> patterns{"eth0", "veth*", "!veth0", "br[0-9]"};
    for (const auto* const chosen : {"eth0", "veth1", "veth", "br7"}) EXPECT_TRUE(is_chosen(patterns, chosen)) << chosen;
    for (const auto* const other : {"eth1", "eth00", "veth0", "brx", "lo"}) EXPECT_FALSE(is_chosen(patterns, other)) << other;
    EXPECT_FALSE(is_chosen({}, "eth0"));
    EXPECT_FALSE(is_chosen({"!eth0", "*"}, "eth0"));  // whatever the order
}

TEST(DevicePatterns, AreAsLongAsNamesOfDevices) {
    for (const auto* const good : {"eth0", "!eth0", "*", "a23456789012345", "!a23456789012345", "veth[!0]"})
        EXPECT_TRUE(is_device_pattern(good)) << good;
    for (const auto* const bad : {"", "!", "a234567890123456", "a/b", "a b", ".", "..", "a:1", "\x01"})
        EXPECT_FALSE(is_device_pattern(bad)) << bad;
}

TEST(PortRanges, AreTwoPortsInOrder) {
    EXPECT_EQ(parse_port_range("61001-65535"), (PortRange{61001, 65535}));
    EXPECT_EQ(parse_port_range("1-1"), (PortRange{1, 1}));
    EXPECT_EQ(text(PortRange{1, 2}), "1-2");
    for (const auto* const bad : {"", "-", "1", "2-1", "0-1", "1-65536", "1-", "-1", "1 - 2", "01-2", "1-2-3", "a-b"})
        EXPECT_EQ(parse_port_range(bad), std::nullopt) << bad;
}

model::Service read(const ServiceLines& lines) {
    const auto services = parse_services(service(lines), "web.yaml");
    EXPECT_TRUE(services) << services.error().message();
    return services->front();
}

TEST(ServiceForwarding, IsReadFromTheService) {
    const auto plain = read({});
    EXPECT_EQ(plain.forward, model::Forward::automatic);
    EXPECT_EQ(plain.affinity_s, 0U);
    EXPECT_EQ(plain.ports[0].node_port, 0);

    const auto all = read({.extra = "    forward: nat\n    affinity: 1500ms\n    node_port: 30080\n"});
    EXPECT_EQ(all.forward, model::Forward::nat);
    EXPECT_EQ(all.affinity_s, 2U);  // never shorter than what was asked for
    EXPECT_EQ(all.ports[0].node_port, 30080);
    EXPECT_EQ(read({.extra = "    affinity: 0\n"}).affinity_s, 0U);
    EXPECT_EQ(read({.port = "    ports: [{port: 80, node_port: 30080}]\n"}).ports[0].node_port, 30080);
}

const Refusal table[] = {
    {"UnknownForward", service({.extra = "    forward: snat\n"}),
     "5:14: \"forward\" must be nat, dsr or off, found \"snat\"; did you mean \"nat\"?"},
    {"ForwardAuto", service({.extra = "    forward: auto\n"}), "5:14: \"forward\" must be nat, dsr or off, found \"auto\""},
    {"AffinityWithoutAUnit", service({.extra = "    affinity: 30\n"}),
     "5:15: \"affinity\" must be 0 or a time from 1s to 24h (units: ms, s, m, h), found 30"},
    {"AffinityTooLong", service({.extra = "    affinity: 25h\n"}),
     "5:15: \"affinity\" must be 0 or a time from 1s to 24h (units: ms, s, m, h), found \"25h\""},
    {"NodePortZero", service({.extra = "    node_port: 0\n"}), "5:16: \"node_port\" must be a number from 1 to 65535, found 0"},
    {"NodePortBesidePorts", service({.port = "    ports: [{port: 80}]\n", .extra = "    node_port: 30080\n"}),
     "5:16: \"node_port\" of a service belongs to \"port\", and the service has \"ports\"; give \"node_port\" in the items of "
     "\"ports\""},
    {"NodePortTwiceInAService",
     service(
         {.port = "    ports:\n      - {name: a, port: 80, node_port: 30080}\n      - {name: b, port: 81, node_port: 30080}\n"}),
     "6:9: node port 30080/tcp is given twice, first in line 5"},
    {"NodePortOfAnotherService",
     service({.extra = "    node_port: 30080\n"}) +
         next_service({.name = "    name: api\n", .address = "    address: 10.96.0.11\n", .extra = "    node_port: 30080\n"}),
     "7:11: node port 30080/tcp already belongs to service \"web\" at web.yaml:2:11; give each service a node port of its own"},
    {"DirectReturnToAnotherPort",
     service({.extra = "    forward: dsr\n",
              .backends = "    backends:\n      - {address: 10.0.0.1}\n      - {address: 10.0.0.2, port: 8080}\n"}),
     "8:9: backend 10.0.0.2:8080 must have the service's port 80, since \"forward: dsr\" leaves packets as they are; let it "
     "listen at that port, or write \"forward: nat\""},
    {"DirectReturnWithANodePort", service({.extra = "    forward: dsr\n    node_port: 30080\n"}),
     "2:11: service \"web\" has \"forward: dsr\" and a \"node_port\", but its backends do not have the nodes' addresses to "
     "answer "
     "from; write \"forward: nat\" or remove \"node_port\""},
};

INSTANTIATE_TEST_SUITE_P(Forwarding, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
