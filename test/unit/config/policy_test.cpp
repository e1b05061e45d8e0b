// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "config/settings_file.hpp"

namespace meshd::config {
namespace {

std::vector<model::Rule> rules(std::string_view text) {
    const auto file = parse_registry_file(text, "a.yaml");
    EXPECT_TRUE(file) << file.error().message();
    return file ? file->rules : std::vector<model::Rule>{};
}

std::string refusal(std::string_view text) {
    const auto file = parse_registry_file(text, "a.yaml");
    return file ? "accepted" : file.error().message();
}

TEST(Policies, ReadsEveryKey) {
    const auto read = rules(R"(policies:
  - {name: a, action: allow, from: {workload: /shop.slice/web.service}, to: {service: shop/db, port: 5432, protocol: tcp}}
  - {name: b, action: deny, from: {cidr: 10.0.0.0/8}, to: {cidr: "fd00::/8"}}
  - {name: c, action: deny}
)");
    ASSERT_EQ(read.size(), 3U);
    EXPECT_EQ(read[0].workload, "/shop.slice/web.service");
    EXPECT_EQ(model::to_text(read[0]), "service shop/db port 5432/tcp");
    EXPECT_EQ(read[1].from->text(), "10.0.0.0/8");
    EXPECT_EQ(read[1].to->text(), "fd00::/8");
    EXPECT_EQ(model::from_text(read[2]) + " " + model::to_text(read[2]), "any any");
}

struct Refused {
    const char* rule;
    const char* why;
};

TEST(Policies, RefusesWithPlaceAndReason) {
    for (const auto& [rule, why] : std::initializer_list<Refused>{
             {"{action: deny}", "a.yaml:2:5: a rule needs the key \"name\""},
             {"{name: a}", "a rule needs the key \"action\""},
             {"{name: a, action: drop}", "\"action\" must be allow or deny"},
             {"{name: a, action: deny, zzz: 1}", "unknown key \"zzz\" in a rule"},
             {"{name: a b, action: deny}", "\"name\" must be"},
             {"{name: a, action: deny, from: {}}", "\"from\" must be a mapping"},
             {"{name: a, action: deny, to: }", "\"to\" must be a mapping"},
             {"{name: a, action: deny, from: {workload: shop}}", "\"workload\" must be the path of a cgroup"},
             {"{name: a, action: deny, from: {workload: /}}", "\"workload\" must be"},
             {"{name: a, action: deny, from: {workload: /a/../b}}", "\"workload\" must be"},
             {"{name: a, action: deny, from: {workload: /a, cidr: 10.0.0.0/8}}", "exclude each other"},
             {"{name: a, action: deny, from: {cidr: 10.0.0.1/8}}", "write 10.0.0.0/8"},
             {"{name: a, action: deny, to: {cidr: web}}", "\"cidr\" must be a range of addresses"},
             {"{name: a, action: deny, to: {service: web, cidr: 10.0.0.0/8}}", "exclude each other"},
             {"{name: a, action: deny, to: {port: 0}}", "\"port\" must be"},
             {"{name: a, action: deny, to: {protocol: icmp}}", "\"protocol\" must be"},
             {"{name: a, action: deny}\n  - {name: a, action: deny}",
              "a.yaml:3:12: rule \"a\" is given twice, first in line 2"}}) {
        const auto said = refusal(std::string("policies:\n  - ") + rule + "\n");
        EXPECT_NE(said.find(why), std::string::npos) << rule << ": " << said;
    }
}

TEST(Policies, ReadsSettings) {
    const auto settings = parse_settings("policy: {default: deny, mode: audit}", "m.yaml");
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->policy.otherwise, model::Action::deny);
    EXPECT_EQ(settings->policy.mode, PolicyMode::audit);
    EXPECT_EQ(parse_settings("", "m.yaml")->policy, Policy{});
    EXPECT_FALSE(parse_settings("policy: {default: block}", "m.yaml"));
    EXPECT_FALSE(parse_settings("policy: ", "m.yaml"));
}

std::string with_limits(const char* limits) {
    return std::string("services:\n  - {name: web, address: 10.96.0.1, port: 80, backends: [], limits: ") + limits + "}\n";
}

TEST(Limits, ReadsThemAndTheirDefaults) {
    const auto read = [](const char* text) { return parse_registry_file(with_limits(text), "a.yaml")->services.front().limits; };
    EXPECT_EQ(read("{connections: 5}"), (model::Limits{5, 0, 0}));
    EXPECT_EQ(read("{rate: 7}"), (model::Limits{0, 7, 7}));
    EXPECT_EQ(read("{connections: 1, rate: 7, burst: 20}"), (model::Limits{1, 7, 20}));
}

TEST(Limits, RefusesWhatIsNone) {
    for (const auto* const limits : {"{}", "", "{connections: 0}", "{burst: 5}", "{rate: 1000001}", "{zzz: 1}", "5"})
        EXPECT_FALSE(parse_registry_file(with_limits(limits), "a.yaml")) << limits;
}

}  // namespace
}  // namespace meshd::config
