// SPDX-License-Identifier: Apache-2.0
// What a file of services may not say of backends.
#include <gtest/gtest.h>

#include "refusals.hpp"

namespace meshd::config {
namespace {

const Refusal table[] = {
    {"NoBackends", service({.backends = "    balancing: random\n"}),
     "2:5: a service needs the key \"backends\"; write \"backends: []\" for a service that has none"},
    {"BackendsIsNothing", service({.backends = "    backends:\n"}),
     "5:5: \"backends\" must be a list of backends, found nothing; write [] for an empty list"},
    {"BackendsIsAMapping", service({.backends = "    backends: {address: 10.0.0.1}\n"}),
     "5:15: \"backends\" must be a list of backends, found a mapping"},
    {"BackendIsText", service({.backends = "    backends: [10.0.0.1]\n"}),
     "5:16: a backend must be a mapping, found \"10.0.0.1\""},
    {"BackendWithoutAddress", service({.backends = "    backends:\n      - port: 8080\n"}),
     "6:9: a backend needs the key \"address\""},
    {"BackendAddressIsAName", service({.backends = "    backends:\n      - address: backend-1\n"}),
     "6:18: \"address\" must be an IPv4 or IPv6 address, found \"backend-1\""},
    {"BackendAddressWithAPort", service({.backends = "    backends:\n      - address: \"[fd00::1]:8080\"\n"}),
     "6:18: \"address\" must be an IPv4 or IPv6 address, found \"[fd00::1]:8080\"; give the port with a key of its own"},
    {"BackendAddressIsUnspecified", service({.backends = "    backends:\n      - address: 0.0.0.0\n"}),
     "6:18: \"address\" must be a unicast address, found \"0.0.0.0\""},
    {"BackendAddressNeedsAnInterface", service({.backends = "    backends:\n      - address: \"fe80::1\"\n"}),
     "6:18: \"address\" must be an address that needs no interface (not fe80::/10), found \"fe80::1\""},
    {"BackendPortTooLarge", service({.backends = "    backends:\n      - {address: 10.0.0.1, port: 65536}\n"}),
     "6:35: \"port\" must be a number from 1 to 65535, found 65536"},
    {"BackendPortIsNegative", service({.backends = "    backends:\n      - {address: 10.0.0.1, port: -80}\n"}),
     "6:35: \"port\" must be a number from 1 to 65535, found -80"},
    {"BackendPortOfSeveral",
     service({.port = "    ports: [{name: http, port: 80}, {name: metrics, port: 90}]\n",
              .backends = "    backends:\n      - {address: 10.0.0.1, port: 8080}\n"}),
     "6:35: \"port\" of a backend is ambiguous, since the service has several ports; write \"ports: {http: NUMBER, …}\""},
    {"BackendPortAndPorts",
     service({.port = "    ports: [{name: http, port: 80}]\n",
              .backends = "    backends:\n      - {address: 10.0.0.1, port: 8080, ports: {http: 8081}}\n"}),
     "6:48: a backend has both \"port\" and \"ports\", expected one of them"},
    {"BackendPortsOfAnUnnamedPort", service({.backends = "    backends:\n      - {address: 10.0.0.1, ports: {http: 8080}}\n"}),
     "6:36: \"ports\" of a backend names ports of its service, and this service's port has no name; write \"port\""},
    {"BackendPortsUnknown",
     service({.port = "    ports: [{name: http, port: 80}, {name: metrics, port: 90}]\n",
              .backends = "    backends:\n      - {address: 10.0.0.1, ports: {htp: 8080}}\n"}),
     "6:37: unknown key \"htp\" in \"ports\" of a backend, expected http or metrics; did you mean \"http\"?"},
    {"BackendPortsIsANumber",
     service({.port = "    ports: [{name: http, port: 80}, {name: metrics, port: 90}]\n",
              .backends = "    backends:\n      - {address: 10.0.0.1, ports: 8080}\n"}),
     "6:36: \"ports\" must be a mapping from http and metrics to numbers, found 8080"},
    {"BackendPortsOutOfRange",
     service({.port = "    ports: [{name: http, port: 80}, {name: metrics, port: 90}]\n",
              .backends = "    backends:\n      - {address: 10.0.0.1, ports: {http: 0}}\n"}),
     "6:43: \"http\" must be a number from 1 to 65535, found 0"},
    {"WeightTooLarge", service({.backends = "    backends:\n      - {address: 10.0.0.1, weight: 1001}\n"}),
     "6:37: \"weight\" must be a number from 0 to 1000, found 1001"},
    {"WeightIsAFraction", service({.backends = "    backends:\n      - {address: 10.0.0.1, weight: 0.5}\n"}),
     "6:37: \"weight\" must be a number from 0 to 1000, found 0.5"},
    {"UnknownState", service({.backends = "    backends:\n      - {address: 10.0.0.1, state: drian}\n"}),
     "6:36: \"state\" must be ready, drain or maint, found \"drian\"; did you mean \"drain\"?"},
    {"UnknownKeyInABackend", service({.backends = "    backends:\n      - {address: 10.0.0.1, wieght: 3}\n"}),
     "6:29: unknown key \"wieght\" in a backend, expected address, port, ports, weight, locality, labels, state or host; did you "
     "mean "
     "\"weight\"?"},
    {"LocalityIsANumber", service({.backends = "    backends:\n      - {address: 10.0.0.1, locality: 7}\n"}),
     "6:39: \"locality\" must be text, found 7, which YAML reads as a number; write it in quotes"},
    {"LocalityWithAControlCharacter",
     service({.backends = "    backends:\n      - {address: 10.0.0.1, locality: \"a\\e[31m\"}\n"}),
     "6:39: \"locality\" must be text in one line without control characters, found \"a?[31m\""},
    {"LocalityTooLong",
     service({.backends = "    backends:\n      - {address: 10.0.0.1, locality: " + std::string(256, 'z') + "}\n"}),
     "6:39: \"locality\" must be text of at most 255 bytes, found "
     "\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…\""},
    {"BackendTwice",
     service({.backends = "    backends:\n      - {address: 10.0.0.1, port: 8080}\n      - {address: 10.0.0.2, port: 8080}\n     "
                          " - {address: \"::ffff:10.0.0.1\", port: 8080}\n"}),
     "8:9: backend 10.0.0.1:8080 is given twice, first in line 6"},
    {"BackendTwiceByDefault",
     service({.backends = "    backends:\n      - {address: 10.0.0.1}\n      - {address: 10.0.0.1, port: 80}\n"}),
     "7:9: backend 10.0.0.1:80 is given twice, first in line 6"},
    {"BackendIsItsOwnService", service({.backends = "    backends:\n      - {address: 10.96.0.10}\n"}),
     "6:9: backend 10.96.0.10:80/tcp is an address of service \"web\", and a destination is translated only once; name the "
     "backends behind that service"},
    {"BackendIsAnotherService",
     service({}) +
         next_service({.name = "    name: api\n",
                       .address = "    address: 10.96.0.11\n",
                       .backends = "    backends:\n      - {address: 10.0.0.1}\n      - {address: 10.96.0.10, port: 80}\n"}),
     "11:9: backend 10.96.0.10:80/tcp is an address of service \"web\", and a destination is translated only once; name the "
     "backends behind that service"},
};

INSTANTIATE_TEST_SUITE_P(Backend, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
