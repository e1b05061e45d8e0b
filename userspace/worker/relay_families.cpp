// SPDX-License-Identifier: Apache-2.0
#include "worker/relay_families.hpp"

#include <array>
#include <string>

#include "worker/family.hpp"

namespace meshd::worker {

namespace {

using prometheus::MetricType;

struct Counted {
    const char* name;
    const char* help;
    MetricType type;
    std::uint64_t relay::DirectionFigures::*figure;
};

constexpr std::array<Counted, 9> of_directions{{
    {"meshd_tls_resumed_total", "Handshakes that took up an earlier session.", MetricType::Counter,
     &relay::DirectionFigures::resumed},
    {"meshd_tls_relays_open", "Connections that are relayed now.", MetricType::Gauge, &relay::DirectionFigures::open},
    {"meshd_tls_relays_total", "Connections that were relayed.", MetricType::Counter, &relay::DirectionFigures::relayed},
    {"meshd_tls_refused_total", "Connections that were not relayed: nobody knows where to, or they must not.",
     MetricType::Counter, &relay::DirectionFigures::refused},
    {"meshd_tls_denied_total", "Connections that a rule of the policy denied by identity.", MetricType::Counter,
     &relay::DirectionFigures::denied},
    {"meshd_tls_audited_total", "Connections that a rule would have denied, but the policy is in audit mode.",
     MetricType::Counter, &relay::DirectionFigures::audited},
    {"meshd_tls_resets_total", "Relayed connections that did not end well on both sides.", MetricType::Counter,
     &relay::DirectionFigures::reset},
    {"meshd_tls_kernel_failures_total", "Connections that were reset since kernel TLS could not go on with them.",
     MetricType::Counter, &relay::DirectionFigures::kernel_failures},
    {"meshd_tls_spliced_bytes_total", "Bytes from other workers that went past this one, by splice.", MetricType::Counter,
     &relay::DirectionFigures::spliced},
}};

std::string text(relay::Direction direction) { return std::string(relay::name(direction)); }

template <typename Add>
void for_each_direction(const relay::Figures& figures, Add add) {
    for (const auto direction : {relay::Direction::outbound, relay::Direction::inbound, relay::Direction::edge})
        add(text(direction), figures.directions.at(static_cast<std::size_t>(direction)));
}

prometheus::MetricFamily handshakes(const relay::Figures& figures) {
    Family family("meshd_tls_handshakes_total",
                  "Handshakes between workers, and with clients of edge listeners, by how they ended.", MetricType::Counter);
    for_each_direction(figures, [&](const std::string& direction, const relay::DirectionFigures& of) {
        for (std::size_t i = 0; i < of.handshakes.size(); ++i)
            family.add({{"direction", direction}, {"result", std::string(tls::name(static_cast<tls::HandshakeResult>(i)))}},
                       of.handshakes.at(i));
    });
    return family.take();
}

prometheus::MetricFamily bytes(const relay::Figures& figures) {
    Family family("meshd_tls_bytes_total", "Plain bytes from (in) and to (out) applications of this host.", MetricType::Counter);
    for_each_direction(figures, [&](const std::string& direction, const relay::DirectionFigures& of) {
        family.add({{"direction", direction}, {"way", "in"}}, of.bytes_in);
        family.add({{"direction", direction}, {"way", "out"}}, of.bytes_out);
    });
    return family.take();
}

prometheus::MetricFamily by_kernel(const relay::Figures& figures) {
    Family family("meshd_tls_kernel_connections_total",
                  "Connections whose TLS records the kernel made (transmit) or opened (receive).", MetricType::Counter);
    for_each_direction(figures, [&](const std::string& direction, const relay::DirectionFigures& of) {
        family.add({{"direction", direction}, {"way", "transmit"}}, of.kernel_transmits);
        family.add({{"direction", direction}, {"way", "receive"}}, of.kernel_receives);
    });
    return family.take();
}

}  // namespace

prometheus::MetricFamily kernel_tls_family(const ktls::Verdict& verdict, bool is_used) {
    Family family("meshd_tls_kernel", "Whether kernel TLS is used for records that are transmitted and received.",
                  MetricType::Gauge);
    family.add({{"way", "transmit"}}, is_used && verdict.transmits ? 1 : 0);
    family.add({{"way", "receive"}}, is_used && verdict.receives ? 1 : 0);
    return family.take();
}

std::vector<prometheus::MetricFamily> relay_families(const relay::Figures& figures) {
    std::vector<prometheus::MetricFamily> families{handshakes(figures), bytes(figures), by_kernel(figures)};
    for (const auto& counted : of_directions) {
        Family family(counted.name, counted.help, counted.type);
        for_each_direction(figures, [&](const std::string& direction, const relay::DirectionFigures& of) {
            family.add({{"direction", direction}}, of.*counted.figure);
        });
        families.push_back(family.take());
    }
    Family taken("meshd_tls_ready_total", "Connections that found (hit) or did not find (miss) one to the peer ready.",
                 MetricType::Counter);
    taken.add({{"result", "hit"}}, figures.pool_hits);
    taken.add({{"result", "miss"}}, figures.pool_misses);
    families.push_back(taken.take());
    Family ready("meshd_tls_ready", "Connections to peers that wait for use.", MetricType::Gauge);
    ready.add({}, figures.pool_ready);
    families.push_back(ready.take());
    return families;
}

}  // namespace meshd::worker
