// SPDX-License-Identifier: Apache-2.0
#include "app/standing_view.hpp"

#include <map>

#include <boost/json.hpp>

#include "base/time_text.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

using health::State;

constexpr std::array<State, 5> all_states{State::ready, State::drain, State::maint, State::unhealthy, State::ejected};
constexpr std::size_t most_series = 1000;  // of single backends

using Counts = std::array<std::uint64_t, all_states.size()>;

std::uint64_t& count_of(Counts& counts, State state) { return counts.at(static_cast<std::size_t>(state)); }

// Those that are not ready, by port: all others are.
std::map<reconcile::PortKey, Counts> not_ready(const health::BackendStates& states) {
    std::map<reconcile::PortKey, Counts> counts;
    for (const auto& [key, standing] : states.known())
        if (standing.state != State::ready) ++count_of(counts[key.port], standing.state);
    return counts;
}

json::object port_labels(const reconcile::PortKey& port) {
    return {{"service", port.service}, {"port", std::to_string(port.port)}, {"protocol", base::name(port.protocol)}};
}

void add(json::array& samples, json::object labels, double value) {
    samples.emplace_back(json::object{{"labels", std::move(labels)}, {"value", value}});
}

void move_to(json::array& families, std::string_view name, std::string_view kind, std::string_view help, json::array samples) {
    families.emplace_back(json::object{{"name", name}, {"help", help}, {"kind", kind}, {"samples", std::move(samples)}});
}

void add_ports(const Context& context, json::array& families) {
    auto others = not_ready(context.health->states());
    json::array samples;
    json::array panics;
    for (const auto& [name, service] : context.reconciler->desired().services)
        for (const auto& port : service->ports) {
            const reconcile::PortKey key{name, port.number, port.protocol};
            auto counts = others[key];
            auto ready = port.backends.size();
            for (const auto count : counts) ready -= std::min<std::size_t>(ready, count);
            count_of(counts, State::ready) = ready;
            for (const auto state : all_states) {
                if (count_of(counts, state) == 0 && state != State::ready) continue;  // a port without ready ones must show
                auto labels = port_labels(key);
                labels["state"] = health::name(state);
                add(samples, std::move(labels), static_cast<double>(count_of(counts, state)));
            }
            if (context.health->states().in_panic(key)) add(panics, port_labels(key), 1);
        }
    move_to(families, "meshd_backends", "gauge", "Backends of a service's port, by state.", std::move(samples));
    move_to(families, "meshd_panic", "gauge",
            "1 for a port of which too few backends are usable, so that unhealthy and ejected ones are used; absent otherwise.",
            std::move(panics));
}

}  // namespace

void add_standing(const Context& context, const reconcile::PortKey& port, const base::SocketAddress& backend, json::object& row) {
    const auto standing = context.health->states().standing({port, backend});
    row["state"] = health::name(standing.state);
    row["reason"] = standing.reason;
    row["since"] = standing.since ? base::time_text(*standing.since) : "";
    row["until"] = standing.until ? json::value(base::time_text(*standing.until)) : json::value(nullptr);
    row["in_panic"] = standing.in_panic;
}

json::object backend_counts(const Context& context) {
    std::uint64_t total = 0;
    for (const auto& [name, service] : context.reconciler->desired().services)
        for (const auto& port : service->ports) total += port.backends.size();
    Counts counts{};
    for (const auto& [key, standing] : context.health->states().known())
        if (standing.state != State::ready) ++count_of(counts, standing.state);
    auto ready = total;
    for (const auto count : counts) ready -= std::min(ready, count);
    count_of(counts, State::ready) = ready;
    json::object object{{"total", total}};
    for (const auto state : all_states) object[health::name(state)] = count_of(counts, state);
    return object;
}

void add_state_families(const Context& context, json::array& families) {
    add_ports(context, families);
    json::array states;
    std::uint64_t left_out = 0;
    for (const auto& [key, standing] : context.health->states().known()) {
        if (standing.state == State::ready) continue;
        if (states.size() == most_series) {
            ++left_out;
            continue;
        }
        auto labels = port_labels(key.port);
        labels["backend"] = key.endpoint.text();
        labels["state"] = health::name(standing.state);
        add(states, std::move(labels), 1);
    }
    move_to(families, "meshd_backend_state", "gauge",
            "1 for a backend that is not ready, with its state; at most 1000 of them, the rest are counted in "
            "meshd_backend_state_left_out.",
            std::move(states));
    json::array rest;
    add(rest, {}, static_cast<double>(left_out));
    move_to(families, "meshd_backend_state_left_out", "gauge", "Backends that are not ready and have no series of their own.",
            std::move(rest));
    json::array events;
    const auto& totals = context.health->feed().log().totals();
    for (std::size_t kind = 0; kind < totals.size(); ++kind)
        add(events, {{"kind", health::event_kinds.at(kind)}}, static_cast<double>(totals.at(kind)));
    move_to(families, "meshd_events_total", "counter", "Changes of backends and ports: what `meshctl event list` shows.",
            std::move(events));
}

}  // namespace meshd::app
