// SPDX-License-Identifier: Apache-2.0
#include "config/field_path.hpp"

#include <gtest/gtest.h>

#include "config/registry_file.hpp"

namespace meshd::config {
namespace {

const std::string text = R"({"services":[{"name":"web","ports":[{"port":80},{"port":81}]}],"version":1})";

// Where the n-th occurrence of something begins.
Mark mark_of(std::string_view what, std::size_t from = 0) { return {1, static_cast<std::uint32_t>(text.find(what, from) + 1)}; }

TEST(FieldPath, IsThatOfTheKeyOrValueAtAPlace) {
    EXPECT_EQ(field_at(text, mark_of("\"services\"")), "services");
    EXPECT_EQ(field_at(text, mark_of("{\"name")), "services[0]");
    EXPECT_EQ(field_at(text, mark_of("\"name")), "services[0].name");
    EXPECT_EQ(field_at(text, mark_of("\"web\"")), "services[0].name");
    EXPECT_EQ(field_at(text, mark_of("81")), "services[0].ports[1].port");
    EXPECT_EQ(field_at(text, mark_of("1}", text.size() - 3)), "version");
    EXPECT_EQ(field_at(text, {1, 1}), "");
    EXPECT_EQ(field_at(text, {7, 1}), "");
    EXPECT_EQ(field_at("{", {1, 1}), "");
    EXPECT_EQ(field_at("", {1, 1}), "");
}

TEST(FieldPath, StandsInErrorsForLinesThatNobodySees) {
    const std::string wrong = R"({"services":[{"name":"web","address":"10.96.0.1","port":"80","backends":[]}]})";
    const auto refused = parse_registry_file(wrong, "kubernetes:k/web");
    ASSERT_FALSE(refused);
    const auto text_of = [&](const std::string& name) { return name == "web" ? &wrong : nullptr; };
    const auto named = [&](const std::string& message) { return name_fields(message, "kubernetes:k/", "spec", text_of); };
    EXPECT_EQ(
        named(refused.error().message()),
        "cannot accept kubernetes:k/web: spec.services[0].port: \"port\" must be a number from 1 to 65535, found \"80\"; remove "
        "the quotes");
    EXPECT_EQ(named("kubernetes:k/web:1:1: a; see kubernetes:k/web:1:2"),
              "kubernetes:k/web: spec: a; see kubernetes:k/web: spec.services");
    EXPECT_EQ(named("kubernetes:k/other:1:2: a"), "kubernetes:k/other:1:2: a");
    EXPECT_EQ(named("kubernetes:k/web: a"), "kubernetes:k/web: a");
    EXPECT_EQ(named("kubernetes:k/web:1: a"), "kubernetes:k/web:1: a");
    EXPECT_EQ(named("nothing of it"), "nothing of it");
}

}  // namespace
}  // namespace meshd::config
