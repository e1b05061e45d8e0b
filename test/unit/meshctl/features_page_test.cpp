// SPDX-License-Identifier: Apache-2.0
// docs/features.md is made of the list that the agent answers by. MESHD_UPDATE_GOLDEN=1 writes it anew.
#include <fstream>

#include "fake_server.hpp"
#include "model/kernel_features.hpp"

namespace meshd::meshctl {
namespace {

std::string page() {
    std::string text =
        "# What of the kernel is used\n\n"
        "`meshctl feature list` says how the agent of a host decided on its kernel; `meshctl status` shows as degraded what "
        "costs much. "
        "Made from\n`userspace/model/kernel_features.hpp`.\n\n"
        "Linux " +
        std::string(model::oldest_kernel) +
        " is the oldest that the programs are made for. Whether a kernel has a feature is found out by its own types or by "
        "trying, never by "
        "its\nversion, so kernels with backports have what they can.\n\n"
        "| feature | for | since Linux | without it |\n| --- | --- | --- | --- |\n";
    for (const auto& feature : model::kernel_features) {
        const auto without =
            feature.without.empty() ? std::string_view("the agent says so and does not serve what needs it") : feature.without;
        text += "| `" + std::string(feature.name) + "` | " + std::string(feature.use) + " | " +
                (feature.since.empty() ? "tested on each" : std::string(feature.since)) + " | " + std::string(without) + " |\n";
    }
    return text + "\nThe short way is proven by a self-test before it is used: [acceleration.md](acceleration.md).\n";
}

TEST(FeaturesPage, IsMadeOfTheList) {
    const auto path = golden_path("../../docs/features.md");
    if (std::getenv("MESHD_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << page();
    EXPECT_EQ(page(), read_file(path)) << "MESHD_UPDATE_GOLDEN=1 writes " << path << " anew";
}

TEST(KernelFeatures, AreFoundByName) {
    for (const auto& feature : model::kernel_features) EXPECT_EQ(model::kernel_feature(feature.name), &feature);
    EXPECT_EQ(model::kernel_feature("none"), nullptr);
}

}  // namespace
}  // namespace meshd::meshctl
