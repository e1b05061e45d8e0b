// SPDX-License-Identifier: Apache-2.0
#include "steering/identities.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <pwd.h>
#include <sys/stat.h>

#include "steering/pod_cgroups.hpp"

namespace meshd::steering {

namespace {

constexpr std::string_view usual_home = "/system.slice";

std::optional<uid_t> user_id(const std::string& text) {
    uid_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error == std::errc{} && end == text.data() + text.size()) return id;
    const auto* const entry = ::getpwnam(text.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr) return std::nullopt;
    return entry->pw_uid;
}

// "0::/system.slice/web.service" is the line of cgroup v2.
std::optional<std::string> cgroup_of(const std::string& process) {
    std::ifstream lines(process + "/cgroup");
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("0::")) return line.substr(3);
    return std::nullopt;
}

// "Uid: real effective saved of-files": sockets get the last (proc(5)).
std::optional<uid_t> user_of(const std::string& process) {
    std::ifstream lines(process + "/status");
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("Uid:")) continue;
        std::istringstream fields(line.substr(4));
        uid_t real = 0, effective = 0, saved = 0, files = 0;
        if (fields >> real >> effective >> saved >> files) return files;
    }
    return std::nullopt;
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

// The id of a cgroup is the inode of its directory.
std::optional<std::uint64_t> Identities::id_of(const std::string& path) const {
    struct stat found {};
    if (::stat((mount_ + path).c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return std::nullopt;
    return found.st_ino;
}

void Identities::look_at(NamedIdentity& identity) const {
    identity.cgroups.clear();
    const auto look = [&](const std::string& path) {
        if (const auto id = id_of(path)) identity.cgroups.emplace(*id, path);
    };
    const auto& wanted = identity.wanted;
    if (!wanted.workload.empty()) look(wanted.workload);
    for (const auto& uid : wanted.pods) look_for_pod(uid, identity.cgroups);
    if (wanted.unit.empty()) return;
    look(std::string(usual_home) + "/" + wanted.unit);
    if (const auto known = homes_.find(wanted.unit); known != homes_.end())
        for (const auto& home : known->second) look(home + "/" + wanted.unit);
}

// The agent alone says where a pod's cgroup is: what it was told is a uid.
void Identities::look_for_pod(const std::string& uid, Cgroups& found) const {
    for (const auto& root : pods_.roots)
        for (const auto& path : pod_cgroups(root, uid))
            if (const auto id = id_of(path)) found.emplace(*id, path);
}

void Identities::look_at_pods() {
    of_node_.clear();
    unknown_.clear();
    for (const auto& uid : pods_.of_node) look_for_pod(uid, of_node_);
    for (const auto& root : pods_.roots)
        for (const auto& path : all_pods_cgroups(root))
            if (const auto id = id_of(path)) unknown_.emplace(*id, path);
}

void Identities::set(const std::vector<model::WorkloadIdentity>& wanted, PodPlaces pods) {
    pods_ = std::move(pods);
    all_.clear();
    homes_.clear();
    for (const auto& one : wanted) {
        NamedIdentity identity{one, {}, {}};
        if (!one.unit.empty()) homes_.emplace(one.unit, std::set<std::string>{});
        all_.push_back(std::move(identity));
    }
    look_everywhere();
}

void Identities::look_everywhere() {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::recursive_directory_iterator at(mount_, fs::directory_options::skip_permission_denied, error);
    // Cgroups that go away meanwhile end the walk early: what was known stays, and the next walk finds the rest.
    for (; !homes_.empty() && !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        if (!at->is_directory(error)) continue;
        const auto unit = homes_.find(at->path().filename().native());
        if (unit != homes_.end()) unit->second.insert(parent_of(at->path().native().substr(mount_.size())));
    }
    for (auto& identity : all_) {
        look_at(identity);
        if (!identity.wanted.user.empty()) identity.user = user_id(identity.wanted.user);
    }
    look_at_pods();
}

bool Identities::look_again() {
    const auto before = all_;
    const auto of_node = of_node_, unknown = unknown_;
    for (auto& identity : all_) look_at(identity);
    look_at_pods();
    return before != all_ || of_node != of_node_ || unknown != unknown_;
}

kernel::Identities Identities::entries() const {
    kernel::Identities entries;
    const auto put_cgroups = [&](const Cgroups& cgroups, std::uint32_t number) {
        for (const auto& [id, path] : cgroups)
            entries.emplace(md_identity_key{.value = id, .kind = MD_IDENTITY_CGROUP, .reserved = 0}, number);
    };
    for (const auto& identity : all_) {
        const auto number = model::identity_number(identity.wanted.name);
        put_cgroups(identity.cgroups, number);
        if (identity.user)
            entries.emplace(md_identity_key{.value = *identity.user, .kind = MD_IDENTITY_USER, .reserved = 0}, number);
    }
    put_cgroups(of_node_, model::node_identity);
    put_cgroups(unknown_, model::unknown_identity);
    return entries;
}

base::Result<ProcessIdentity> Identities::of_process(pid_t pid, const std::string& proc) const {
    const auto process = proc + "/" + std::to_string(pid);
    const auto cgroup = cgroup_of(process);
    const auto user = user_of(process);
    if (!cgroup || !user)
        return base::fail({"look at process", std::to_string(pid), 0, "there is no such process", "see ps for those there are"});
    ProcessIdentity found{{}, false, {}, {}, *cgroup, *user};
    for (auto path = *cgroup; !path.empty(); path = parent_of(path)) {
        const auto id = id_of(path);
        if (!id) continue;
        found.cgroup = path;
        for (const auto& identity : all_)
            if (identity.cgroups.contains(*id)) {
                found.name = identity.wanted.name;
                return found;
            }
        if (of_node_.contains(*id)) return found;
        found.is_unknown = unknown_.contains(*id);
        if (found.is_unknown) return found;
    }
    found.cgroup.clear();
    const auto of_user = std::find_if(all_.begin(), all_.end(), [&](const auto& identity) { return identity.user == *user; });
    if (of_user == all_.end()) return found;
    found.name = of_user->wanted.name;
    found.user = of_user->wanted.user;
    return found;
}

}  // namespace meshd::steering
