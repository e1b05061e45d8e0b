// SPDX-License-Identifier: Apache-2.0
#include "app/metrics.hpp"

#include <array>
#include <fstream>

#include <unistd.h>
#include <boost/json.hpp>

#include "acceleration/view.hpp"
#include "app/map_view.hpp"
#include "app/policy_metrics.hpp"
#include "app/standing_view.hpp"
#include "base/version.hpp"
#include "kernel/counters.hpp"
#include "sockets/view.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

class Family {
public:
    Family(std::string_view name, std::string_view kind, std::string_view help) : name_(name), kind_(kind), help_(help) {}

    template <typename Number>
    void add(json::object labels, Number value) {
        samples_.emplace_back(json::object{{"labels", std::move(labels)}, {"value", static_cast<double>(value)}});
    }
    void add_sample(json::object sample) { samples_.emplace_back(std::move(sample)); }

    void move_to(json::array& families) {
        families.emplace_back(json::object{{"name", name_}, {"help", help_}, {"kind", kind_}, {"samples", std::move(samples_)}});
    }

private:
    std::string_view name_, kind_, help_;
    json::array samples_;
};

template <typename Number>
void single(json::array& families, std::string_view name, std::string_view kind, std::string_view help, Number value) {
    Family family(name, kind, help);
    family.add({}, value);
    family.move_to(families);
}

double seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_build(json::array& families) {
    Family build("meshd_build_info", "gauge", "Version of the agent; always 1.");
    build.add({{"version", base::version}, {"commit", base::commit}, {"abi", std::to_string(MD_ABI_VERSION)}}, 1);
    build.move_to(families);
}

void add_services(const Context& context, json::array& families) {
    const auto& desired = context.reconciler->desired();
    const auto pending = std::min(context.reconciler->pending().size(), desired.services.size());
    Family services("meshd_services", "gauge",
                    "Services that the registries name, by whether the kernel has them as they should be.");
    services.add({{"status", "applied"}}, desired.services.size() - pending);
    services.add({{"status", "pending"}}, pending);
    services.move_to(families);
}

// Of backends that are probed only.
void add_probes(const Context& context, json::array& families) {
    Family healthy("meshd_backend_healthy", "gauge",
                   "1 when probes say that the backend is healthy, or none has decided otherwise.");
    for (const auto& [name, service] : context.reconciler->desired().services) {
        if (!service->health.probe) continue;
        for (const auto& port : service->ports) {
            json::object labels{
                {"service", name}, {"port", std::to_string(port.number)}, {"protocol", base::name(port.protocol)}};
            for (const auto& backend : port.backends) {
                labels["backend"] = backend.endpoint.text();
                healthy.add(labels, context.probes.verdict(*service, port, backend.endpoint).healthy ? 1 : 0);
            }
        }
    }
    healthy.move_to(families);
}

// Series appear when they first count: a service that nobody uses costs nothing.
void add_connects(const Context& context, json::array& families) {
    const auto connects = kernel::Connects::read(*context.datapath);
    if (!connects) return;
    Family calls("meshd_connects_total", "counter", "connect() calls to a service address; a refused one reached no backend.");
    Family datagrams("meshd_datagrams_total", "counter",
                     "Unconnected datagrams to a service address; a refused one reached no backend.");
    const auto add = [&](const reconcile::PortKey& key, const std::string& backend, const md_connects& count) {
        const json::object labels{{"service", key.service},
                                  {"port", std::to_string(key.port)},
                                  {"protocol", base::name(key.protocol)},
                                  {"backend", backend},
                                  {"outcome", backend.empty() ? "refused" : "forwarded"}};
        if (count.connects != 0) calls.add(labels, count.connects);
        if (count.datagrams != 0) datagrams.add(labels, count.datagrams);
    };
    for (const auto& [id, service] : context.reconciler->realized().services()) {
        if (!service.name) continue;
        add(*service.name, {}, connects->of(id, 0));
        for (const auto& [backend_id, backend] : service.backends)
            add(*service.name, reconcile::decode(backend.endpoint).text(), connects->of(id, backend_id));
    }
    calls.move_to(families);
    datagrams.move_to(families);
}

void add_reconcile(const Context& context, json::array& families) {
    const auto& figures = context.reconciler->figures();
    Family durations("meshd_reconcile_duration_seconds", "histogram",
                     "Time to bring the kernel's maps to the desired state, for each change.");
    json::array buckets;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < reconcile::duration_bounds_us.size(); ++i) {
        cumulative += figures.durations[i];
        buckets.emplace_back(json::array{static_cast<double>(reconcile::duration_bounds_us[i]) / 1e6, cumulative});
    }
    durations.add_sample({{"labels", json::object{}},
                          {"count", figures.runs},
                          {"sum", std::chrono::duration<double>(figures.total_duration).count()},
                          {"buckets", std::move(buckets)}});
    durations.move_to(families);
    single(families, "meshd_reconcile_operations_total", "counter", "Changes of the kernel's maps that succeeded.",
           figures.operations);
    single(families, "meshd_reconcile_errors_total", "counter", "Services that a change could not be applied to, each time.",
           figures.errors);
    single(families, "meshd_drift_checks_total", "counter", "Full comparisons of the kernel's maps with the desired state.",
           figures.checks);
    single(families, "meshd_drift_operations_total", "counter",
           "Changes of the kernel's maps that nobody planned and that were repaired.", figures.drift_operations);
    single(families, "meshd_desired_version", "gauge", "Number of the desired state; it grows with each change.",
           context.reconciler->desired().version);
    if (context.desired_at != std::chrono::system_clock::time_point{})
        single(families, "meshd_desired_changed_timestamp_seconds", "gauge", "When the desired state last changed.",
               seconds(context.desired_at));
}

void add_datapath(const Context& context, json::array& families) {
    if (const auto reasons = kernel::read_reasons(*context.datapath)) {
        Family events("meshd_datapath_events_total", "counter", "What the programs in the kernel decided, by reason.");
#define X(enumerator, label, meaning) events.add({{"reason", label}}, (*reasons)[MD_REASON_##enumerator]);
        MD_REASONS(X)
#undef X
        events.move_to(families);
    }
    Family attached("meshd_program_attached", "gauge", "1 when the program stands on its hook.");
    for (const auto& program : context.datapath->programs()) attached.add({{"program", program.name}}, program.attached ? 1 : 0);
    attached.move_to(families);

    const auto fills = map_fills(*context.datapath, context.reconciler->realized());
    if (!fills) return;
    Family entries("meshd_map_entries", "gauge", "Entries in a BPF map.");
    Family bounds("meshd_map_max_entries", "gauge", "Entries that a BPF map can hold.");
    Family memory("meshd_map_memory_bytes", "gauge", "Memory that the kernel accounts to a BPF map.");
    for (const auto& fill : *fills) {
        const json::object labels{{"map", fill.info.name}};
        if (fill.entries >= 0) entries.add(labels, fill.entries);
        if (fill.info.max_entries != 0) bounds.add(labels, fill.info.max_entries);
        memory.add(labels, fill.info.memory_bytes);
    }
    entries.move_to(families);
    bounds.move_to(families);
    memory.move_to(families);
}

void add_acceleration(const Context& context, json::array& families) {
    const auto& accelerator = *context.accelerator;
    Family mode("meshd_acceleration_mode", "gauge", "1 for the mode that the short way is in.");
    for (const auto one : {config::AccelerationMode::on, config::AccelerationMode::named, config::AccelerationMode::off})
        mode.add({{"mode", config::name(one)}}, accelerator.policy().mode == one ? 1 : 0);
    mode.move_to(families);
    single(families, "meshd_acceleration_paused", "gauge", "1 while the short way of the whole node is paused.",
           accelerator.paused() ? 1 : 0);
    if (const auto counts = accelerator.short_way().count_pairs()) {
        Family pairs("meshd_acceleration_connections", "gauge", "Open connections that were paired, by whether they have left.");
        pairs.add({{"state", "short"}}, counts->enrolled);
        pairs.add({{"state", "left"}}, counts->left);
        pairs.move_to(families);
    }
    single(families, "meshd_acceleration_woken_total", "counter", "Readers woken after their connection left the short way.",
           accelerator.leaver().woken());

    const auto top = acceleration::top_json(accelerator, context.reconciler->realized(), acceleration::Detail::services);
    if (!top) return;
    Family opened("meshd_acceleration_opened_total", "counter", "Connections that were paired.");
    Family left("meshd_acceleration_left_total", "counter", "Connections that left the short way for good.");
    Family bytes("meshd_acceleration_bytes_total", "counter", "Bytes of connections that were paired, by the way they took.");
    Family why("meshd_acceleration_tcp_total", "counter", "Connections not paired, and messages sent by TCP, by reason.");
    for (const auto& row : top->at("services").as_array()) {
        const auto& service = row.as_object();
        const auto with = [&](json::object labels) {
            labels["service"] = service.at("service");
            labels["port"] = std::to_string(service.at("port").to_number<std::uint16_t>());
            return labels;
        };
        opened.add(with({}), service.at("opened").to_number<std::uint64_t>());
        left.add(with({}), service.at("left").to_number<std::uint64_t>());
        bytes.add(with({{"way", "short"}}), service.at("bytes_short").to_number<std::uint64_t>());
        bytes.add(with({{"way", "tcp"}}), service.at("bytes_tcp").to_number<std::uint64_t>());
        for (const auto& [reason, count] : service.at("why_tcp").as_object())
            why.add(with({{"reason", reason}}), count.to_number<std::uint64_t>());
    }
    opened.move_to(families);
    left.move_to(families);
    bytes.move_to(families);
    why.move_to(families);
}

void add_forwarding(const Context& context, json::array& families) {
    const auto& forwarder = *context.forwarder;
    Family devices("meshd_device_attached", "gauge", "1 when the programs stand at a device that the configuration names.");
    for (const auto& status : forwarder.devices())
        devices.add({{"device", status.device.name},
                     {"by", status.mechanism == 0 ? "" : kernel::name(static_cast<md_mechanism>(status.mechanism))}},
                    status.mechanism != 0 && status.error.empty() ? 1 : 0);
    devices.move_to(families);
    if (!forwarder.enabled()) return;
    const auto& counts = forwarder.sweeper().counts();
    Family tracks("meshd_tracks", "gauge",
                  "Directions of forwarded connections that are remembered, as the last pass over them found.");
    tracks.add({{"state", "opening"}}, counts.opening);
    tracks.add({{"state", "open"}}, counts.tracks);
    tracks.move_to(families);
    single(families, "meshd_tracks_max", "gauge", "The most that can be remembered; then the oldest give way.",
           forwarder.most_tracks());
    single(families, "meshd_tracks_removed_total", "counter", "Directions that were forgotten since they were over.",
           counts.removed);
}

// proc_pid_statm(5): the second field is the resident set in pages.
double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double size = 0;
    double resident = 0;
    statm >> size >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void add_agent(const Context& context, json::array& families) {
    Family degraded("meshd_degraded", "gauge", "Something that does not work as it should, and why; gone when it works again.");
    for (const auto& [feature, degradation] : context.degradations.all())
        degraded.add({{"feature", feature}, {"reason", degradation.reason}}, 1);
    degraded.move_to(families);
    single(families, "meshd_degraded_features", "gauge", "How many things do not work as they should.",
           context.degradations.all().size());
    const auto worker = context.worker();
    single(families, "meshd_worker_restarts_total", "counter", "Starts of the worker after the first one.", worker.restarts);
    single(families, "meshd_agent_start_time_seconds", "gauge", "When the agent started.", seconds(context.started_at));
    single(families, "meshd_agent_resident_memory_bytes", "gauge", "Resident memory of the agent.", resident_bytes());
}

}  // namespace

json::array metric_families(const Context& context) {
    json::array families;
    add_build(families);
    add_services(context, families);
    add_probes(context, families);
    add_state_families(context, families);
    add_connects(context, families);
    add_reconcile(context, families);
    add_datapath(context, families);
    add_acceleration(context, families);
    add_forwarding(context, families);
    sockets::add_families(*context.stale_sockets, families);
    add_policy(context, families);
    add_limits(context, families);
    add_agent(context, families);
    return families;
}

}  // namespace meshd::app
