// SPDX-License-Identifier: Apache-2.0
#include "app/examination.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "acceleration/verdict_file.hpp"
#include "base/time_text.hpp"
#include "kernel/device_programs.hpp"
#include "kernel/migration.hpp"
#include "model/kernel_features.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

constexpr std::int64_t percent_full = 90;          // of a map, as the alert MeshdMapNearlyFull has it
constexpr std::uint64_t percent_open = 80;         // of the files that a process may open
constexpr std::uint64_t state_bytes = 64U << 20U;  // the state of 10,000 services, several times
constexpr std::uint64_t run_bytes = 1U << 20U;
constexpr auto fresh_drift = 24h;
constexpr std::int64_t earliest_clock = 1735689600;  // 2025-01-01: no build is older
constexpr mode_t others_write = 022;

std::string_view name(Health health) {
    constexpr std::array<std::string_view, 4> names{"ok", "note", "problem", "unknown"};
    return names.at(static_cast<std::size_t>(health));
}

std::string text_of(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

std::int64_t number_of(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace

// Each of them is a finding; of parts that people ask for first it is said, too, that they are well.
void examine_degradations(const Degradations& degradations, Findings& findings) {
    constexpr std::array<std::pair<const char*, const char*>, 4> well{{{"worker", "the worker runs"},
                                                                       {"programs", "programs are attached"},
                                                                       {"registry", "the registry's files are good"},
                                                                       {"services", "every service is in the kernel's maps"}}};
    for (const auto& [feature, text] : well)
        if (!degradations.all().contains(feature)) findings.push_back({feature, Health::ok, text});
    for (const auto& [feature, degradation] : degradations.all())
        findings.push_back({feature, Health::problem, degradation.reason, "degraded since " + base::time_text(degradation.since),
                            degradation.remedy});
}

void examine_configuration(const base::Result<void>& read, Findings& findings) {
    if (read)
        findings.push_back({"configuration", Health::ok, "the configuration is valid"});
    else
        findings.push_back(
            {"configuration", Health::problem, read.error().message(),
             "the settings before go on until the agent ends, and the next one does not start",
             read.error().remedy.empty() ? "correct the file; `meshctl config check FILE` looks again" : read.error().remedy});
}

void examine_bpffs(const std::string& path, bool is_mounted, const base::Result<std::vector<int>>& other_versions,
                   Findings& findings) {
    if (is_mounted)
        findings.push_back({"bpffs", Health::ok, "a BPF file system is mounted at " + path});
    else
        findings.push_back({"bpffs", Health::problem, "no BPF file system is mounted at " + path,
                            "programs and maps go when the agent ends, and connections are no longer balanced",
                            "mount -t bpf bpf " + path + ", then restart meshd"});
    if (!other_versions) return findings.push_back({"pins", Health::unknown, other_versions.error().message(), "", ""});
    std::string versions;
    for (const auto one : *other_versions) versions += (versions.empty() ? "v" : ", v") + std::to_string(one);
    if (versions.empty())
        findings.push_back({"pins", Health::ok, "no programs of another version are pinned"});
    else
        findings.push_back(
            {"pins", Health::problem, "programs of another ABI version are pinned too: " + versions,
             "both balance the same connections, and the next start of this agent is refused",
             "`meshd --unload` removes those of all versions; then start meshd: services are not balanced in between"});
}

void examine_previous(std::optional<int> kept, Findings& findings) {
    if (!kept) return;
    findings.push_back({"pins", Health::note,
                        fmt::format("programs and maps of ABI version {} are kept for `meshd --roll-back`", *kept),
                        "they take memory", "`meshd --forget-previous` gives it back, once nobody wants to go back"});
}

// Address hooks run one after the other: who else translates may undo what we do. That is for a person to judge.
void examine_hooks(const base::Result<std::vector<kernel::HookProgram>>& others, Findings& findings) {
    if (!others) return findings.push_back({"hooks", Health::unknown, others.error().message(), "", ""});
    if (others->empty())
        return findings.push_back({"hooks", Health::ok, "no other programs are at our hooks of this cgroup and those above"});
    for (const auto& one : *others)
        findings.push_back(
            {"hooks", Health::note,
             fmt::format("program '{}' (id {}) is at {} of {}, {}", one.name, one.id, one.hook, one.place, one.how),
             "it sees the same calls, and may change the address that meshd gave, or the one that it would look at",
             fmt::format("`bpftool prog show id {}` tells whose it is; another load balancer or a second meshd must "
                         "not serve the same addresses",
                         one.id)});
}

void examine_device_programs(const base::Result<std::vector<kernel::HookProgram>>& others, Findings& findings) {
    if (!others) return findings.push_back({"device_programs", Health::unknown, others.error().message(), "", ""});
    if (others->empty()) return findings.push_back({"device_programs", Health::ok, "no other programs are at our devices"});
    for (const auto& one : *others)
        findings.push_back(
            {"device_programs", Health::note,
             fmt::format("program '{}' (id {}) is at {} of {}, {}", one.name, one.id, one.hook, one.place, one.how),
             "it sees the same packets, and may drop, change or send elsewhere those that meshd balances",
             fmt::format("`bpftool prog show id {}` tells whose it is; another load balancer must not serve the same addresses, "
                         "and what it does with others must let them pass",
                         one.id)});
}

void examine_maps(const base::Result<std::vector<MapFill>>& fills, Findings& findings) {
    if (!fills) return findings.push_back({"maps", Health::unknown, fills.error().message(), "", ""});
    bool are_well = true;
    for (const auto& fill : *fills) {
        const auto most = static_cast<std::int64_t>(fill.info.max_entries);
        // Maps of a fixed number of entries are always full.
        if (fill.entries < 0 || most <= 1 || fill.info.name == "md_reasons" || fill.entries * 100 < most * percent_full) continue;
        are_well = false;
        findings.push_back({"maps", Health::problem,
                            fmt::format("map {} holds {} of {} entries", fill.info.name, fill.entries, most),
                            "what is beyond the bound is refused, service by service",
                            "raise its entry under `limits` in meshd.yaml, drain the node, `meshd --unload`, start meshd"});
    }
    if (are_well) findings.push_back({"maps", Health::ok, "all maps have room"});
}

void examine_drift(std::optional<system_clock::time_point> last, std::size_t operations, const ClockLook& clock,
                   Findings& findings) {
    if (!last || clock.now - *last > fresh_drift)
        return findings.push_back({"drift", Health::ok, "the maps were as they should be for the last day, or since the start"});
    findings.push_back({"drift", Health::note,
                        fmt::format("{} differences in the maps were repaired at {}", operations, base::time_text(*last)),
                        "somebody else writes the maps: by hand, or a second agent with the same pins",
                        "`meshctl drift` names them; look for `bpftool map update` and another meshd"});
}

void examine_registries(const json::array& registries, const ClockLook& clock, Findings& findings) {
    for (const auto& item : registries) {
        const auto* const registry = item.if_object();
        if (registry == nullptr) continue;
        const auto registry_name = text_of(*registry, "name");
        const auto state = text_of(*registry, "state");
        const auto last = number_of(*registry, "last_answer_unix");
        const auto age = last == 0 ? std::string("it has not answered yet")
                                   : fmt::format("its last answer is {} s old",
                                                 std::max(base::unix_seconds(clock.now) - last, std::int64_t{0}));
        if (state == "ok")
            findings.push_back({"registry " + registry_name, Health::ok, last == 0 ? "it is read" : "it answers; " + age});
        else if (state == "connecting")
            findings.push_back({"registry " + registry_name, Health::note, "it is being connected; " + age,
                                "its services come when it answers", "meshctl registry show " + registry_name});
        else
            findings.push_back(
                {"registry " + registry_name, Health::problem,
                 state + ", since " + text_of(*registry, "since") + ": " + text_of(*registry, "error") + "; " + age,
                 "what it said last goes on, and nothing new is learned",
                 "`meshctl registry show " + registry_name +
                     "` has the error: denied is the token, untrusted the CA or the name, unreachable the network"});
        if (const auto held = number_of(*registry, "held_count"); held > 0)
            findings.push_back({"registry " + registry_name, Health::note, fmt::format("{} removals are held back", held),
                                "so much went at once that it may be a fault of the registry",
                                "meshctl registry show " + registry_name});
    }
}

void examine_certificates(const json::array& certificates, const ClockLook& clock, Findings& findings) {
    for (const auto& item : certificates) {
        const auto* const certificate = item.if_object();
        if (certificate == nullptr) continue;
        const auto own_name = text_of(*certificate, "name");
        const auto check = "certificate " + text_of(*certificate, "whose") + (own_name.empty() ? "" : " " + own_name);
        const auto state = text_of(*certificate, "state");
        const auto problem = text_of(*certificate, "problem");
        const auto begins = text_of(*certificate, "not_before");
        if (!begins.empty() && begins > base::time_text(clock.now))
            findings.push_back({check, Health::problem,
                                "it is not valid before " + begins + ", and it is " + base::time_text(clock.now) + " here",
                                "peers refuse it, and this node refuses theirs",
                                "set the clock (timedatectl, chronyc tracking), or wait"});
        else if (state == "ok")
            findings.push_back({check, Health::ok, "valid until " + text_of(*certificate, "not_after")});
        else
            findings.push_back({check, Health::problem,
                                state + (begins.empty() ? "" : ", valid until " + text_of(*certificate, "not_after")) +
                                    (problem.empty() ? "" : ": " + problem),
                                state == "expiring" ? "whoever renews it has not, though most of its time is over"
                                                    : "connections that need it fail, or will when the one in use expires",
                                "meshctl certificate show " + text_of(*certificate, "certificate") +
                                    "; put a new one in place, it is taken up by itself"});
    }
}

void examine_clock(const ClockLook& clock, bool needs_certificates, Findings& findings) {
    if (base::unix_seconds(clock.now) < earliest_clock)
        findings.push_back({"clock", Health::problem, "the clock says " + base::time_text(clock.now),
                            "certificates of others look as if they were not valid yet, and times of events are wrong",
                            "set it: timedatectl set-ntp true, or chronyc makestep"});
    else if (clock.is_synchronized || !needs_certificates)
        findings.push_back(
            {"clock", Health::ok,
             "the clock says " + base::time_text(clock.now) + (clock.is_synchronized ? ", and is synchronized" : "")});
    else
        findings.push_back({"clock", Health::note,
                            "the clock says " + base::time_text(clock.now) +
                                ", and the kernel was not told "
                                "that it is synchronized",
                            "certificates are judged by it", "timedatectl, chronyc tracking"});
}

void examine_directory(const std::string& role, const DirectoryLook& look, uid_t owner, std::uint64_t least_free,
                       Findings& findings) {
    const auto add = [&](std::string what, std::string why, std::string remedy) {
        findings.push_back({role, Health::problem, look.path + ": " + std::move(what), std::move(why), std::move(remedy)});
    };
    const auto before = findings.size();
    if (!look.error.empty())
        return add(look.error, "what is known does not outlive a reboot", "mkdir -p " + look.path + ", then restart meshd");
    if (look.owner != owner)
        add(fmt::format("it belongs to user {}, not to {}", look.owner, owner), "another user can change what the agent believes",
            fmt::format("chown {} {}", owner, look.path));
    if ((look.mode & others_write) != 0)
        add(fmt::format("its mode is {:o}", look.mode), "other users can change what the agent believes",
            "chmod go-w " + look.path);
    if (look.free_bytes < least_free || !look.has_free_files)
        add(fmt::format("{} KiB are free{}", look.free_bytes / 1024,
                        look.has_free_files ? "" : ", and no more files can be made"),
            "what changes cannot be saved, and a reboot starts from old state", "make room on that file system");
    if (findings.size() == before) findings.push_back({role, Health::ok, look.path + " is ours and has room"});
}

void examine_open_files(const std::string& process, const std::optional<OpenFiles>& files, Findings& findings) {
    if (!files)
        return findings.push_back({"open_files", Health::unknown, "how many files the " + process + " has open is not told"});
    const auto text = fmt::format("the {} has {} of {} files open", process, files->used, files->limit);
    if (files->used * 100 < files->limit * percent_open) return findings.push_back({"open_files", Health::ok, text});
    findings.push_back({"open_files", Health::problem, text, "connections, files and maps beyond it are refused",
                        "raise LimitNOFILE= of the unit (systemctl edit meshd), then restart meshd"});
}

void examine_group(const std::string& group, bool exists, Findings& findings) {
    if (exists)
        findings.push_back({"control_group", Health::ok, "members of the group " + group + " may use meshctl"});
    else
        findings.push_back({"control_group", Health::problem, "there is no group " + group, "only root can use meshctl",
                            "groupadd --system " + group + ", or set control.group; then restart meshd"});
}

json::object to_json(const Findings& findings) {
    json::array rows;
    std::int64_t problems = 0;
    std::int64_t notes = 0;
    for (const auto& one : findings) {
        problems += one.health == Health::problem ? 1 : 0;
        notes += one.health == Health::note ? 1 : 0;
        rows.emplace_back(json::object{
            {"check", one.check}, {"state", name(one.health)}, {"what", one.what}, {"why", one.why}, {"remedy", one.remedy}});
    }
    return {{"checks", std::move(rows)}, {"problems", problems}, {"notes", notes}};
}

namespace {

base::Result<std::vector<kernel::HookProgram>> programs_at(const std::vector<forwarding::DeviceStatus>& devices) {
    std::vector<kernel::HookProgram> all;
    for (const auto& status : devices) {
        auto found = kernel::programs_of_others(status.device.index, status.device.name, status.programs);
        if (!found) return found;
        all.insert(all.end(), found->begin(), found->end());
    }
    return all;
}

}  // namespace

base::Result<json::object> examination(const Context& context, const base::Result<void>& configuration) {
    const auto& settings = context.settings;
    const auto clock = look_at_clock();
    Findings findings;
    // Nothing runs without these three.
    findings.push_back({"kernel", Health::ok,
                        fmt::format("Linux {}, {} or later is needed", acceleration::running_kernel(), model::oldest_kernel)});
    findings.push_back({"types", Health::ok, "the kernel's types (BTF) are there: the programs are loaded"});
    findings.push_back({"cgroup", Health::ok, "cgroup v2 is served at " + context.cgroup_path});
    const auto& pins = context.datapath->pins();
    examine_bpffs(settings.bpffs, is_bpffs(settings.bpffs), pins.other_versions(), findings);
    examine_previous(kernel::previous_version(pins), findings);
    examine_degradations(context.degradations, findings);
    if (!context.degradations.all().contains("configuration")) examine_configuration(configuration, findings);
    examine_hooks(kernel::programs_of_others(*context.datapath, context.cgroup_path), findings);
    if (const auto& devices = context.forwarder->devices(); !devices.empty())
        examine_device_programs(programs_at(devices), findings);
    examine_maps(map_fills(*context.datapath, context.reconciler->realized()), findings);
    const auto& drift = context.reconciler->last_drift();
    examine_drift(drift ? std::optional(drift->at) : std::nullopt, drift ? drift->operations.size() : 0, clock, findings);
    examine_registries(context.registries, clock, findings);
    examine_certificates(context.certificates, clock, findings);
    examine_clock(clock, settings.tls.has_value() || !settings.edge.empty(), findings);
    examine_directory("state_directory", look_at_directory(settings.state_directory), ::geteuid(), state_bytes, findings);
    examine_directory("run_directory", look_at_directory(settings.run_directory), ::geteuid(), run_bytes, findings);
    examine_open_files("agent", look_at_open_files(::getpid()), findings);
    if (const auto worker = context.worker().pid; worker > 0) examine_open_files("worker", look_at_open_files(worker), findings);
    examine_group(settings.control_group, has_group(settings.control_group), findings);
    return to_json(findings);
}

}  // namespace meshd::app
