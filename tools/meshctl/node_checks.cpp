// SPDX-License-Identifier: Apache-2.0
#include "node_checks.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <grp.h>
#include <meshd/abi.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "config/settings_file.hpp"
#include "config_files.hpp"
#include "model/kernel_features.hpp"

namespace meshd::meshctl {

namespace fs = std::filesystem;

namespace {

class Checks {
public:
    void ok(std::string check, std::string what) { add(std::move(check), "ok", std::move(what), "", ""); }
    void problem(std::string check, std::string what, std::string why, std::string remedy) {
        ++problems_;
        add(std::move(check), "problem", std::move(what), std::move(why), std::move(remedy));
    }
    void unknown(std::string check, std::string what, std::string remedy) {
        add(std::move(check), "unknown", std::move(what), "", std::move(remedy));
    }
    json::object take() && { return {{"checks", std::move(rows_)}, {"problems", problems_}, {"notes", 0}}; }

private:
    void add(std::string check, std::string_view state, std::string what, std::string why, std::string remedy) {
        rows_.emplace_back(json::object{{"check", std::move(check)},
                                        {"state", state},
                                        {"what", std::move(what)},
                                        {"why", std::move(why)},
                                        {"remedy", std::move(remedy)}});
    }

    json::array rows_;
    std::int64_t problems_ = 0;
};

std::string running_kernel() {
    utsname names{};
    return ::uname(&names) == 0 ? names.release : "unknown";
}

// Where a file system of this type is mounted; empty: nowhere.
std::string mounted(const NodePlaces& places, const std::string& type) {
    std::ifstream mounts(places.mounts);
    for (std::string line; std::getline(mounts, line);) {
        if (line.find(" - " + type + " ") == std::string::npos) continue;
        std::size_t begin = 0;
        for (int field = 0; field < 4; ++field) begin = line.find(' ', begin) + 1;
        return line.substr(begin, line.find(' ', begin) - begin);
    }
    return {};
}

void check_kernel(const NodePlaces& places, Checks& checks) {
    const auto release = places.release.empty() ? running_kernel() : places.release;
    const std::string oldest(model::oldest_kernel);
    if (is_at_least(release, oldest))
        checks.ok("kernel", fmt::format("Linux {}, {} or later is needed", release, oldest));
    else
        checks.problem("kernel", "Linux " + release, "the programs need " + oldest + " or later", "install a newer kernel");
    if (fs::exists(places.types))
        checks.ok("types", "the kernel's types (BTF) are there");
    else
        checks.problem("types", places.types + " is not there", "the programs are fitted to the kernel by its types (BTF)",
                       "run a kernel with CONFIG_DEBUG_INFO_BTF, as those of distributions are");
}

void check_mounts(const NodePlaces& places, Checks& checks) {
    if (const auto at = mounted(places, "cgroup2"); !at.empty())
        checks.ok("cgroup", "cgroup v2 is mounted at " + at);
    else
        checks.problem("cgroup", "cgroup v2 is not mounted", "programs are attached to it",
                       "mount -t cgroup2 none /sys/fs/cgroup/unified");
    if (const auto at = mounted(places, "bpf"); !at.empty())
        checks.ok("bpffs", "a BPF file system is mounted at " + at);
    else
        checks.problem("bpffs", "no BPF file system is mounted", "programs and maps are kept there",
                       "mount -t bpf bpf /sys/fs/bpf");
}

void check_files_of(const std::string& check, const std::string& path, Checks& checks) {
    const auto checked = check_files({path});
    for (const auto& file : checked.files)
        if (file.error)
            checks.problem(check, error_line(*file.error), "the next start is refused, or what the file says is left out",
                           "correct it; `meshctl config check " + path + "` looks again");
    if (checked.refused() == 0) checks.ok(check, path + " is valid");
}

void check_names(const config::Settings& settings, Checks& checks) {
    const auto& user = settings.worker_user;
    const auto& group = settings.control_group;
    const bool has_user = ::getpwnam(user.c_str()) != nullptr;    // NOLINT(concurrency-mt-unsafe): one thread
    const bool has_group = ::getgrnam(group.c_str()) != nullptr;  // NOLINT(concurrency-mt-unsafe): one thread
    if (has_user && has_group) return checks.ok("users", "the user " + user + " and the group " + group + " are there");
    checks.problem("users", has_user ? "there is no group " + group : "there is no user " + user,
                   has_user ? "only root can use meshctl" : "the worker cannot be started", "systemd-sysusers");
}

void check_state(const config::Settings& settings, Checks& checks) {
    struct stat status {};
    const auto& path = settings.state_directory;
    if (::stat(path.c_str(), &status) != 0)
        checks.problem("state_directory", path + " is not there", "what is known does not outlive a reboot",
                       "systemd-tmpfiles --create");
    else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        checks.problem("state_directory", "others may write to " + path, "they can change what the agent believes",
                       "chmod go-w " + path);
    else
        checks.ok("state_directory", path + " is there");
}

void check_pins(const config::Settings& settings, Checks& checks) {
    const auto top = settings.bpffs + "/meshd";
    const auto own = fmt::format("v{}", MD_ABI_VERSION);
    std::error_code error;
    std::string others;
    bool has_own = false;
    for (const auto& entry : fs::directory_iterator(top, error)) {
        const auto name = entry.path().filename().string();
        if (name == own)
            has_own = true;
        else
            others += (others.empty() ? "" : ", ") + name;
    }
    if (error && error != std::errc::no_such_file_or_directory)
        checks.unknown("pins", "cannot look into " + top + ": " + error.message(), "run as root");
    else if (!others.empty())
        checks.problem("pins", "programs of another ABI version are pinned: " + others,
                       "this version refuses to start beside them",
                       "start the meshd that made them, or `meshd --unload`: services are not balanced until the next start");
    else
        checks.ok("pins", has_own ? "programs and maps are pinned: services are balanced without the agent, and nothing changes"
                                  : "nothing is pinned: services are not balanced");
}

}  // namespace

bool is_at_least(const std::string& release, const std::string& oldest) {
    const auto number = [](const char*& at, const char* end) {
        int value = 0;
        at = std::from_chars(at, end, value).ptr;
        if (at != end) ++at;  // the dot
        return value;
    };
    const char* a = release.data();
    const char* b = oldest.data();
    const char* const a_end = a + release.size();
    const char* const b_end = b + oldest.size();
    for (int part = 0; part < 2; ++part) {
        const int have = number(a, a_end);
        const int want = number(b, b_end);
        if (have != want) return have > want;
    }
    return true;
}

json::object checks_without_agent(const NodePlaces& places, const Failure& agent) {
    Checks checks;
    checks.problem("agent", agent.message,
                   "while none runs what is in the kernel goes on, and nothing is followed; here only what meshctl can see "
                   "itself is looked at",
                   agent.remedy);
    check_kernel(places, checks);
    check_mounts(places, checks);
    config::Settings settings;
    if (!fs::exists(places.configuration))
        checks.ok("configuration", "there is no " + places.configuration + ": the defaults hold");
    else
        check_files_of("configuration", places.configuration, checks);
    if (auto loaded = config::load_settings(places.configuration)) settings = std::move(*loaded);
    if (fs::exists(settings.registry_directory)) check_files_of("registry", settings.registry_directory, checks);
    check_names(settings, checks);
    check_state(settings, checks);
    check_pins(settings, checks);
    checks.unknown("rest", "programs of others, maps, certificates, registries, the clock and limits are looked at by the agent",
                   "start it, then run `meshctl doctor` again");
    return std::move(checks).take();
}

}  // namespace meshd::meshctl
