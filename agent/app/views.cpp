// SPDX-License-Identifier: Apache-2.0
#include "app/views.hpp"

#include <algorithm>
#include <array>

#include <spdlog/spdlog.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "acceleration/verdict_file.hpp"
#include "acceleration/view.hpp"
#include "app/announcement_setup.hpp"
#include "app/drift_view.hpp"
#include "app/edge_view.hpp"
#include "app/explanation.hpp"
#include "app/map_view.hpp"
#include "app/policy_view.hpp"
#include "app/service_view.hpp"
#include "app/standing_view.hpp"
#include "app/tls_view.hpp"
#include "base/time_text.hpp"
#include "base/version.hpp"
#include "config/settings_file.hpp"
#include "forwarding/view.hpp"
#include "kernel/tls_hooks.hpp"
#include "reconcile/proposal.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

std::int64_t seconds_since(std::chrono::system_clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - then).count();
}

json::array retired_json(const std::vector<RetiredWorkers::One>& workers) {
    json::array all;
    for (const auto& worker : workers)
        all.emplace_back(json::object{
            {"pid", worker.pid}, {"since", base::time_text(worker.since)}, {"until", base::time_text(worker.until)}});
    return all;
}

json::object worker_json(const WorkerStatus& worker, json::array retired) {
    return {{"state", name(worker.state)},   {"pid", worker.pid},
            {"restarts", worker.restarts},   {"since", base::time_text(worker.since)},
            {"last_exit", worker.last_exit}, {"retired", std::move(retired)}};
}

json::object log_json(const Context& context) {
    const auto& until = context.log_override ? context.log_override->until : std::nullopt;
    return {{"level", config::name(context.log_level())},
            {"configured", config::name(context.settings.log_level)},
            {"until", until ? base::time_text(*until) : ""}};
}

json::object registry_json(const Context& context) {
    json::array sources;
    for (const auto& source : context.registry.sources)
        sources.emplace_back(json::object{{"name", source.name},
                                          {"state", source.ok ? "ok" : "refused"},
                                          {"services", source.services},
                                          {"error", source.error},
                                          {"since", source.since}});
    return {{"complete", context.reconciler->desired().complete},
            {"directory", context.settings.registry_directory},
            {"directory_error", context.registry.directory_error},
            {"sources", std::move(sources)}};
}

json::object desired_json(const Context& context) {
    const auto& desired = context.reconciler->desired();
    const char* const from = context.origin == Origin::registry     ? "registry"
                             : context.origin == Origin::state_file ? "state file"
                                                                    : "maps";
    const bool known = context.desired_at != std::chrono::system_clock::time_point{};
    return {{"version", desired.version},
            {"services", desired.services.size()},
            {"from", from},
            {"age_s", known ? seconds_since(context.desired_at) : 0}};
}

json::object reconcile_json(const Context& context) {
    const auto& figures = context.reconciler->figures();
    const auto& drift = context.reconciler->last_drift();
    return {{"last_at", base::time_text(figures.last_at)},
            {"last_duration_us", figures.last_duration.count()},
            {"interval_s", static_cast<double>(context.settings.reconcile_interval.count()) / 1000},
            {"runs_total", figures.runs},
            {"errors_total", figures.errors},
            {"drift_total", figures.drift_operations},
            {"drift_last_at", drift ? base::time_text(drift->at) : ""}};
}

json::object acceleration_json(const acceleration::Accelerator& accelerator) {
    const auto counts = accelerator.short_way().count_pairs();
    return {{"mode", config::name(accelerator.policy().mode)},
            {"reason", accelerator.policy().reason},
            {"connections", counts ? counts->enrolled : 0}};
}

json::array programs_json(const Context& context) {
    json::array programs;
    auto all = context.datapath->programs();
    for (auto& program : kernel::tls_programs(*context.datapath)) all.push_back(std::move(program));
    for (const auto& program : all)
        programs.emplace_back(
            json::object{{"name", program.name}, {"attach", program.attach}, {"id", program.id}, {"attached", program.attached}});
    return programs;
}

json::array degraded_json(const Degradations& degradations) {
    json::array rows;
    for (const auto& [feature, degradation] : degradations.all())
        rows.emplace_back(json::object{{"feature", feature},
                                       {"reason", degradation.reason},
                                       {"since", base::time_text(degradation.since)},
                                       {"remedy", degradation.remedy}});
    return rows;
}

json::object events_json(const kernel::Datapath& datapath) {
    json::object events;
    const auto reasons = kernel::read_reasons(datapath);
    if (!reasons) return events;
#define X(enumerator, label, meaning) events[label] = (*reasons)[MD_REASON_##enumerator];
    MD_REASONS(X)
#undef X
    return events;
}

}  // namespace

json::array operations_json(const reconcile::Plan& plan) {
    json::array rows;
    for (const auto& operation : plan) {
        const bool backend =
            operation.kind == reconcile::OperationKind::set_backend || operation.kind == reconcile::OperationKind::remove_backend;
        const bool frontend = operation.kind == reconcile::OperationKind::publish_frontend ||
                              operation.kind == reconcile::OperationKind::remove_frontend;
        std::string object;
        if (operation.kind == reconcile::OperationKind::set_backend) object = reconcile::text(operation.backend.endpoint);
        if (frontend) object = reconcile::text(operation.frontend);
        rows.emplace_back(json::object{{"operation", reconcile::name(operation.kind)},
                                       {"service", operation.service},
                                       {"id", backend ? operation.backend_id : operation.service_id},
                                       {"object", object},
                                       {"text", reconcile::text(operation)}});
    }
    return rows;
}

json::object Views::version() { return {{"version", base::version}, {"commit", base::commit}, {"abi", MD_ABI_VERSION}}; }

json::object Views::status() {
    const auto& desired = context_.reconciler->desired();
    const auto pending = context_.reconciler->pending().size();
    auto view = version();
    view["pid"] = ::getpid();
    view["started_at"] = base::time_text(context_.started_at);
    view["uptime_s"] = seconds_since(context_.started_at);
    view["state"] = context_.starting ? "starting" : context_.degradations.all().empty() ? "ok" : "degraded";
    view["kernel"] = acceleration::running_kernel();
    view["log"] = log_json(context_);
    view["cgroup"] = context_.cgroup_path;
    view["pins"] = context_.datapath->pins().version_directory();
    view["adopted"] = context_.adopted;
    view["worker"] = worker_json(context_.worker(), retired_json(context_.retired_workers()));
    view["registry"] = registry_json(context_);
    view["desired"] = desired_json(context_);
    view["services"] = json::object{{"total", desired.services.size()},
                                    {"applied", desired.services.size() - std::min(pending, desired.services.size())},
                                    {"pending", pending}};
    view["backends"] = backend_counts(context_);
    view["reconcile"] = reconcile_json(context_);
    view["acceleration"] = acceleration_json(*context_.accelerator);
    view["forwarding"] = forwarding::status_json(*context_.forwarder);
    view["programs"] = programs_json(context_);
    view["degraded"] = degraded_json(context_.degradations);
    view["events"] = events_json(*context_.datapath);
    return view;
}

base::Result<json::object> Views::services() {
    const auto connects = kernel::Connects::read(*context_.datapath);
    if (!connects) return tl::make_unexpected(connects.error());
    json::array rows;
    for (const auto& [name, service] : context_.reconciler->desired().services)
        rows.emplace_back(service_view(context_, *service, *connects));
    return json::object{{"services", std::move(rows)}};
}

base::Result<std::optional<json::object>> Views::service(std::string_view name) {
    const auto& services = context_.reconciler->desired().services;
    const auto found = services.find(name);
    if (found == services.end()) return std::optional<json::object>{};
    const auto connects = connects_of(context_, *found->second);
    if (!connects) return tl::make_unexpected(connects.error());
    return std::optional(json::object{{"service", service_view(context_, *found->second, *connects)}});
}

base::Result<json::object> Views::backends() {
    const auto connects = kernel::Connects::read(*context_.datapath);
    if (!connects) return tl::make_unexpected(connects.error());
    json::array rows;
    for (const auto& [name, service] : context_.reconciler->desired().services)
        append_backends(context_, *service, *connects, rows);
    return json::object{{"backends", std::move(rows)}};
}

json::object Views::drift() { return drift_json(context_); }

base::Result<json::object> Views::maps() { return map_views(*context_.datapath, context_.reconciler->realized()); }

json::object Views::devices() { return forwarding::devices_json(*context_.forwarder); }

json::object Views::registries() {
    auto all = context_.registries;
    for (auto& one : all) {
        auto& registry = one.as_object();
        const auto* const at = registry.if_contains("last_answer_unix");
        if (at == nullptr || !at->is_int64() || at->get_int64() == 0) continue;
        // The clock may have been set back since.
        registry["age_s"] = std::max(base::unix_seconds(std::chrono::system_clock::now()) - at->get_int64(), std::int64_t{0});
    }
    return {{"registries", std::move(all)}};
}

base::Result<std::optional<json::object>> Views::sync_registry(const std::optional<std::string>& name) {
    const auto& all = context_.registries;
    const auto is_it = [&](const json::value& one) { return one.at("name") == json::value(*name); };
    if (name && std::none_of(all.begin(), all.end(), is_it)) return std::optional<json::object>{};
    if (auto asked = actions_.sync_registry(name.value_or("")); !asked) return tl::make_unexpected(asked.error());
    return std::optional(json::object{{"asked", name.value_or("")}});
}

base::Result<json::object> Views::identities(std::optional<std::int32_t> pid) { return identities_json(context_, pid); }

json::object Views::announcements() { return {{"announcements", announcement_rows(context_)}}; }

json::object Views::edge() { return edge_json(context_); }

json::object Views::certificates() { return {{"certificates", context_.certificates}}; }

base::Result<std::optional<json::object>> Views::drain_announcement(const std::string& name, bool is_drained) {
    const auto found = actions_.drain_announcement(name, is_drained);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) return std::optional<json::object>{};
    json::array rows;
    for (const auto& row : announcement_rows(context_))
        if (row.at("name").as_string() == name) rows.push_back(row);
    return std::optional(json::object{{"announcements", std::move(rows)}});
}

base::Result<json::object> Views::policy() { return policy_view(context_); }

base::Result<json::object> Views::policy_check(const control::PolicyQuery& query) { return app::policy_check(context_, query); }

base::Result<json::object> Views::explain(const control::ExplainQuery& query) { return explanation(context_, query); }

base::Result<json::object> Views::plan(control::PlanQuery query) {
    static const reconcile::Services none;
    const auto& others = query.of_files ? context_.reconciler->desired().services : none;
    auto services = reconcile::beside_other_registries(std::move(query.services), query.asked, query.complete, others);
    return json::object{{"operations", operations_json(context_.reconciler->preview(std::move(services), query.complete))}};
}

base::Result<json::object> Views::reconcile() {
    const auto repaired = actions_.check();
    if (!repaired) return tl::make_unexpected(repaired.error());
    json::array errors;
    for (const auto& [service, why] : context_.reconciler->pending())
        errors.emplace_back(json::object{{"service", service}, {"message", why}});
    return json::object{{"operations", operations_json(*repaired)}, {"errors", std::move(errors)}};
}

json::object Views::acceleration() { return acceleration::status_json(*context_.accelerator); }

base::Result<json::object> Views::acceleration_top() {
    return acceleration::top_json(*context_.accelerator, context_.reconciler->realized(), acceleration::Detail::pairs);
}

base::Result<std::optional<json::object>> Views::pause_acceleration(const control::PauseQuery& query) {
    if (query.service && !context_.reconciler->desired().services.contains(*query.service)) return std::optional<json::object>{};
    if (auto paused = actions_.pause_acceleration(query); !paused) return tl::make_unexpected(paused.error());
    const auto until = query.duration ? base::time_text(std::chrono::system_clock::now() + *query.duration) : "";
    return std::optional(json::object{{"paused", query.service.value_or("")}, {"until", until}});
}

base::Result<std::optional<json::object>> Views::resume_acceleration(const std::optional<std::string>& service) {
    if (service && !context_.reconciler->desired().services.contains(*service)) return std::optional<json::object>{};
    if (auto resumed = actions_.resume_acceleration(service); !resumed) return tl::make_unexpected(resumed.error());
    return std::optional(json::object{{"resumed", service.value_or("")}});
}

base::Result<json::object> Views::selftest_acceleration() {
    if (auto tested = actions_.test_acceleration(); !tested) return tl::make_unexpected(tested.error());
    const auto& accelerator = *context_.accelerator;
    return json::object{{"mode", config::name(accelerator.policy().mode)},
                        {"reason", accelerator.policy().reason},
                        {"selftest", acceleration::selftest_to_json(accelerator.verdict())}};
}

void Views::flows(const control::FlowQuery& query, control::Later later) { context_.flows->list(query, std::move(later)); }

void Views::watch_flows(const control::WatchQuery& query, control::Later later) {
    context_.flows->watch(query, std::move(later));
}

void Views::traffic(control::Later later) { context_.flows->traffic(std::move(later)); }

void Views::flush_connections(const control::FlowQuery& query, control::Later later) {
    context_.flows->flush(query, std::move(later));
}

}  // namespace meshd::app
