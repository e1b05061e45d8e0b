// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "archive.hpp"
#include "base/time_text.hpp"
#include "base/version.hpp"
#include "command.hpp"
#include "config/settings_file.hpp"
#include "config/text_file.hpp"
#include "config/tree.hpp"
#include "config/tree_json.hpp"
#include "config/yaml_output.hpp"
#include "config_files.hpp"
#include "node_checks.hpp"
#include "redact.hpp"

namespace meshd::meshctl {

namespace fs = std::filesystem;

namespace {

struct Question {
    const char* file;
    const char* target;
};
// A sample of what there may be much of.
constexpr std::array<Question, 22> questions{{{"version", "/v1/version"},
                                              {"status", "/v1/status"},
                                              {"features", "/v1/features"},
                                              {"services", "/v1/services"},
                                              {"backends", "/v1/backends"},
                                              {"registries", "/v1/registries"},
                                              {"announcements", "/v1/announcements"},
                                              {"drift", "/v1/drift"},
                                              {"maps", "/v1/maps"},
                                              {"devices", "/v1/devices"},
                                              {"acceleration", "/v1/acceleration"},
                                              {"acceleration-top", "/v1/acceleration/top"},
                                              {"policy", "/v1/policy"},
                                              {"identities", "/v1/identities"},
                                              {"certificates", "/v1/certificates"},
                                              {"edge", "/v1/edge"},
                                              {"events", "/v1/events?limit=1000"},
                                              {"flows", "/v1/flows?limit=200"},
                                              {"failed-flows", "/v1/flows?limit=200&state=failed"},
                                              {"traffic", "/v1/traffic"},
                                              {"metrics", "/v1/metrics"},
                                              {"log", "/v1/log"}}};

constexpr std::array<const char*, 6> system_files{"/etc/os-release",
                                                  "/proc/sys/kernel/unprivileged_bpf_disabled",
                                                  "/proc/sys/net/core/bpf_jit_enable",
                                                  "/proc/sys/net/ipv4/ip_forward",
                                                  "/proc/sys/net/ipv4/tcp_rmem",
                                                  "/proc/sys/net/ipv4/ip_local_port_range"};

class Report {
public:
    explicit Report(std::string top) : top_(std::move(top)) {}

    void add(const std::string& name, std::string content) {
        rows_.emplace_back(json::object{{"name", name}, {"bytes", content.size()}, {"left_out", ""}});
        members_.push_back({top_ + "/" + name, std::move(content)});
    }
    void add(const std::string& name, const json::value& value) { add(name, pretty_json(redacted(value)) + "\n"); }
    void leave_out(const std::string& name, const std::string& why) {
        rows_.emplace_back(json::object{{"name", name}, {"bytes", 0}, {"left_out", redacted_text(why)}});
    }
    void add(const std::string& name, const Result<json::object>& answer) {
        if (answer)
            add(name, json::value(*answer));
        else
            leave_out(name, answer.error().message);
    }

    [[nodiscard]] const json::array& rows() const { return rows_; }

    // The list of what is there and what is not goes in last: it knows all.
    std::vector<ArchiveMember> take() && {
        std::string manifest =
            "A report about a node of meshd. Tokens, passwords, keys and credentials in URLs were taken out; names and addresses "
            "of "
            "services, hosts and clients are in it.\n\n";
        for (const auto& item : rows_) {
            const auto& row = item.get_object();
            const auto left_out = text_at(row, "left_out");
            manifest += text_at(row, "name") + (left_out == "-" ? fmt::format(", {} bytes\n", number_at(row, "bytes"))
                                                                : ": left out: " + left_out + "\n");
        }
        members_.push_back({top_ + "/MANIFEST", std::move(manifest)});
        return std::move(members_);
    }

private:
    std::string top_;
    std::vector<ArchiveMember> members_;
    json::array rows_;
};

// As values, so that it is known what belongs to which member; comments, which may hold anything, are not among them.
void add_configuration(Report& report, const std::string& name, const std::string& path) {
    const auto file = config::read_text_file(path);
    if (!file) return report.leave_out(name, file.error().message());
    const auto tree = config::Tree::parse(file->text, path);
    if (!tree) return report.leave_out(name, "it is not valid, so what is secret in it cannot be told");
    report.add(name, config::to_yaml(redacted(config::to_json(tree->root()))));
}

void add_files(Report& report, const NodePlaces& places, const std::string& registry_directory) {
    add_configuration(report, "configuration/meshd.yaml", places.configuration);
    std::error_code error;
    if (!fs::is_directory(registry_directory, error)) return report.leave_out("configuration/services.d", "there is none");
    for (const auto& file : named_files({registry_directory}))
        add_configuration(report, "configuration/services.d/" + fs::path(file.path).filename().string(), file.path);
}

std::string system_text() {
    utsname names{};
    (void)::uname(&names);
    auto text = fmt::format("meshctl {} ({})\n{} {} {} {}\n", base::version, base::commit, names.sysname, names.release,
                            names.version, names.machine);
    for (const auto* const path : system_files)
        if (const auto file = config::read_text_file(path)) text += fmt::format("\n{}:\n{}", path, file->text);
    return text;
}

// The agent's own, which may have been given on its command line.
std::string registry_directory(const Result<json::object>& status, const NodePlaces& places) {
    if (status)
        if (const auto directory = text_at(*status, "registry.directory"); directory != "-") return directory;
    const auto settings = config::load_settings(places.configuration);
    return settings ? settings->registry_directory : config::Settings{}.registry_directory;
}

struct Wanted {
    NodePlaces places;
    std::string file;  // empty: named after host and time
};

std::string report_name() {
    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    auto time = base::time_text(std::chrono::system_clock::now());
    std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
    return fmt::format("meshd-bugreport-{}-{}", host[0] == '\0' ? "node" : host.data(), time);
}

Result<Page> write_report(const Agent& agent, const Wanted& wanted) {
    const auto name = report_name();
    const auto path = wanted.file.empty() ? name + ".tar.gz" : wanted.file;
    Report report(name);
    report.add("doctor.json", examine(agent, wanted.places));
    const auto status = agent.get("/v1/status");
    if (!status && status.error().code == ExitCode::not_reachable)
        report.leave_out("what the agent knows", status.error().message);
    else
        for (const auto& [file, target] : questions) report.add(file + std::string(".json"), agent.get(target));
    add_files(report, wanted.places, registry_directory(status, wanted.places));
    report.add("system.txt", redacted_text(system_text()));

    const auto rows = report.rows();
    if (auto written = write_archive(path, std::move(report).take()); !written) return meshctl::fail(written.error());
    std::error_code error;
    Page page;
    page.blocks = {Table{{text_column("FILE", "name"), number_column("BYTES", "bytes"), text_column("LEFT OUT", "left_out")},
                         rows,
                         Shown::when_wide,
                         {}}};
    page.verdict = fmt::format(
        "wrote {}: secrets were taken out, names and addresses were not; look through it before you give it away", path);
    page.value = {{"file", path}, {"bytes", fs::file_size(path, error)}, {"members", rows}};
    return page;
}

}  // namespace

void add_bugreport(CLI::App& app, Program& program) {
    auto* const command =
        app.add_subcommand("bugreport", "Write one archive with all that helps to find a fault, without secrets");
    const auto wanted = std::make_shared<Wanted>();
    command->add_option("--out", wanted->file, "The archive; must not exist. Default: meshd-bugreport-HOST-TIME.tar.gz here")
        ->type_name("FILE");
    command->add_option("--config", wanted->places.configuration, "The agent's configuration")
        ->type_name("FILE")
        ->capture_default_str();
    command->footer(
        "Only its owner can read the file. Without an agent it has less, and says so in its MANIFEST. The agent's log is for "
        "root.\n\n"
        "Examples:\n"
        "  sudo meshctl bugreport\n"
        "  sudo meshctl bugreport --out /tmp/report.tar.gz -o wide");
    command->callback(
        [&program, wanted] { program.chosen = [wanted](const Agent& agent) { return write_report(agent, *wanted); }; });
}

}  // namespace meshd::meshctl
