// SPDX-License-Identifier: Apache-2.0
#include "registry/queries.hpp"

#include <gtest/gtest.h>

#include "services.hpp"

namespace meshd::registry {
namespace {

using test::backends;

model::Service asking(std::size_t ports) {
    auto made = test::service("web", 0);
    made.source = "file:web.yaml";
    made.backends_from = model::BackendsFrom{model::BackendsFrom::Kind::dns, {}, "web.example", {}, {}};
    made.target_ports = {8080};
    for (std::size_t i = 1; i < ports; ++i) {
        made.ports.push_back(made.ports.front());
        made.ports.back().number = static_cast<std::uint16_t>(80 + i);
        made.target_ports.push_back(static_cast<std::uint16_t>(8080 + i));
    }
    return made;
}

std::vector<std::string> endpoints(const model::ServicePort& port) {
    std::vector<std::string> all;
    for (const auto& backend : port.backends) all.push_back(backend.endpoint.text());
    return all;
}

TEST(Queries, APortThatIsToldIsTaken) {
    auto answer = backends(2);
    answer[1].endpoint.port = 0;
    const auto filled = with_backends(asking(1), answer, "dns");
    EXPECT_EQ(endpoints(filled->ports[0]), (std::vector<std::string>{"10.0.0.1:8080", "10.0.0.2:8080"}));
    answer[0].endpoint.port = 9000;
    EXPECT_EQ(endpoints(with_backends(asking(1), answer, "dns")->ports[0]).front(), "10.0.0.1:9000");
    EXPECT_EQ(filled->source, "file:web.yaml + dns");
}

TEST(Queries, SeveralPortsHaveTheirTargets) {
    const auto filled = with_backends(asking(2), backends(1), "dns");
    EXPECT_EQ(endpoints(filled->ports[0]), (std::vector<std::string>{"10.0.0.1:8080"}));
    EXPECT_EQ(endpoints(filled->ports[1]), (std::vector<std::string>{"10.0.0.1:8081"}));
}

TEST(Queries, ABackendIsThereOnce) {
    auto answer = backends(1);
    answer.push_back(answer.front());
    EXPECT_EQ(with_backends(asking(1), answer, "dns")->ports[0].backends.size(), 1U);
}

TEST(Queries, DirectReturnKeepsItsPort) {
    auto made = asking(1);
    made.forward = model::Forward::dsr;
    made.target_ports = {80};
    EXPECT_TRUE(with_backends(made, backends(1), "consul:dc1")->ports[0].backends.empty());
    auto answer = backends(1);
    answer[0].endpoint.port = 0;
    EXPECT_EQ(endpoints(with_backends(made, answer, "consul:dc1")->ports[0]), (std::vector<std::string>{"10.0.0.1:80"}));
}

TEST(Queries, ARememberedServiceLeadsToTheSameBackends) {
    for (const std::size_t ports : {1U, 2U}) {
        const auto filled = with_backends(asking(ports), backends(3), "dns");
        EXPECT_EQ(*with_backends(asking(ports), answer_of(*filled), "dns"), *filled);
    }
}

TEST(Queries, AreThereAsLongAsAServiceWaits) {
    const model::BackendsFrom one{model::BackendsFrom::Kind::consul, {}, "web", {}, {}};
    const model::BackendsFrom other{model::BackendsFrom::Kind::consul, {}, "shop", {}, {}};
    Queries queries;
    queries.set("a", &one);
    EXPECT_TRUE(queries.take_changed());
    queries.set("b", &one);
    queries.set("a", &one);
    EXPECT_FALSE(queries.take_changed());
    EXPECT_EQ(queries.waiting_for(one), (std::set<std::string>{"a", "b"}));
    queries.set("a", &other);
    EXPECT_TRUE(queries.take_changed());
    queries.set("b", nullptr);
    EXPECT_TRUE(queries.take_changed());
    EXPECT_EQ(queries.all().size(), 1U);
    EXPECT_TRUE(queries.waiting_for(one).empty());
}

}  // namespace
}  // namespace meshd::registry
