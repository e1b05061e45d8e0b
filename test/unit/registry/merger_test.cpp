// SPDX-License-Identifier: Apache-2.0
#include "registry/merger.hpp"

#include <random>

#include <gtest/gtest.h>

#include "services.hpp"

namespace meshd::registry {
namespace {

using test::service;
using test::shared;

model::ServicePtr of(const std::string& source, const std::string& name, const std::string& address) {
    auto made = service(name, 1, address);
    made.source = source;
    return shared(std::move(made));
}

std::string source_of(const Merger& merger, const std::string& name) {
    const auto found = merger.in_force().find(name);
    return found == merger.in_force().end() ? "" : found->second->source;
}

TEST(Merger, ServicesOfSeveralRegistriesAreThereTogether) {
    Merger merger;
    merger.put(0, "web", of("a", "web", "10.96.0.1"));
    merger.put(1, "mail", of("b", "mail", "10.96.0.2"));
    EXPECT_EQ(merger.take().size(), 2U);
    EXPECT_EQ(source_of(merger, "web"), "a");
    EXPECT_EQ(source_of(merger, "mail"), "b");
    EXPECT_TRUE(merger.take().empty());
}

TEST(Merger, OfTwoWithOneNameTheLowerRankHasIt) {
    Merger merger;
    merger.put(1, "web", of("b", "web", "10.96.0.2"));
    merger.take();
    merger.put(0, "web", of("a", "web", "10.96.0.1"));
    EXPECT_EQ(merger.take().at("web")->source, "a");
    EXPECT_EQ(merger.hidden(1).at("web").by, "a");
    EXPECT_EQ(merger.hidden(1).at("web").why, "the name");
    merger.put(0, "web", nullptr);
    EXPECT_EQ(merger.take().at("web")->source, "b");
    EXPECT_TRUE(merger.hidden(1).empty());
}

TEST(Merger, OfTwoWithOneAddressTheLowerRankHasIt) {
    Merger merger;
    merger.put(1, "shop", of("b", "shop", "10.96.0.1"));
    merger.put(0, "web", of("a", "web", "10.96.0.1"));
    const auto changes = merger.take();
    EXPECT_EQ(changes.at("shop"), nullptr);
    EXPECT_EQ(merger.hidden(1).at("shop").why, "10.96.0.1:80/tcp");
    merger.put(0, "web", of("a", "web", "10.96.0.9"));
    EXPECT_EQ(merger.take().at("shop")->source, "b");
}

TEST(Merger, NodePortsAreAddressesToo) {
    Merger merger;
    auto one = service("web", 1, "10.96.0.1");
    auto other = service("shop", 1, "10.96.0.2");
    one.ports.front().node_port = other.ports.front().node_port = 30080;
    merger.put(0, "web", shared(one));
    merger.put(1, "shop", shared(other));
    EXPECT_EQ(merger.take().at("shop"), nullptr);
}

TEST(Merger, WhoIsHiddenHidesNobody) {
    Merger merger;
    merger.put(0, "web", of("a", "web", "10.96.0.1"));
    merger.put(1, "web", of("b", "web", "10.96.0.2"));
    merger.put(2, "shop", of("c", "shop", "10.96.0.2"));
    merger.take();
    EXPECT_EQ(source_of(merger, "shop"), "c");
    merger.put(0, "web", nullptr);
    const auto changes = merger.take();
    EXPECT_EQ(changes.at("web")->source, "b");
    EXPECT_EQ(changes.at("shop"), nullptr);
}

TEST(Merger, WithinARegistryTheFirstNameHasTheAddress) {
    Merger merger;
    merger.put(0, "b", of("r/b", "b", "10.96.0.1"));
    merger.put(0, "a", of("r/a", "a", "10.96.0.1"));
    merger.take();
    EXPECT_EQ(source_of(merger, "a"), "r/a");
    EXPECT_EQ(source_of(merger, "b"), "");
}

TEST(Merger, ADroppedRegistryIsGone) {
    Merger merger;
    merger.put(0, "web", of("a", "web", "10.96.0.1"));
    merger.put(0, "shop", of("a", "shop", "10.96.0.2"));
    merger.put(1, "web", of("b", "web", "10.96.0.1"));
    merger.take();
    merger.drop(0);
    merger.take();
    EXPECT_EQ(merger.in_force().size(), 1U);
    EXPECT_EQ(source_of(merger, "web"), "b");
}

// Whatever the order of events, what is in force is what one pass over all services in order of rank and name would take.
TEST(Merger, EndsWhereOnePassOverEverythingEnds) {
    std::minstd_rand draw(7);
    for (int round = 0; round < 200; ++round) {
        Merger merger;
        std::map<std::pair<std::size_t, std::string>, model::ServicePtr> all;
        for (int step = 0; step < 60; ++step) {
            const auto rank = draw() % 3;
            const auto name = std::string(1, static_cast<char>('a' + draw() % 5));
            if (draw() % 4 == 0) {
                all.erase({rank, name});
                merger.put(rank, name, nullptr);
            } else {
                auto made = of(std::to_string(rank), name, "10.96.0." + std::to_string(draw() % 4 + 1));
                all[{rank, name}] = made;
                merger.put(rank, name, made);
            }
            if (draw() % 3 == 0) merger.take();
        }
        merger.take();
        std::map<std::string, model::ServicePtr, std::less<>> expected;
        for (const auto& [place, made] : all) {
            const bool taken = std::any_of(expected.begin(), expected.end(), [&](const auto& other) {
                return other.first == place.second || other.second->addresses == made->addresses;
            });
            if (!taken) expected.emplace(place.second, made);
        }
        ASSERT_EQ(merger.in_force(), expected) << "round " << round;
    }
}

}  // namespace
}  // namespace meshd::registry
