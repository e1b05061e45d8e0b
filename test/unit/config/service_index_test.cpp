// SPDX-License-Identifier: Apache-2.0
#include "config/service_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "refusals.hpp"

namespace meshd::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RegistryFile file(const std::string& name, const std::string& text) {
    auto parsed = parse_registry_file(text, name);
    EXPECT_TRUE(parsed.has_value()) << parsed.error().message();
    return parsed ? std::move(*parsed) : RegistryFile{};
}

std::vector<std::string> messages(std::vector<RegistryFile> files) {
    std::vector<std::string> result;
    for (const auto& error : check_together(files)) result.push_back(error.message());
    return result;
}

TEST(CheckTogether, AcceptsFilesThatShareNothing) {
    EXPECT_THAT(messages({}), IsEmpty());
    EXPECT_THAT(
        messages({file("a.yaml", service({})), file("b.yaml", service({.name = "    name: api\n", .port = "    port: 81\n"}))}),
        IsEmpty());
}

TEST(CheckTogether, NamesBothPlacesOfANameGivenTwice) {
    EXPECT_THAT(
        messages({file("a.yaml", service({})), file("b.yaml", service({.address = "    address: 10.96.0.11\n"}))}),
        ElementsAre(
            "cannot accept b.yaml:2:11: service \"web\" is already defined at a.yaml:2:11; give each service a name of its "
            "own"));
}

TEST(CheckTogether, NamesBothPlacesOfAnAddressGivenTwice) {
    const auto other = service({.name = "    name: api\n", .address = "    addresses: [\"fd00::1\", 10.96.0.10]\n"});
    EXPECT_THAT(
        messages({file("a.yaml", service({})), file("b.yaml", other)}),
        ElementsAre("cannot accept b.yaml:3:28: 10.96.0.10:80/tcp is already an address of service \"web\" at a.yaml:3:14; give "
                    "each service an address or a port of its own"));
}

TEST(CheckTogether, ComparesWithAcceptedFilesOnly) {
    const auto both = service({}) + next_service({.name = "    name: api\n", .address = "    address: 10.96.0.11\n"});
    const auto api = service({.name = "    name: api\n", .address = "    address: 10.96.0.12\n"});
    const auto errors = check_together(std::vector{file("a.yaml", service({})), file("b.yaml", both), file("c.yaml", api)});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].object, "b.yaml:2:11");
}

TEST(ServiceIndex, ForgetsWhatWasRemoved) {
    const auto web = file("a.yaml", service({}));
    ServiceIndex index;
    EXPECT_FALSE(index.add(web.name, web.services[0], web.marks[0]).has_value());
    EXPECT_EQ(index.owner({web.services[0].addresses[0], 80}, base::Protocol::tcp), &web.services[0]);
    EXPECT_EQ(index.owner({web.services[0].addresses[0], 80}, base::Protocol::udp), nullptr);

    index.remove(web.services[0]);
    EXPECT_EQ(index.owner({web.services[0].addresses[0], 80}, base::Protocol::tcp), nullptr);
    EXPECT_FALSE(index.add(web.name, web.services[0], web.marks[0]).has_value());
}

TEST(ServiceIndex, AddsNothingOfAServiceThatConflicts) {
    const auto web = file("a.yaml", service({}));
    const auto api = file("b.yaml", service({.name = "    name: api\n", .address = "    addresses: [10.96.0.11, 10.96.0.10]\n"}));
    ServiceIndex index;
    EXPECT_FALSE(index.add(web.name, web.services[0], web.marks[0]).has_value());
    const auto conflict = index.add(api.name, api.services[0], api.marks[0]);
    ASSERT_TRUE(conflict.has_value());
    EXPECT_EQ(conflict->other_file, "a.yaml");
    EXPECT_EQ(index.owner({api.services[0].addresses[0], 80}, base::Protocol::tcp), nullptr);
}

}  // namespace
}  // namespace meshd::config
