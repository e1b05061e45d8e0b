// SPDX-License-Identifier: Apache-2.0
#include "acceleration/self_test.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "acceleration/checks/checks.hpp"
#include "acceleration/child.hpp"
#include "acceleration/decision.hpp"
#include "acceleration/rig.hpp"
#include "kernel/scratch_cgroup.hpp"
#include "kernel/trial.hpp"

namespace meshd::acceleration {

namespace json = boost::json;
using kernel::Trial;

namespace {

// Where it is refused, the loopback interface of the host serves as well: its sockets are in our cgroup all the same.
void enter_own_network() {
    if (::unshare(CLONE_NEWNET) != 0) return;
    const base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_UP;
    (void)::ioctl(socket.get(), SIOCSIFFLAGS, &request);
}

// ---- In the child: a line before each check, and one after it -------------------------------------------------------------

void tell_error(const Tell& tell, const base::Error& error) {
    tell(json::serialize(json::object{{"error",
                                       {{"operation", error.operation},
                                        {"object", error.object},
                                        {"code", error.code},
                                        {"detail", error.detail},
                                        {"remedy", error.remedy}}}}));
}

Seen run_row(Rig& rig, const CheckRow& row) {
    auto connection = rig.connect(AF_INET);
    if (!connection) return {false, connection.error().message()};
    return row.run(rig, *connection);
}

void run_rows(Rig& rig, std::span<const CheckRow> rows, const Tell& tell) {
    for (const auto& row : rows) {
        tell(json::serialize(json::object{{"begins", row.name}}));
        const auto seen = run_row(rig, row);
        tell(json::serialize(json::object{{"name", row.name},
                                          {"passed", seen.passed},
                                          {"seen", seen.text},
                                          {"fionread", static_cast<int>(rig.facts.fionread)},
                                          {"accounting", static_cast<int>(rig.facts.accounting)},
                                          {"idle_refs", rig.facts.idle_refs}}));
    }
}

// Where the kernel does not charge what waits, the programs are loaded once more with the one that counts.
base::Result<Rig> make_rig(const kernel::Cgroup& cgroup) {
    auto trial = Trial::open(cgroup, Trial::Waiting::charged);
    if (!trial) return tl::make_unexpected(trial.error());
    std::optional<Rig> rig(std::in_place, std::move(*trial));
    auto connection = rig->connect(AF_INET);
    if (!connection || (check_accounting(*rig, *connection).passed)) return std::move(*rig);
    connection->close_client();
    rig.reset();
    auto counting = Trial::open(cgroup, Trial::Waiting::counted);
    if (!counting) counting = Trial::open(cgroup, Trial::Waiting::charged);
    if (!counting) return tl::make_unexpected(counting.error());
    return Rig(std::move(*counting));
}

void run_all(const kernel::ScratchCgroup& cgroup, const Tell& tell) {
    enter_own_network();
    if (auto entered = cgroup.enter(); !entered) return tell_error(tell, entered.error());
    const auto opened = kernel::Cgroup::open(cgroup.cgroup().path());  // the parent's descriptors are closed here
    if (!opened) return tell_error(tell, opened.error());
    auto rig = make_rig(*opened);
    if (!rig) return tell_error(tell, rig.error());
    run_rows(*rig, all_checks(), tell);
}

// ---- In the parent --------------------------------------------------------------------------------------------------------

const CheckRow* row_of(std::string_view name) {
    const auto rows = all_checks();
    const auto found = std::find_if(rows.begin(), rows.end(), [name](const CheckRow& row) { return row.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

base::Error error_of(const json::object& object) {
    const auto text = [&object](std::string_view key) { return std::string(object.at(key).as_string()); };
    return {text("operation"), text("object"), static_cast<int>(object.at("code").as_int64()), text("detail"), text("remedy")};
}

// What the child told, and for what it did not come to, why.
base::Result<Verdict> verdict_of(const ChildReport& report) {
    Verdict verdict;
    std::string began;
    for (const auto& line : report.lines) {
        const auto told = json::parse(line).as_object();
        if (const auto* const error = told.if_contains("error")) return base::fail(error_of(error->as_object()));
        if (const auto* const name = told.if_contains("begins")) {
            began = name->as_string();
            continue;
        }
        const auto* const row = row_of(std::string_view(told.at("name").as_string()));
        verdict.checks.push_back(
            {row->name, told.at("passed").as_bool(), row->expected, std::string(told.at("seen").as_string())});
        verdict.fionread = static_cast<Fionread>(told.at("fionread").as_int64());
        verdict.accounting = static_cast<Accounting>(told.at("accounting").as_int64());
        verdict.idle_refs = static_cast<std::uint16_t>(told.at("idle_refs").as_int64());
    }
    if (began.empty()) return base::fail({"run", "the self-test of the short way", 0, "it " + report.end, {}});
    for (const auto& row : all_checks().subspan(verdict.checks.size())) {
        const bool it = row.name == began;
        verdict.checks.push_back(
            {row.name, false, row.expected, it ? "it " + report.end : "not tried: '" + began + "' " + report.end});
    }
    return verdict;
}

}  // namespace

base::Result<Verdict> self_test(const std::string& cgroup, std::chrono::milliseconds silence) {
    const auto began = std::chrono::steady_clock::now();
    const auto scratch = kernel::ScratchCgroup::make(cgroup);
    if (!scratch) return tl::make_unexpected(scratch.error());
    const auto report = run_in_child([&scratch](const Tell& tell) { run_all(*scratch, tell); }, {silence, longest * silence});
    if (!report) return tl::make_unexpected(report.error());
    auto verdict = verdict_of(*report);
    if (!verdict) return verdict;
    verdict->out_of_time = report->out_of_time;
    utsname system{};
    ::uname(&system);
    verdict->kernel = system.release;
    verdict->at = std::chrono::system_clock::now();
    verdict->duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    decide(*verdict);
    return verdict;
}

}  // namespace meshd::acceleration
