// SPDX-License-Identifier: Apache-2.0
// Every refusal says where, what and why. The tables stand with their subjects.
#include "refusals.hpp"

#include "config/registry_file.hpp"
#include "config/settings_file.hpp"

namespace meshd::config {

TEST_P(RegistryRefusal, SaysWhereWhatAndWhy) {
    const auto file = parse_registry_file(GetParam().text, "web.yaml");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().message(), "cannot accept web.yaml:" + GetParam().expected);
}

TEST_P(SettingsRefusal, SaysWhereWhatAndWhy) {
    const auto settings = parse_settings(GetParam().text, "meshd.yaml");
    ASSERT_FALSE(settings.has_value());
    EXPECT_EQ(settings.error().message(), "cannot accept meshd.yaml:" + GetParam().expected);
}

}  // namespace meshd::config
