// SPDX-License-Identifier: Apache-2.0
#include "acceleration/policy.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/cgroup.hpp"

namespace meshd::acceleration {

namespace {

using config::AccelerationMode;
using config::Exclusion;

// The most that may wait for one reader. TCP lets a receive buffer grow to net.ipv4.tcp_rmem[2] and counts about half as much
// again for the memory around the bytes; of a queue of the short way nothing but the bytes is counted.
std::uint64_t ceiling(std::uint64_t largest_receive_buffer) {
    constexpr std::uint64_t usual = 6U << 20U;  // the kernel's default on hosts with memory enough
    return (largest_receive_buffer != 0 ? largest_receive_buffer : usual) * 2 / 3;
}

int rank(AccelerationMode mode) {
    switch (mode) {
        case AccelerationMode::on:
            return 2;
        case AccelerationMode::named:
            return 1;
        default:
            return 0;
    }
}

std::uint8_t encode(AccelerationMode mode) {
    return mode == AccelerationMode::on ? MD_MODE_ON : mode == AccelerationMode::named ? MD_MODE_NAMED : MD_MODE_OFF;
}

std::uint8_t encode(config::AccelerationDefault scope) {
    return scope == config::AccelerationDefault::all        ? MD_SCOPE_ALL
           : scope == config::AccelerationDefault::services ? MD_SCOPE_SERVICES
                                                            : MD_SCOPE_NONE;
}

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> user_id(const std::string& text) {
    if (const auto id = number(text)) return id;
    const auto* const entry = ::getpwnam(text.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr) return std::nullopt;
    return entry->pw_uid;
}

// The id of a cgroup is the inode of its directory.
std::optional<std::uint64_t> cgroup_id(const std::string& directory) {
    struct stat found {};
    if (::stat(directory.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return std::nullopt;
    return found.st_ino;
}

void exclude(Policy& policy, md_exclusion_kind kind, std::uint64_t value) {
    policy.exclusions.push_back({.kind = static_cast<std::uint32_t>(kind), .reserved = 0, .value = value});
    policy.value.exclusions |= static_cast<std::uint8_t>(1U << kind);
}

void exclude(Policy& policy, const Exclusion& exclusion, const Surroundings& here) {
    switch (exclusion.kind) {
        case Exclusion::Kind::service:
            return;  // by name: the agent knows which ids those are
        case Exclusion::Kind::port:
            if (const auto port = number(exclusion.text)) return exclude(policy, MD_EXCLUDE_PORT, *port);
            break;
        case Exclusion::Kind::cgroup:
            if (const auto id = cgroup_id(here.cgroup_mount + exclusion.text)) return exclude(policy, MD_EXCLUDE_CGROUP, *id);
            break;
        case Exclusion::Kind::user:
            if (const auto id = user_id(exclusion.text)) return exclude(policy, MD_EXCLUDE_USER, *id);
            break;
    }
    policy.unknown.push_back(std::string(config::name(exclusion.kind)) + " " + exclusion.text);
}

void explain(Policy& policy, const config::Acceleration& wanted, const Verdict& verdict) {
    const bool lowered = wanted.mode != AccelerationMode::automatic && rank(wanted.mode) <= rank(verdict.best);
    if (lowered) {
        policy.reason = "the configuration asks for mode " + std::string(config::name(wanted.mode));
        return;
    }
    policy.reason = verdict.reason;
    policy.remedy = verdict.remedy;
}

}  // namespace

Surroundings look_around(const std::string& served_cgroup) {
    Surroundings here;
    here.page_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    if (auto mount = kernel::cgroup_mount()) here.cgroup_mount = *mount;

    std::ifstream buffers("/proc/sys/net/ipv4/tcp_rmem");
    std::uint64_t least = 0;
    std::uint64_t usual = 0;
    buffers >> least >> usual >> here.largest_receive_buffer;

    // "0::/system.slice/meshd.service" is the line of cgroup v2.
    std::ifstream own("/proc/self/cgroup");
    for (std::string line; std::getline(own, line);)
        if (line.starts_with("0::"))
            if (const auto path = line.substr(3); path != "/" && here.cgroup_mount + path != served_cgroup)
                here.own_cgroup = cgroup_id(here.cgroup_mount + path);
    return here;
}

Policy make_policy(const config::Acceleration& wanted, const Verdict& verdict, const Surroundings& here) {
    Policy policy;
    const auto asked = wanted.mode == AccelerationMode::automatic ? verdict.best : wanted.mode;
    policy.mode = rank(asked) <= rank(verdict.best) ? asked : verdict.best;
    policy.refused = rank(asked) > rank(verdict.best);
    explain(policy, wanted, verdict);

    auto& value = policy.value;
    value.mode = encode(policy.mode);
    value.scope = encode(wanted.scope);
    value.sticky = verdict.fionread == Fionread::redirected ? 1 : 0;
    value.accepted_only = verdict.fionread == Fionread::tcp || verdict.fionread == Fionread::none ? 1 : 0;
    value.counted = verdict.accounting == Accounting::counted ? 1 : 0;
    value.idle_refs = verdict.idle_refs;
    value.budget_pages = wanted.memory_bytes / here.page_size;
    value.ceiling = ceiling(here.largest_receive_buffer);

    for (const auto& exclusion : wanted.exclude) exclude(policy, exclusion, here);
    if (here.own_cgroup) exclude(policy, MD_EXCLUDE_CGROUP, *here.own_cgroup);
    if (here.worker_user) exclude(policy, MD_EXCLUDE_USER, *here.worker_user);
    if (here.metrics_port) exclude(policy, MD_EXCLUDE_PORT, *here.metrics_port);
    return policy;
}

}  // namespace meshd::acceleration
