// SPDX-License-Identifier: Apache-2.0
#include "config/registry_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/text_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using model::BackendState;
using testing::ElementsAre;
using testing::IsEmpty;

RegistryFile parsed(std::string_view text) {
    auto file = parse_registry_file(text, "web.yaml");
    EXPECT_TRUE(file.has_value()) << file.error().message();
    return file ? std::move(*file) : RegistryFile{};
}

base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }
base::SocketAddress at(std::string_view address, std::uint16_t port) { return {ip(address), port}; }

std::vector<base::SocketAddress> endpoints(const model::ServicePort& port) {
    std::vector<base::SocketAddress> result;
    for (const auto& backend : port.backends) result.push_back(backend.endpoint);
    return result;
}

TEST(RegistryFile, WithoutContentHasNoServices) {
    for (const auto* text : {"", "# nothing yet\n", "---\n", "{}", "version: 1\n", "services: []\n"})
        EXPECT_THAT(parsed(text).services, IsEmpty()) << text;
}

TEST(RegistryFile, GivesDefaults) {
    const auto file = parsed("services: [{name: web, address: 10.96.0.10, port: 80, backends: [{address: 10.0.0.1}]}]");
    const model::Service expected{.name = "web",
                                  .addresses = {ip("10.96.0.10")},
                                  .ports = {{.name = "",
                                             .number = 80,
                                             .protocol = base::Protocol::tcp,
                                             .backends = {{.endpoint = at("10.0.0.1", 80), .locality = {}}}}},
                                  .limits = {},
                                  .source = {}};
    EXPECT_THAT(file.services, ElementsAre(expected));
}

TEST(RegistryFile, IsReadFromEveryKey) {
    const auto file = parsed(R"(
version: 1
services:
  - name: shop/web
    addresses: [10.96.0.10, "fd00:96::10"]
    port: 53
    target_port: 5353
    protocol: udp
    balancing: weighted
    when_no_backend: unreachable
    acceleration: {fionread: accept}
    backends:
      - {address: 10.0.0.1, port: 8080, weight: 1000, locality: eu-west-1/a, state: drain}
      - {address: "fd00::1", weight: 0, locality: "", state: maint}
      - {address: 169.254.1.1, state: ready}
)");
    const model::Service expected{.name = "shop/web",
                                  .addresses = {ip("10.96.0.10"), ip("fd00:96::10")},
                                  .ports = {{.name = "",
                                             .number = 53,
                                             .protocol = base::Protocol::udp,
                                             .backends = {{at("10.0.0.1", 8080), 1000, BackendState::drain, "eu-west-1/a"},
                                                          {at("fd00::1", 5353), 0, BackendState::maint, ""},
                                                          {at("169.254.1.1", 5353), 1, BackendState::ready, ""}}}},
                                  .balancing = model::Balancing::weighted,
                                  .when_no_backend = model::WhenNoBackend::unreachable,
                                  .acceleration = model::Acceleration::fionread_accepted,
                                  .limits = {},
                                  .source = {}};
    EXPECT_THAT(file.services, ElementsAre(expected));
}

TEST(RegistryFile, TakesAccelerationAsAWord) {
    const std::pair<const char*, model::Acceleration> words[] = {{"on", model::Acceleration::named},
                                                                 {"off", model::Acceleration::off},
                                                                 {"\"on\"", model::Acceleration::named},
                                                                 {"'off'", model::Acceleration::off}};
    for (const auto& [word, expected] : words) {
        const auto file = parsed(service({.extra = std::string("    acceleration: ") + word + "\n"}));
        ASSERT_EQ(file.services.size(), 1U) << word;
        EXPECT_EQ(file.services[0].acceleration, expected) << word;
    }
}

TEST(RegistryFile, GivesEachPortItsBackends) {
    const auto file = parsed(service({.port = "    protocol: udp\n"
                                              "    ports:\n"
                                              "      - {name: http, port: 80, target_port: 8080, protocol: tcp}\n"
                                              "      - {name: quic, port: 80}\n"
                                              "      - {name: metrics, port: 9090, protocol: tcp}\n",
                                      .backends = "    backends:\n"
                                                  "      - {address: 10.0.0.1}\n"
                                                  "      - {address: 10.0.0.2, ports: {http: 1, metrics: 3}}\n"}));
    ASSERT_EQ(file.services.size(), 1U);
    const auto& ports = file.services[0].ports;
    ASSERT_EQ(ports.size(), 3U);
    EXPECT_THAT(endpoints(ports[0]), ElementsAre(at("10.0.0.1", 8080), at("10.0.0.2", 1)));
    EXPECT_THAT(endpoints(ports[1]), ElementsAre(at("10.0.0.1", 80), at("10.0.0.2", 80)));
    EXPECT_THAT(endpoints(ports[2]), ElementsAre(at("10.0.0.1", 9090), at("10.0.0.2", 3)));
    EXPECT_EQ(ports[1].name, "quic");
    EXPECT_EQ(ports[1].protocol, base::Protocol::udp);
}

TEST(RegistryFile, MayNameItsOnlyPort) {
    const auto file = parsed(service({.port = "    ports: [{name: http, port: 80}]\n",
                                      .backends = "    backends:\n"
                                                  "      - {address: 10.0.0.1, port: 8080}\n"
                                                  "      - {address: 10.0.0.2, ports: {http: 8081}}\n"}));
    EXPECT_THAT(endpoints(file.services.at(0).ports.at(0)), ElementsAre(at("10.0.0.1", 8080), at("10.0.0.2", 8081)));
}

TEST(RegistryFile, MayHaveOneAddressWithSeveralPortsAndProtocols) {
    const auto file = parsed(service({}) + next_service({.name = "    name: https\n", .port = "    port: 443\n"}) +
                             next_service({.name = "    name: quic\n", .extra = "    protocol: udp\n"}));
    EXPECT_EQ(file.services.size(), 3U);
}

// The same address and port in another protocol is another destination.
TEST(RegistryFile, MayHaveABackendAtAServiceAddressOfAnotherProtocolOrPort) {
    const auto file = parsed(service({.backends = "    backends: [{address: 10.96.0.10, port: 8080}, {address: 10.0.0.1}]\n"}) +
                             next_service({.name = "    name: dns\n",
                                           .address = "    address: 10.96.0.11\n",
                                           .extra = "    protocol: udp\n",
                                           .backends = "    backends: [{address: 10.96.0.10}]\n"}));
    EXPECT_EQ(file.services.size(), 2U);
}

TEST(RegistryFile, TakesTextInAnyStyle) {
    const auto file = parsed(
        "services:\n"
        "- name: 'web'\n"
        "  address: \"\\x310.96.0.10\"\n"
        "  port: 80\n"
        "  backends:\n"
        "  - address: 10.0.0.1\n"
        "    locality: no\n"
        "  - {address: 10.0.0.2, locality: 'it''s \"here\"'}\n"
        "  - {address: 10.0.0.3, locality: zürich}\n");
    const auto& service = file.services.at(0);
    EXPECT_EQ(service.addresses.at(0), ip("10.96.0.10"));
    EXPECT_EQ(service.ports.at(0).backends.at(0).locality, "no");
    EXPECT_EQ(service.ports.at(0).backends.at(1).locality, "it's \"here\"");
    EXPECT_EQ(service.ports.at(0).backends.at(2).locality, "zürich");
}

TEST(RegistryFile, RemembersWhereNamesAndAddressesStand) {
    const auto file = parsed(service({.address = "    addresses:\n      - 10.96.0.10\n      - fd00::1\n"}));
    ASSERT_EQ(file.marks.size(), 1U);
    EXPECT_EQ(file.marks[0].name, (Mark{2, 11}));
    EXPECT_THAT(file.marks[0].addresses, ElementsAre(Mark{4, 9}, Mark{5, 9}));
}

TEST(RegistryFile, OfEachExampleIsAccepted) {
    for (const auto* name : {"web.yaml", "shop.yaml", "policy.yaml", "settings.yaml"}) {
        const auto path = std::string(MESHD_EXAMPLES "/services.d/") + name;
        const auto text = read_text_file(path);
        ASSERT_TRUE(text.has_value()) << text.error().message();
        const auto file = parse_registry_file(text->text, path);
        ASSERT_TRUE(file.has_value()) << file.error().message();
        EXPECT_FALSE(file->services.empty() && file->rules.empty() && file->settings.empty());
    }
}

TEST(RegistryFile, MayHaveAsManyBackendsAsATableHasSlotsAndNoMore) {
    const auto with = [](int count) {
        std::string backends = "    backends:\n";
        for (int i = 0; i < count; ++i) backends += "      - {address: 10.0.0.1, port: " + std::to_string(i + 1) + "}\n";
        return parse_registry_file(service({.backends = backends}), "web.yaml");
    };
    EXPECT_TRUE(with(4096).has_value());
    const auto refused = with(4097);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message(), "cannot accept web.yaml:6:7: \"backends\" must have at most 4096 backends, found 4097");
}

// A writer that was stopped anywhere leaves a file that is refused, or one that ends with a whole line.
TEST(RegistryFile, ThatIsCutOffInAQuoteOrABracketIsRefused) {
    const std::string text = "services: [{name: \"web\", address: '10.96.0.10', port: 80, backends: []}]";
    for (std::size_t length = 10; length < text.size(); ++length)
        EXPECT_FALSE(parse_registry_file(text.substr(0, length), "web.yaml").has_value()) << text.substr(0, length);
}

}  // namespace
}  // namespace meshd::config
