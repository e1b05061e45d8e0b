// SPDX-License-Identifier: Apache-2.0
#include "steering/guarded.hpp"

#include <gtest/gtest.h>

#include "unit/reconcile/builders.hpp"

namespace meshd::steering {
namespace {

using reconcile::backend;

const Addresses own{*base::IpAddress::parse("10.0.0.5")};

model::Service encrypted(const std::string& name, const std::string& address, std::vector<model::Backend> backends,
                         model::ClearText accept = model::ClearText::strict) {
    auto service = reconcile::service(name, address, std::move(backends));
    service.tls = {model::TlsMode::mutual, accept, {}};
    return service;
}

model::Backend on(const char* endpoint, const char* host) {
    auto value = backend(endpoint);
    value.host = *base::IpAddress::parse(host);
    return value;
}

kernel::Guarded guarded(std::vector<model::Service> services, bool realized = true) {
    std::set<std::string> names;
    for (const auto& service : services) names.insert(service.name);
    const auto desired = reconcile::desired(std::move(services));
    reconcile::RealizedState state;
    if (realized) state = reconcile::after({}, reconcile::plan({}, desired, {}).operations);
    return guarded_of(names, desired.services, state, own);
}

const md_guarded& only(const kernel::Guarded& all) {
    EXPECT_EQ(all.size(), 1U);
    return all.begin()->second;
}

TEST(Guarded, HasTheBackendsOfThisHostWithTheirIds) {
    auto service = encrypted("web", "10.96.0.1", {backend("10.0.0.5:8080"), backend("10.0.0.6:8080")});
    service.acceleration = model::Acceleration::named;
    const auto all = guarded({service});
    EXPECT_EQ(reconcile::text(all.begin()->first), "10.0.0.5:8080/tcp");
    EXPECT_NE(only(all).service_id, 0U);
    EXPECT_NE(only(all).backend_id, 0U);
    EXPECT_EQ(only(all).permissive, 0U);
    EXPECT_EQ(only(all).way, MD_WAY_NAMED);
    EXPECT_EQ(only(all).elsewhere, 0U);
}

TEST(Guarded, HasThemAlsoBeforeTheKernelHasTheService) {
    EXPECT_EQ(only(guarded({encrypted("web", "10.96.0.1", {backend("10.0.0.5:8080")})}, false)).service_id, 0U);
}

TEST(Guarded, HasNothingOfPlainServices) {
    EXPECT_TRUE(guarded({reconcile::service("web", "10.96.0.1", {backend("10.0.0.5:8080")})}).empty());
}

TEST(Guarded, IsAsStrictAsTheStrictestServiceOfAnEndpoint) {
    const auto lax = encrypted("a", "10.96.0.1", {backend("10.0.0.5:8080")}, model::ClearText::permissive);
    EXPECT_EQ(only(guarded({lax})).permissive, 1U);
    const auto strict = encrypted("b", "10.96.0.2", {backend("10.0.0.5:8080")});
    EXPECT_EQ(only(guarded({lax, strict})).permissive, 0U);
    EXPECT_EQ(
        only(guarded({encrypted("z", "10.96.0.1", {backend("10.0.0.5:8080")}, model::ClearText::permissive), strict})).permissive,
        0U);
}

TEST(Guarded, TellsThatALoopbackEndpointIsAlsoOneOfAnotherHost) {
    const auto here = encrypted("a", "10.96.0.1", {on("127.0.0.1:8080", "10.0.0.5")});
    const auto there = encrypted("b", "10.96.0.2", {on("127.0.0.1:8080", "10.0.0.6")});
    EXPECT_TRUE(guarded({there}).empty());
    EXPECT_EQ(only(guarded({here})).elsewhere, 0U);
    EXPECT_EQ(only(guarded({here, there})).elsewhere, 1U);
}

}  // namespace
}  // namespace meshd::steering
