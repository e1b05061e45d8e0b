// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/backends.hpp"

#include <map>

#include <gmock/gmock.h>

namespace meshd::registry::dns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

base::IpAddress address(std::string_view text) { return *base::IpAddress::parse(text); }

std::vector<std::string> texts(const std::vector<model::Backend>& backends) {
    std::vector<std::string> all;
    for (const auto& backend : backends) all.push_back(backend.endpoint.text() + " " + std::to_string(backend.weight));
    return all;
}

std::vector<std::string> texts(const std::vector<SrvRecord>& records) {
    const std::map<std::string, std::vector<base::IpAddress>> hosts{
        {"one", {address("10.0.0.1")}}, {"two", {address("10.0.0.2"), address("fd00::2")}}, {"alias", {address("10.0.0.1")}}};
    return texts(backends_of(records, [&](const std::string& host) {
        return hosts.contains(host) ? hosts.at(host) : std::vector<base::IpAddress>{};
    }));
}

TEST(DnsBackends, AddressesAreBackendsWithoutAPort) {
    const std::vector some{address("fd00::1"), address("10.0.0.2"), address("10.0.0.1"), address("10.0.0.2")};
    EXPECT_THAT(texts(backends_of(some)), ElementsAre("10.0.0.1:0 1", "10.0.0.2:0 1", "[fd00::1]:0 1"));
}

TEST(DnsBackends, LeavesOutWhatNothingCanListenOn) {
    const std::vector some{address("0.0.0.0"),         address("::"),     address("224.0.0.1"), address("ff02::1"),
                           address("255.255.255.255"), address("fe80::1")};
    EXPECT_THAT(texts(backends_of(some)), IsEmpty());
}

TEST(DnsBackends, RecordsHaveTheirPortAndWeight) {
    EXPECT_THAT(texts(std::vector<SrvRecord>{{10, 7, 80, "one"}, {10, 3, 81, "two"}}),
                ElementsAre("10.0.0.1:80 7", "10.0.0.2:81 3", "[fd00::2]:81 3"));
}

TEST(DnsBackends, OnlyTheLowestPriorityIsUsed) {
    EXPECT_THAT(texts(std::vector<SrvRecord>{{20, 1, 80, "one"}, {10, 1, 81, "one"}, {10, 1, 82, "one"}}),
                ElementsAre("10.0.0.1:81 1", "10.0.0.1:82 1"));
}

TEST(DnsBackends, WeightZeroIsOne) {
    EXPECT_THAT(texts(std::vector<SrvRecord>{{1, 0, 80, "one"}, {1, 0, 81, "one"}}),
                ElementsAre("10.0.0.1:80 1", "10.0.0.1:81 1"));
    EXPECT_THAT(texts(std::vector<SrvRecord>{{1, 0, 80, "one"}, {1, 9, 81, "one"}}),
                ElementsAre("10.0.0.1:80 1", "10.0.0.1:81 9"));
}

TEST(DnsBackends, LargeWeightsAreScaledTogether) {
    EXPECT_THAT(texts(std::vector<SrvRecord>{{1, 60000, 80, "one"}, {1, 30000, 81, "one"}, {1, 1, 82, "one"}}),
                ElementsAre("10.0.0.1:80 1000", "10.0.0.1:81 500", "10.0.0.1:82 1"));
    EXPECT_THAT(texts(std::vector<SrvRecord>{{1, 65535, 80, "one"}}), ElementsAre("10.0.0.1:80 1000"));
}

TEST(DnsBackends, ATargetThatIsNoneIsNone) {
    EXPECT_THAT(texts(std::vector<SrvRecord>{{0, 0, 0, ""}}), IsEmpty());
    EXPECT_THAT(texts(std::vector<SrvRecord>{{0, 0, 80, ""}, {5, 1, 81, "one"}}), ElementsAre("10.0.0.1:81 1"));
}

TEST(DnsBackends, TwoNamesOfOneBackendAreOneBackend) {
    EXPECT_THAT(texts(std::vector<SrvRecord>{{1, 2, 80, "alias"}, {1, 5, 80, "one"}}), ElementsAre("10.0.0.1:80 5"));
}

}  // namespace
}  // namespace meshd::registry::dns
