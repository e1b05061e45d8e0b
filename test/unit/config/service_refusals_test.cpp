// SPDX-License-Identifier: Apache-2.0
// What a file of services may not say of a service, its addresses and its ports.
#include <gtest/gtest.h>

#include "refusals.hpp"

namespace meshd::config {
namespace {

const Refusal table[] = {
    {"TopIsAList", "- name: web\n", "1:1: the file must be a mapping, found a list"},
    {"UnknownTopKey", "service: []\n",
     "1:1: unknown key \"service\" in the file, expected version, services, policies or service_settings; did you mean "
     "\"services\"?"},
    {"AnotherVersion", "version: 3\nservices: []\n", "1:10: \"version\" must be the number 1, found 3"},
    {"ServicesIsNothing", "services:\n",
     "1:1: \"services\" must be a list of services, found nothing; write [] for an empty list"},
    {"ServicesIsAMapping", "services: {web: {port: 80}}\n", "1:11: \"services\" must be a list of services, found a mapping"},
    {"ServiceIsText", "services: [web]\n", "1:12: a service must be a mapping, found \"web\""},
    {"ServiceIsNothing", "services:\n  -\n", "3:1: a service must be a mapping, found nothing"},
    {"NoName", service({.name = "    protocol: tcp\n"}), "2:5: a service needs the key \"name\""},
    {"NameIsEmpty", service({.name = "    name: \"\"\n"}),
     "2:11: \"name\" must be at most 127 letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends, "
     "found \"\""},
    {"NameIsANumber", service({.name = "    name: 80\n"}),
     "2:11: \"name\" must be text, found 80, which YAML reads as a number; write it in quotes"},
    {"NameIsABoolean", service({.name = "    name: true\n"}),
     "2:11: \"name\" must be text, found true, which YAML reads as a boolean; write it in quotes"},
    {"NameWithASpace", service({.name = "    name: my web\n"}),
     "2:11: \"name\" must be at most 127 letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends, "
     "found \"my web\""},
    {"NameEndsWithADash", service({.name = "    name: web-\n"}),
     "2:11: \"name\" must be at most 127 letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends, "
     "found \"web-\""},
    {"NameTooLong", service({.name = "    name: " + std::string(128, 'w') + "\n"}),
     "2:11: \"name\" must be at most 127 letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends, "
     "found \"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww…\""},
    {"NameTwice", service({}) + next_service({.address = "    address: 10.96.0.11\n"}),
     "6:11: service \"web\" is already defined at web.yaml:2:11; give each service a name of its own"},
    {"NoAddress", service({.address = "    balancing: random\n"}), "2:5: a service needs the key \"address\" or \"addresses\""},
    {"AddressAndAddresses", service({.extra = "    addresses: [10.96.0.11]\n"}),
     "5:16: a service has both \"address\" and \"addresses\", expected one of them"},
    {"AddressesIsText", service({.address = "    addresses: 10.96.0.10\n"}),
     "3:16: \"addresses\" must be a list of addresses, found \"10.96.0.10\""},
    {"AddressesIsEmpty", service({.address = "    addresses: []\n"}),
     "3:16: \"addresses\" must have at least one address, found none"},
    {"AddressIsAName", service({.address = "    address: web.example.com\n"}),
     "3:14: \"address\" must be an IPv4 or IPv6 address, found \"web.example.com\""},
    {"AddressWithAPort", service({.address = "    address: 10.96.0.10:80\n"}),
     "3:14: \"address\" must be an IPv4 or IPv6 address, found \"10.96.0.10:80\"; give the port with a key of its own"},
    {"AddressIsANetwork", service({.address = "    address: 10.96.0.0/16\n"}),
     "3:14: \"address\" must be an IPv4 or IPv6 address, found \"10.96.0.0/16\""},
    {"AddressOutOfRange", service({.address = "    address: 10.96.0.256\n"}),
     "3:14: \"address\" must be an IPv4 or IPv6 address, found \"10.96.0.256\""},
    {"AddressWithAScope", service({.address = "    address: \"fe80::1%eth0\"\n"}),
     "3:14: \"address\" must be an IPv4 or IPv6 address, found \"fe80::1%eth0\""},
    {"AddressIsUnspecified", service({.address = "    address: 0.0.0.0\n"}),
     "3:14: \"address\" must be a unicast address that is not link-local, found \"0.0.0.0\""},
    {"AddressIsUnspecifiedIpv6", service({.address = "    address: \"::\"\n"}),
     "3:14: \"address\" must be a unicast address that is not link-local, found \"::\""},
    {"AddressIsMulticast", service({.address = "    address: 239.1.2.3\n"}),
     "3:14: \"address\" must be a unicast address that is not link-local, found \"239.1.2.3\""},
    {"AddressIsLinkLocal", service({.address = "    address: 169.254.20.10\n"}),
     "3:14: \"address\" must be a unicast address that is not link-local, found \"169.254.20.10\""},
    {"AddressIsLinkLocalIpv6", service({.address = "    address: \"fe80::1\"\n"}),
     "3:14: \"address\" must be a unicast address that is not link-local, found \"fe80::1\""},
    {"AddressIsBroadcast", service({.address = "    address: 255.255.255.255\n"}),
     "3:14: \"address\" must be a unicast address that is not link-local, found \"255.255.255.255\""},
    {"AddressTwiceInAService", service({.address = "    addresses: [10.96.0.10, \"::ffff:10.96.0.10\"]\n"}),
     "3:29: address 10.96.0.10 is given twice"},
    {"AddressOfAnotherService",
     service({}) + next_service({.name = "    name: api\n", .address = "    addresses: [\"fd00::1\", 10.96.0.10]\n"}),
     "7:28: 10.96.0.10:80/tcp is already an address of service \"web\" at web.yaml:3:14; give each service an address or a port "
     "of its own"},
    {"NoPort", service({.port = "    balancing: random\n"}), "2:5: a service needs the key \"port\" or \"ports\""},
    {"PortAndPorts", service({.extra = "    ports: [{port: 81}]\n"}),
     "5:12: a service has both \"port\" and \"ports\", expected one of them"},
    {"PortIsZero", service({.port = "    port: 0\n"}), "4:11: \"port\" must be a number from 1 to 65535, found 0"},
    {"PortTooLarge", service({.port = "    port: 65536\n"}), "4:11: \"port\" must be a number from 1 to 65535, found 65536"},
    {"PortIsText", service({.port = "    port: http\n"}), "4:11: \"port\" must be a number from 1 to 65535, found \"http\""},
    {"PortInQuotes", service({.port = "    port: \"80\"\n"}),
     "4:11: \"port\" must be a number from 1 to 65535, found \"80\"; remove the quotes"},
    {"PortWithLeadingZero", service({.port = "    port: 080\n"}), "4:11: \"port\" must be a number from 1 to 65535, found 080"},
    {"PortIsAList", service({.port = "    port: [80, 443]\n"}), "4:11: \"port\" must be a number from 1 to 65535, found a list"},
    {"PortsIsEmpty", service({.port = "    ports: []\n"}), "4:12: \"ports\" must have at least one port, found none"},
    {"PortsIsANumber", service({.port = "    ports: 80\n"}), "4:12: \"ports\" must be a list of ports, found 80"},
    {"PortOfPortsIsANumber", service({.port = "    ports: [80]\n"}), "4:13: a port must be a mapping, found 80"},
    {"PortOfPortsWithoutNumber", service({.port = "    ports: [{name: http}]\n"}), "4:13: a port needs the key \"port\""},
    {"UnknownKeyInAPort", service({.port = "    ports: [{port: 80, targetPort: 8080}]\n"}),
     "4:24: unknown key \"targetPort\" in a port, expected name, port, target_port, node_port or protocol; did you mean "
     "\"target_port\"?"},
    {"SeveralPortsWithoutNames", service({.port = "    ports: [{port: 80}, {port: 81}]\n"}),
     "4:13: port 80 needs the key \"name\", since the service has several ports"},
    {"PortNameTwice", service({.port = "    ports: [{name: a, port: 80}, {name: a, port: 81}]\n"}),
     "4:34: port name \"a\" is given twice, first in line 4"},
    {"PortNumberTwice", service({.port = "    ports:\n      - {name: a, port: 80}\n      - {name: b, port: 80}\n"}),
     "6:9: port 80/tcp is given twice, first in line 5"},
    {"PortNameWithASlash", service({.port = "    ports: [{name: a/b, port: 80}]\n"}),
     "4:20: \"name\" must be at most 63 letters, digits, \".\", \"-\" and \"_\", with a letter or a digit at both ends, found "
     "\"a/b\""},
    {"TargetPortTooLarge", service({.extra = "    target_port: 99999\n"}),
     "5:18: \"target_port\" must be a number from 1 to 65535, found 99999"},
    {"TargetPortBesidePorts", service({.port = "    ports: [{port: 80}]\n", .extra = "    target_port: 8080\n"}),
     "5:18: \"target_port\" of a service belongs to \"port\", and the service has \"ports\"; give \"target_port\" in the items "
     "of \"ports\""},
    {"UnknownProtocol", service({.extra = "    protocol: sctp\n"}), "5:15: \"protocol\" must be tcp or udp, found \"sctp\""},
    {"ProtocolInCapitals", service({.extra = "    protocol: TCP\n"}), "5:15: \"protocol\" must be tcp or udp, found \"TCP\""},
    {"UnknownKeyInAService", service({.extra = "    balacing: weighted\n"}),
     "5:5: unknown key \"balacing\" in a service, expected name, address, addresses, port, ports, target_port, node_port, "
     "protocol, balancing, subsets, when_no_backend, acceleration, forward, affinity, limits, drain, health, tls, backends or "
     "backends_from; did you mean \"balancing\"?"},
    {"UnknownBalancing", service({.extra = "    balancing: round-robin\n"}),
     "5:16: \"balancing\" must be random, round_robin, weighted, maglev, least_connections or latency, found \"round-robin\"; "
     "did you mean \"round_robin\"?"},
    {"BalancingIsNothing", service({.extra = "    balancing:\n"}),
     "5:5: \"balancing\" must be random, round_robin, weighted, maglev, least_connections or latency, found nothing"},
    {"UnknownPolicy", service({.extra = "    when_no_backend: drop\n"}),
     "5:22: \"when_no_backend\" must be refuse or unreachable, found \"drop\""},
    {"AccelerationIsTrue", service({.extra = "    acceleration: true\n"}),
     "5:19: \"acceleration\" must be on, off or {fionread: accept}, found true; write \"on\""},
    {"AccelerationIsFalse", service({.extra = "    acceleration: false\n"}),
     "5:19: \"acceleration\" must be on, off or {fionread: accept}, found false; write \"off\""},
    {"AccelerationIsAuto", service({.extra = "    acceleration: auto\n"}),
     "5:19: \"acceleration\" must be on, off or {fionread: accept}, found \"auto\"; remove the key, so that the configuration's "
     "default holds"},
    {"AccelerationInCapitals", service({.extra = "    acceleration: ON\n"}),
     "5:19: \"acceleration\" must be on, off or {fionread: accept}, found \"ON\""},
    {"AccelerationIsAList", service({.extra = "    acceleration: [on]\n"}),
     "5:19: \"acceleration\" must be on, off or {fionread: accept}, found a list"},
    {"AccelerationIsNothing", service({.extra = "    acceleration: \n"}),
     "5:5: \"acceleration\" must be on, off or {fionread: accept}, found nothing"},
    {"AccelerationIsAnEmptyMapping", service({.extra = "    acceleration: {}\n"}),
     "5:19: \"acceleration\" needs the key \"fionread\""},
    {"UnknownKeyInAccelerationOfAService", service({.extra = "    acceleration: {fioread: accept}\n"}),
     "5:20: unknown key \"fioread\" in \"acceleration\", expected fionread; did you mean \"fionread\"?"},
    {"FionreadIsAnotherWord", service({.extra = "    acceleration: {fionread: on}\n"}),
     "5:30: \"fionread\" must be accept, found \"on\""},
};

INSTANTIATE_TEST_SUITE_P(Service, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
