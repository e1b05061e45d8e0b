// SPDX-License-Identifier: Apache-2.0
#include "sockets/view.hpp"

#include <boost/json.hpp>

#include "base/time_text.hpp"

namespace meshd::sockets {

namespace json = boost::json;

namespace {

constexpr std::array<const char*, 2> protocols{"tcp", "udp"};

// Times of CLOCK_BOOTTIME as the wall clock stands now.
std::string wall_text(std::uint64_t then_ns, std::uint64_t now_ns) {
    const std::chrono::nanoseconds away(static_cast<std::int64_t>(then_ns - now_ns));
    return base::time_text(std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::microseconds>(away));
}

std::uint64_t sum(const Counts& counts) {
    std::uint64_t total = 0;
    for (const auto& row : counts)
        for (const auto one : row) total += one;
    return total;
}

json::object departure_json(const Departure& departure, std::uint64_t now_ns) {
    const auto at = departure.closes_at();
    return {{"service", departure.service},
            {"backend", reconcile::decode(departure.backend).text()},
            {"protocol", base::name(reconcile::protocol_of(departure.backend))},
            {"why", whys.at(static_cast<std::size_t>(departure.why))},
            {"since", wall_text(departure.since_ns, now_ns)},
            {"closes_at", at ? wall_text(*at, now_ns) : ""},
            {"sockets", departure.open},
            {"forwarded", departure.forwarded},
            {"closed", departure.closed}};
}

void add_family(json::array& families, std::string_view name, std::string_view kind, std::string_view help,
                const Counts& counts) {
    json::array samples;
    for (std::size_t protocol = 0; protocol < protocols.size(); ++protocol)
        for (std::size_t why = 0; why < whys.size(); ++why)
            samples.emplace_back(
                json::object{{"labels", json::object{{"protocol", protocols.at(protocol)}, {"why", whys.at(why)}}},
                             {"value", static_cast<double>(counts.at(protocol).at(why))}});
    families.emplace_back(json::object{{"name", name}, {"help", help}, {"kind", kind}, {"samples", std::move(samples)}});
}

}  // namespace

json::object drift_json(const StaleSockets& stale) {
    const auto& figures = stale.figures();
    const auto now = boottime_ns();
    json::array rows;
    for (const auto& [key, departure] : stale.departures())
        if (departure.open + departure.forwarded + departure.closed != 0) rows.emplace_back(departure_json(departure, now));
    return {{"last_pass_at", base::time_text(figures.at)},
            {"passes_total", figures.passes},
            {"took_us", figures.took.count()},
            {"sockets", figures.sockets},
            {"namespaces", figures.namespaces},
            {"closed_total", sum(figures.closed)},
            {"forwarded_closed_total", sum(figures.forwarded)},
            {"backends", std::move(rows)}};
}

void add_families(const StaleSockets& stale, json::array& families) {
    Counts open{};
    for (const auto& [key, departure] : stale.departures())
        open.at(departure.backend.protocol == static_cast<std::uint8_t>(base::Protocol::tcp) ? 0 : 1)
            .at(static_cast<std::size_t>(departure.why)) += departure.open;
    add_family(families, "meshd_stale_sockets", "gauge",
               "Sockets that the last pass found connected to backends that have left, or are leaving.", open);
    add_family(families, "meshd_stale_sockets_closed_total", "counter",
               "Sockets that were closed since their backend has left, or is leaving.", stale.figures().closed);
    add_family(families, "meshd_stale_forwarded_closed_total", "counter",
               "Forwarded connections that were forgotten for that reason.", stale.figures().forwarded);
}

}  // namespace meshd::sockets
