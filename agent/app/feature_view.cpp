// SPDX-License-Identifier: Apache-2.0
#include "app/feature_view.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <boost/json.hpp>

#include "acceleration/verdict_file.hpp"
#include "kernel/batches.hpp"
#include "kernel/kernel_types.hpp"
#include "kernel/links.hpp"
#include "kernel/tls_hooks.hpp"
#include "model/kernel_features.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

struct Decided {
    Use use = Use::used;
    std::string detail;  // what is in use, or why something is not
};

std::string_view name(Use use) {
    constexpr std::array<std::string_view, 4> names{"used", "replaced", "missing", "idle"};
    return names.at(static_cast<std::size_t>(use));
}

std::string listed(const std::set<std::string>& names) {
    std::string text;
    for (const auto& one : names) text += (text.empty() ? "" : ", ") + one;
    return text;
}

Decided hooks_of(const Decisions& decisions) {
    std::set<std::string> missing;
    for (const auto& hook : kernel::hooks)
        if (!decisions.attached.contains(hook.program)) missing.insert(hook.program);
    if (missing.empty()) return {Use::used, std::to_string(kernel::hooks.size()) + " programs attached"};
    return {Use::missing, "not attached: " + listed(missing)};
}

Decided device_links(const Decisions& decisions) {
    if (decisions.devices.empty()) return {Use::idle, "no devices are looked at"};
    std::set<std::string> links, filters;
    for (const auto& one : decisions.devices) (one.is_link ? links : filters).insert(one.device);
    if (filters.empty()) return {Use::used, "tcx links at " + listed(links)};
    return {Use::replaced, "filters of clsact at " + listed(filters) + (links.empty() ? "" : "; tcx links at " + listed(links))};
}

Decided short_way(const Decisions& decisions) {
    using config::AccelerationMode;
    const auto detail = "mode " + std::string(config::name(decisions.mode)) +
                        (decisions.mode == decisions.verdict.best ? "" : " by the configuration") + ": " +
                        decisions.verdict.reason;
    if (decisions.verdict.best == AccelerationMode::off) return {Use::missing, detail};
    if (decisions.mode == AccelerationMode::off) return {Use::idle, detail};
    return {decisions.verdict.best == AccelerationMode::on ? Use::used : Use::replaced, detail};
}

Decided accounting(const Decisions& decisions) {
    switch (decisions.verdict.accounting) {
        case acceleration::Accounting::charged:
            return {Use::used, "charged by the kernel"};
        case acceleration::Accounting::counted:
            return {Use::replaced, "counted by a program (fexit)"};
        case acceleration::Accounting::none:
            break;
    }
    return {Use::missing, "neither charged nor to be counted"};
}

Decided fionread(const Decisions& decisions) {
    const std::string right_for(acceleration::name(decisions.verdict.fionread));
    if (decisions.verdict.fionread == acceleration::Fionread::both) return {Use::used, "right for bytes of both ways"};
    if (decisions.verdict.fionread == acceleration::Fionread::none) return {Use::replaced, "right for no bytes"};
    return {Use::replaced, "right only for bytes of one way: " + right_for};
}

Decided tried(const Decisions& decisions, const std::string& why_not, Use without) {
    if (!decisions.are_sockets_tried) return {Use::idle, "not tried yet"};
    return why_not.empty() ? Decided{Use::used, ""} : Decided{without, why_not};
}

// Programs of encrypted services are attached while there are some.
Decided of_encryption(const Decisions& decisions, const std::string& program) {
    return decisions.attached.contains(program) ? Decided{Use::used, program + " attached"}
                                                : Decided{Use::idle, "no encrypted services"};
}

Decided kernel_tls(const Decisions& decisions) {
    if (!decisions.kernel_tls_verdict) return {Use::idle, "not asked for (tls.kernel)"};
    const auto detail = ktls::describe(*decisions.kernel_tls_verdict);
    if (decisions.kernel_tls == model::KernelTls::off) return {Use::idle, "not asked for (tls.kernel); " + detail};
    const bool is_used = decisions.kernel_tls_verdict->serves(decisions.kernel_tls == model::KernelTls::on);
    return {is_used ? Use::used : Use::replaced, detail};
}

std::map<std::string_view, Decided> decide(const Decisions& decisions) {
    const auto has = [](bool is_there) { return Decided{is_there ? Use::used : Use::replaced, ""}; };
    // Nothing is loaded without these, so where an agent runs they are there.
    const Decided loaded{Use::used, "the programs are loaded"};
    return {{"types", loaded},
            {"links", loaded},
            {"ring", loaded},
            {"cgroup_hooks", hooks_of(decisions)},
            {"errno", has(decisions.has_errno)},
            {"coarse_clock", has(decisions.has_coarse_clock)},
            {"device_links", device_links(decisions)},
            {"short_way", short_way(decisions)},
            {"accounting", accounting(decisions)},
            {"fionread", fionread(decisions)},
            {"batches", decisions.walked.empty() ? Decided{Use::used, ""}
                                                 : Decided{Use::replaced, "entry by entry: " + listed(decisions.walked)}},
            {"socket_lists", tried(decisions, decisions.no_lists, Use::replaced)},
            {"socket_destroy", decisions.ends_by_programs ? Decided{Use::replaced, "by programs at the lists of sockets"}
                                                          : tried(decisions, decisions.no_destroy, Use::missing)},
            {"getsockopt", of_encryption(decisions, "md_getsockopt")},
            {"listener_guard", of_encryption(decisions, "md_guard")},
            {"kernel_tls", kernel_tls(decisions)}};
}

}  // namespace

Decisions decisions_of(const Context& context) {
    const auto types = kernel::KernelTypes::load();
    Decisions decisions;
    decisions.has_errno = types.has_helper("BPF_FUNC_set_retval");
    decisions.has_coarse_clock = types.has_helper("BPF_FUNC_ktime_get_coarse_ns");
    auto programs = context.datapath->programs();
    for (auto& program : kernel::tls_programs(*context.datapath)) programs.push_back(std::move(program));
    for (auto& program : programs)
        if (program.attached) decisions.attached.insert(std::move(program.name));
    for (const auto& status : context.forwarder->devices())
        if (status.mechanism != 0) decisions.devices.push_back({status.device.name, status.mechanism == MD_MECHANISM_TCX});
    decisions.mode = context.accelerator->policy().mode;
    decisions.verdict = context.accelerator->verdict();
    if (const auto& abilities = context.stale_sockets->abilities()) {
        decisions.are_sockets_tried = true;
        if (abilities->storage) decisions.no_lists = abilities->storage->message();
        if (abilities->destroy) decisions.no_destroy = abilities->destroy->message();
        decisions.ends_by_programs = abilities->ender != nullptr;
    }
    decisions.walked = kernel::maps_without_batches();
    if (context.settings.tls) decisions.kernel_tls = context.settings.tls->kernel;
    decisions.kernel_tls_verdict = context.kernel_tls;
    return decisions;
}

json::array feature_rows(const Decisions& decisions) {
    const auto decided = decide(decisions);
    json::array rows;
    for (const auto& feature : model::kernel_features) {
        const auto& [use, detail] = decided.at(feature.name);
        const bool is_lesser = use == Use::replaced || use == Use::missing;
        rows.emplace_back(json::object{{"name", feature.name},
                                       {"use", feature.use},
                                       {"since", feature.since},
                                       {"state", name(use)},
                                       {"detail", detail},
                                       {"cost", is_lesser ? feature.without : std::string_view{}}});
    }
    return rows;
}

json::object features_json(const Context& context) {
    return {{"kernel", acceleration::running_kernel()}, {"features", feature_rows(decisions_of(context))}};
}

}  // namespace meshd::app
