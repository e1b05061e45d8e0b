// SPDX-License-Identifier: Apache-2.0
#include "model/service.hpp"

#include <gtest/gtest.h>

namespace meshd::model {
namespace {

TEST(ServiceName, AllowsWhatRegistriesUse) {
    for (const auto* text : {"web", "shop/web", "a", "web-1.internal_x", "9lives"}) EXPECT_TRUE(is_service_name(text)) << text;
    EXPECT_TRUE(is_service_name(std::string(max_name_length, 'a')));
}

TEST(ServiceName, RefusesWhatWouldConfuse) {
    for (const auto* text : {"", "-web", "web-", "/web", "web/", "we b", "wéb", "web:80", "web\n"})
        EXPECT_FALSE(is_service_name(text)) << text;
    EXPECT_FALSE(is_service_name(std::string(max_name_length + 1, 'a')));
}

TEST(Names, ReadBackAsWhatTheyName) {
    for (const auto balancing : {Balancing::random, Balancing::round_robin, Balancing::weighted})
        EXPECT_EQ(parse_balancing(name(balancing)), balancing);
    for (const auto policy : {WhenNoBackend::refuse, WhenNoBackend::unreachable})
        EXPECT_EQ(parse_when_no_backend(name(policy)), policy);
    for (const auto state : {BackendState::ready, BackendState::drain, BackendState::maint})
        EXPECT_EQ(parse_backend_state(name(state)), state);
    EXPECT_EQ(name(BackendState::unhealthy), "unhealthy");
    EXPECT_FALSE(parse_backend_state("unhealthy")) << "registries alone say so";
    EXPECT_FALSE(parse_balancing("fastest"));
}

TEST(Backend, IsUsableWhenReadyAndWeighted) {
    Backend backend;
    EXPECT_TRUE(backend.usable());
    backend.weight = 0;
    EXPECT_FALSE(backend.usable());
    backend.weight = 1;
    for (const auto state : {BackendState::drain, BackendState::maint, BackendState::unhealthy}) {
        backend.state = state;
        EXPECT_FALSE(backend.usable()) << name(state);
    }
}

TEST(BackendsFrom, AreToldInWords) {
    using Kind = BackendsFrom::Kind;
    EXPECT_EQ((BackendsFrom{Kind::consul, "", "web", {}, ""}.text()), "consul web");
    EXPECT_EQ((BackendsFrom{Kind::consul, "dc1", "web", {"a", "b"}, "eu"}.text()), "consul web of dc1 in eu with tags a, b");
    EXPECT_EQ((BackendsFrom{Kind::dns, "", "db.example", {}, ""}.text()), "dns db.example");
    EXPECT_EQ((BackendsFrom{Kind::srv, "", "_db._tcp.example", {}, ""}.text()), "srv _db._tcp.example");
}

}  // namespace
}  // namespace meshd::model
