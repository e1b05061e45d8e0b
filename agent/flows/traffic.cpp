// SPDX-License-Identifier: Apache-2.0
#include "flows/traffic.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include <boost/json.hpp>

namespace meshd::flows {

namespace json = boost::json;

namespace {

struct Timing {
    md_timing index;
    std::string_view member, metric, help;
};
constexpr std::array<Timing, MD_TIMINGS> timings{{
    {MD_TIMING_CONNECT, "connect", "meshd_flow_connect_seconds", "Time from SYN to established, of connections to a service."},
    {MD_TIMING_RTT, "rtt", "meshd_flow_rtt_seconds", "Smoothed round-trip time when a connection to a service ended."},
    {MD_TIMING_RESPONSE, "response", "meshd_flow_response_seconds",
     "Time from the end of a request to the first byte of its answer, of connections on the short way."},
}};

std::uint64_t count_of(const md_times& times) {
    std::uint64_t count = 0;
    for (const auto bucket : times.buckets) count += bucket;
    return count;
}

// The upper bound of a bucket; the last has none.
std::uint64_t bound_us(std::size_t bucket) { return std::uint64_t{MD_TIME_UNIT_US} << bucket; }

json::object times_json(const md_times& times) {
    json::array buckets;
    for (const auto count : times.buckets) buckets.emplace_back(count);
    return {{"count", count_of(times)}, {"sum_us", times.sum_us}, {"buckets", std::move(buckets)}};
}

json::object traffic_json(const BackendTraffic& traffic) {
    const auto& counted = traffic.counted;
    return {{"open", traffic.open},
            {"opened", counted.opened},
            {"closed", counted.closed},
            {"failed", counted.failed},
            {"resets", counted.resets},
            {"retransmits", counted.retransmits},
            {"bytes_out", counted.bytes_out},
            {"bytes_in", counted.bytes_in},
            {"short_out", counted.short_out},
            {"short_in", counted.short_in},
            {"forwarded_open", traffic.forwarded.connections},
            {"forwarded_out", traffic.forwarded.numbers.bytes_out},
            {"forwarded_in", traffic.forwarded.numbers.bytes_in}};
}

void add(BackendTraffic& sum, const BackendTraffic& part) {
    flows::add(sum.counted, part.counted);
    sum.open += part.open;
    sum.forwarded.connections += part.forwarded.connections;
    sum.forwarded.numbers.bytes_out += part.forwarded.numbers.bytes_out;
    sum.forwarded.numbers.bytes_in += part.forwarded.numbers.bytes_in;
}

// What is known by name, summed up by it: ids of services that have gone are left out, and a backend that has gone counts for
// its service alone until it is retired.
struct NamedService {
    BackendTraffic all;
    std::map<std::string, BackendTraffic> backends;
};
std::map<reconcile::PortKey, NamedService> by_name(const Totals& totals, const Names& names) {
    std::map<reconcile::PortKey, NamedService> services;
    for (const auto& [id, key] : names.services) services[key];
    for (const auto& [ids, traffic] : totals.backends) {
        const auto service = names.services.find(ids.first);
        if (service == names.services.end()) continue;
        const auto backend = names.backends.find(ids.second);
        auto& named = services[service->second];
        add(named.all, traffic);
        if (ids.second == gone_backends)
            add(named.backends["gone"], traffic);
        else if (backend != names.backends.end())
            add(named.backends[reconcile::decode(backend->second).text()], traffic);
    }
    return services;
}

class Family {
public:
    Family(std::string_view name, std::string_view kind, std::string_view help) : name_(name), kind_(kind), help_(help) {}

    void add(json::object labels, std::uint64_t value) {
        samples_.emplace_back(json::object{{"labels", std::move(labels)}, {"value", static_cast<double>(value)}});
    }
    void add(json::object labels, const md_times& times) {
        json::array buckets;
        std::uint64_t cumulative = 0;
        for (std::size_t i = 0; i + 1 < MD_TIME_BUCKETS; ++i) {
            cumulative += times.buckets[i];
            buckets.emplace_back(json::array{static_cast<double>(bound_us(i)) / 1e6, cumulative});
        }
        samples_.emplace_back(json::object{{"labels", std::move(labels)},
                                           {"count", count_of(times)},
                                           {"sum", static_cast<double>(times.sum_us) / 1e6},
                                           {"buckets", std::move(buckets)}});
    }
    void move_to(json::array& families) {
        families.emplace_back(json::object{{"name", name_}, {"help", help_}, {"kind", kind_}, {"samples", std::move(samples_)}});
    }

private:
    std::string_view name_, kind_, help_;
    json::array samples_;
};

json::object labels_of(const reconcile::PortKey& key) {
    return {{"service", key.service}, {"port", std::to_string(key.port)}, {"protocol", base::name(key.protocol)}};
}

json::object with(json::object labels, std::string_view name, std::string_view value) {
    labels[name] = value;
    return labels;
}

// The families whose series are one for each backend.
class BackendFamilies {
public:
    void add(const json::object& labels, const BackendTraffic& traffic) {
        const auto& counted = traffic.counted;
        events_.add(with(labels, "event", "opened"), counted.opened);
        events_.add(with(labels, "event", "closed"), counted.closed);
        events_.add(with(labels, "event", "failed"), counted.failed);
        events_.add(with(labels, "event", "reset"), counted.resets);
        open_.add(labels, traffic.open);
        retransmits_.add(labels, counted.retransmits);
        const auto way = [&](std::string_view name, std::uint64_t out, std::uint64_t in) {
            bytes_.add(with(with(labels, "way", name), "direction", "out"), out);
            bytes_.add(with(with(labels, "way", name), "direction", "in"), in);
        };
        way("tcp", counted.bytes_out, counted.bytes_in);
        way("short", counted.short_out, counted.short_in);
        if (traffic.forwarded.connections == 0 && traffic.forwarded.numbers.packets_out == 0) return;
        forwarded_.add(with(labels, "direction", "out"), traffic.forwarded.numbers.bytes_out);
        forwarded_.add(with(labels, "direction", "in"), traffic.forwarded.numbers.bytes_in);
    }
    void move_to(json::array& families) {
        events_.move_to(families);
        open_.move_to(families);
        retransmits_.move_to(families);
        bytes_.move_to(families);
        forwarded_.move_to(families);
    }

private:
    Family events_{"meshd_flow_connections_total", "counter",
                   "Connections of local sockets to a backend, by what became of them; a reset one counts as closed, too."};
    Family open_{"meshd_flow_open_connections", "gauge", "Connections of local sockets to a backend that are open."};
    Family retransmits_{"meshd_flow_retransmits_total", "counter", "Segments sent again, of connections that have ended."};
    Family bytes_{"meshd_flow_bytes_total", "counter", "Payload to (out) and from (in) a backend, by the way it took."};
    Family forwarded_{"meshd_flow_forwarded_bytes", "gauge",
                      "Payload of forwarded connections to (out) and from (in) a backend, as long as they are remembered."};
};

}  // namespace

json::object totals_json(const Totals& totals, const Names& names) {
    json::array services;
    for (const auto& [key, service] : by_name(totals, names)) {
        auto row = traffic_json(service.all);
        row["service"] = key.service;
        row["port"] = key.port;
        row["protocol"] = base::name(key.protocol);
        for (const auto& timing : timings) row[timing.member] = times_json(service.all.counted.times[timing.index]);
        json::array backends;
        for (const auto& [name, traffic] : service.backends) {
            auto backend = traffic_json(traffic);
            backend["backend"] = name;
            backends.emplace_back(std::move(backend));
        }
        row["backends"] = std::move(backends);
        services.emplace_back(std::move(row));
    }
    std::uint64_t entries = 0;
    std::uint64_t device_entries = 0;
    for (const auto& [kind, count] : totals.flows) {
        if (kind.first == Source::device) device_entries += count;
        if (kind.first == Source::client || kind.first == Source::server) entries += count;
    }
    json::array bounds;
    for (std::size_t i = 0; i + 1 < MD_TIME_BUCKETS; ++i) bounds.emplace_back(bound_us(i));
    return {{"services", std::move(services)},
            {"bucket_bounds_us", std::move(bounds)},
            {"table",
             {{"entries", entries},
              {"max_entries", totals.capacity},
              {"device_entries", device_entries},
              {"device_max_entries", totals.device_capacity}}}};
}

json::array totals_families(const Totals& totals, const Names& names, std::size_t most_backends) {
    const auto services = by_name(totals, names);
    // Those with the most connections have series of their own.
    std::vector<std::uint64_t> opened;
    for (const auto& [key, service] : services)
        for (const auto& [name, traffic] : service.backends) opened.push_back(traffic.counted.opened);
    std::uint64_t least = 0;
    if (opened.size() > most_backends) {
        std::nth_element(opened.begin(), opened.begin() + static_cast<std::ptrdiff_t>(most_backends), opened.end(),
                         std::greater<>());
        least = opened[most_backends] + 1;
    }

    json::array families;
    BackendFamilies by_backend;
    for (const auto& [key, service] : services) {
        BackendTraffic other;
        bool has_other = false;
        for (const auto& [name, traffic] : service.backends) {
            if (traffic.counted.opened >= least) {
                by_backend.add(with(labels_of(key), "backend", name), traffic);
                continue;
            }
            add(other, traffic);
            has_other = true;
        }
        if (has_other) by_backend.add(with(labels_of(key), "backend", "other"), other);
    }
    by_backend.move_to(families);
    for (const auto& timing : timings) {
        Family family(timing.metric, "histogram", timing.help);
        for (const auto& [key, service] : services)
            if (const auto& times = service.all.counted.times[timing.index]; count_of(times) != 0)
                family.add(labels_of(key), times);
        family.move_to(families);
    }
    Family table("meshd_flow_table_entries", "gauge", "Flows in the table, by how the node knows of them and their state.");
    for (const auto& [kind, count] : totals.flows)
        table.add({{"source", control::flow_sources.at(static_cast<std::size_t>(kind.first))},
                   {"state", control::flow_states.at(static_cast<std::size_t>(kind.second))}},
                  count);
    table.move_to(families);
    Family capacity("meshd_flow_table_max_entries", "gauge", "Flows that the table can hold, of sockets and of devices.");
    capacity.add({{"of", "sockets"}}, totals.capacity);
    capacity.add({{"of", "devices"}}, totals.device_capacity);
    capacity.move_to(families);
    return families;
}

}  // namespace meshd::flows
