// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/discovered.hpp"

#include <gmock/gmock.h>

#include "answer_texts.hpp"

namespace meshd::registry::consul {
namespace {

using testing::HasSubstr;

base::Result<std::optional<model::Service>> made(const std::vector<InstanceText>& texts, const std::string& name = "web") {
    std::string list;
    for (const auto& text : texts) list += (list.empty() ? "" : ",") + text.json();
    return discovered(name, *parse_instances("[" + list + "]"));
}

std::string refusal(const std::vector<InstanceText>& texts, const std::string& name = "web") {
    const auto service = made(texts, name);
    return service ? "" : service.error().message();
}

TEST(ConsulDiscovered, HasTheAddressOfItsInstancesAndAllOfThemAsBackends) {
    const auto service = made(
        {{.more = virtual_address("10.96.0.1", 443)}, {.address = "10.0.0.2", .port = 8080}, {.address = "10.0.0.3", .port = 0}});
    ASSERT_TRUE(service && *service);
    EXPECT_EQ((*service)->name, "web");
    EXPECT_THAT((*service)->addresses, testing::ElementsAre(*base::IpAddress::parse("10.96.0.1")));
    ASSERT_EQ((*service)->ports.size(), 1u);
    const auto& port = (*service)->ports[0];
    EXPECT_EQ(port.number, 443);
    EXPECT_EQ(port.protocol, base::Protocol::tcp);
    ASSERT_EQ(port.backends.size(), 2u) << "the third has no port";
    EXPECT_EQ(port.backends[1].endpoint.text(), "10.0.0.2:8080");
}

TEST(ConsulDiscovered, IsUdpWhenItsMetaSaysSo) {
    const auto service = made({{.more = virtual_address("10.96.0.1", 53, R"({"meshd-protocol":"udp"})")}});
    EXPECT_EQ((*service)->ports[0].protocol, base::Protocol::udp);
}

TEST(ConsulDiscovered, HasBothAddressesWhileItMoves) {
    const auto service = made({{.more = virtual_address("10.96.0.2", 80)}, {.more = virtual_address("10.96.0.1", 80)}});
    EXPECT_EQ((*service)->addresses.size(), 2u);
}

TEST(ConsulDiscovered, IsNothingWithoutAnAddress) {
    for (const auto& more :
         {std::string(R"("TaggedAddresses":null)"), virtual_address("", 80), virtual_address("10.96.0.1", 0)}) {
        const auto service = made({{.more = more}});
        ASSERT_TRUE(service);
        EXPECT_FALSE(*service) << more;
    }
    EXPECT_FALSE(*made({}));
}

TEST(ConsulDiscovered, IsRefusedWhenItCannotBeAService) {
    const auto more = virtual_address("10.96.0.1", 80);
    EXPECT_THAT(refusal({{.more = more}}, "my web"), HasSubstr("my web"));
    EXPECT_THAT(refusal({{.more = virtual_address("224.0.0.1", 80)}}), HasSubstr("224.0.0.1"));
    EXPECT_THAT(refusal({{.more = more}, {.more = virtual_address("10.96.0.1", 81)}}), HasSubstr("ports 80 and 81"));
    EXPECT_THAT(refusal({{.more = more}, {.more = virtual_address("10.96.0.1", 80, R"({"meshd-protocol":"udp"})")}}),
                HasSubstr("meshd-protocol"));
}

}  // namespace
}  // namespace meshd::registry::consul
