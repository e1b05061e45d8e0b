// SPDX-License-Identifier: Apache-2.0
// Pages of docs/ that are made of what the code says: features.md of the list that the agent answers by, cli-reference.md of the
// help of each command. MESHD_UPDATE_GOLDEN=1 writes them anew.
#include <fstream>
#include <sstream>

#include "fake_server.hpp"
#include "model/kernel_features.hpp"

namespace meshd::meshctl {
namespace {

std::string features_page() {
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

// What completion offers as the next word, one a line.
std::vector<std::string> next_words(std::vector<std::string> words) {
    words.insert(words.begin(), {"complete", "--"});
    words.emplace_back();
    std::istringstream lines(run_meshctl(words).out);
    std::vector<std::string> offered;
    for (std::string line; std::getline(lines, line);) offered.push_back(line);
    return offered;
}

std::string help_of(std::vector<std::string> command) {
    command.emplace_back("--help");
    return run_meshctl(command).out;
}

std::string section(const std::string& command, const std::string& help) {
    return "\n## meshctl " + command + "\n\n```text\n" + help + "```\n";
}

std::string reference_page() {
    std::string text =
        "# meshctl, command by command\n\n"
        "The help of each command, as `meshctl COMMAND --help` prints it. [cli.md](cli.md) tells what belongs together and who "
        "may do what.\n";
    for (const auto& noun : next_words({})) {
        const auto help = help_of({noun});
        if (help.find("\nSubcommands:\n") == std::string::npos)
            text += section(noun, help);
        else
            for (const auto& verb : next_words({noun})) text += section(noun + " " + verb, help_of({noun, verb}));
    }
    return text;
}

void compare(const std::string& name, const std::string& text) {
    const auto path = golden_path("../../docs/" + name);
    if (std::getenv("MESHD_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
    EXPECT_EQ(text, read_file(path)) << "MESHD_UPDATE_GOLDEN=1 writes " << path << " anew";
}

TEST(DocsPages, FeaturesAreThoseOfTheList) { compare("features.md", features_page()); }
TEST(DocsPages, CommandsAreThoseOfTheTool) { compare("cli-reference.md", reference_page()); }

TEST(KernelFeatures, AreFoundByName) {
    for (const auto& feature : model::kernel_features) EXPECT_EQ(model::kernel_feature(feature.name), &feature);
    EXPECT_EQ(model::kernel_feature("none"), nullptr);
}

}  // namespace
}  // namespace meshd::meshctl
