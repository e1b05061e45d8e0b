// SPDX-License-Identifier: Apache-2.0
#include "model/misfit.hpp"

namespace meshd::model {

namespace {

// Who writes such a key means something that does not happen.
Misfit means_nothing(std::string_view key, const std::string& policy) {
    const auto quoted = '"' + std::string(key) + '"';
    return {key, quoted + " means nothing without " + policy, "write " + policy + ", or remove " + quoted};
}

bool speaks_clear_text(const Probe& probe) {
    return probe.type == ProbeType::http || probe.type == ProbeType::http2 || (probe.type == ProbeType::grpc && !probe.tls);
}

}  // namespace

std::optional<Misfit> find_misfit(const BalancingSettings& given, const BalancingSettings& known) {
    const auto has_policy = [&](Balancing policy) { return known.policy == policy; };
    if (given.failure_penalty_ms && known.policy && !has_policy(Balancing::latency))
        return means_nothing("failure_penalty", "\"policy: latency\"");
    const bool has_no_use_of_a_hash = known.policy && !has_policy(Balancing::maglev) && known.affinity_s == 0U;
    if (given.hash && has_no_use_of_a_hash) return means_nothing("hash", "\"policy: maglev\" or \"affinity\"");
    if (known.affinity_s.value_or(0) != 0 && known.hash == HashBy::connection)
        return Misfit{"hash", "\"affinity\" cannot be kept by \"hash: connection\"", "write \"source\" or \"workload\""};
    const bool spills = known.locality && known.locality->prefer != Near::anywhere && known.locality->spill_open != 0;
    if (spills && has_policy(Balancing::maglev))
        return Misfit{"locality", "\"spill_open\" means nothing with \"policy: maglev\", whose choices do not depend on load",
                      "remove it"};
    return std::nullopt;
}

std::optional<Misfit> find_misfit(const DrainSettings& known) {
    if (known.sockets != DrainSockets::keep) return std::nullopt;
    if (known.unhealthy == DrainSockets::close)
        return Misfit{"unhealthy", "\"unhealthy: close\" closes sockets, and \"sockets: keep\" never does",
                      "remove one of the two"};
    if (known.deadline_s.value_or(0) != 0)
        return Misfit{"deadline", "\"deadline\" says when sockets are closed, and \"sockets: keep\" that they never are",
                      "remove one of the two"};
    return std::nullopt;
}

std::optional<Misfit> find_misfit(const TlsSettings& given, const TlsSettings& known) {
    const bool is_mutual = known.mode.value_or(TlsMode::mutual) == TlsMode::mutual;
    const bool is_originate = known.mode.value_or(TlsMode::originate) == TlsMode::originate;
    constexpr auto mutual = "\"mode: mutual\"";
    constexpr auto originate = "\"mode: originate\"";
    if (given.accept && !is_mutual) return means_nothing("accept", mutual);
    if (given.same_node && !is_mutual) return means_nothing("same_node", mutual);
    if (given.server_name && !is_originate) return means_nothing("server_name", originate);
    if (given.credentials && !is_originate) return means_nothing("credentials", originate);
    if (given.alpn && !is_originate) return means_nothing("alpn", originate);
    if (given.min_version && !is_originate) return means_nothing("min_version", originate);
    return std::nullopt;
}

std::optional<Misfit> find_tls_misfit(const Service& service) {
    if (service.tls.mode == TlsMode::off) return std::nullopt;
    for (const auto& port : service.ports)
        if (port.protocol != base::Protocol::tcp)
            return Misfit{"tls",
                          "service \"" + service.name + "\" has \"mode: " + std::string(name(service.tls.mode)) +
                              "\", and its port " + std::to_string(port.number) + "/" + std::string(base::name(port.protocol)) +
                              " cannot be encrypted",
                          "make a service of its own of that port"};
    const auto& probe = service.health.probe;
    if (service.tls.mode == TlsMode::originate && probe && probe->port == 0 && speaks_clear_text(*probe))
        return Misfit{
            "tls", "service \"" + service.name + "\" has \"mode: originate\", and its backends would be probed in clear text",
            "let the probe be \"type: https\" or \"type: tcp\", or give it the \"port\" of a server that speaks clear text"};
    return std::nullopt;
}

std::optional<Misfit> find_direct_return_misfit(const Service& service) {
    if (service.forward != Forward::dsr) return std::nullopt;
    const auto misfit = [](std::string detail, std::string remedy) {
        return Misfit{"forward", std::move(detail), std::move(remedy)};
    };
    const auto quoted = "service \"" + service.name + '"';
    for (std::size_t i = 0; i < service.target_ports.size(); ++i)
        if (service.target_ports[i] != service.ports[i].number)
            return misfit(quoted + " has \"forward: dsr\", which leaves packets as they are, and the target port " +
                              std::to_string(service.target_ports[i]) + " for its port " +
                              std::to_string(service.ports[i].number),
                          "remove \"target_port\", or write \"forward: nat\"");
    for (const auto& port : service.ports) {
        if (port.node_port != 0)
            return misfit(quoted +
                              " has \"forward: dsr\" and a \"node_port\", but its backends do not have the nodes' addresses "
                              "to answer from",
                          "write \"forward: nat\" or remove \"node_port\"");
        for (std::size_t i = 0; i < port.backends.size(); ++i) {
            if (port.backends[i].endpoint.port == port.number) continue;
            auto found = misfit("backend " + port.backends[i].endpoint.text() + " must have the service's port " +
                                    std::to_string(port.number) + ", since \"forward: dsr\" leaves packets as they are",
                                "let it listen at that port, or write \"forward: nat\"");
            found.backend = i;
            return found;
        }
    }
    return std::nullopt;
}

BalancingSettings balancing_of(const Service& service) {
    const auto& options = service.balancing_options;
    return {service.balancing,  options.failure_penalty_ms,
            options.hash,       options.slow_start_ms,
            options.affinity_s, Nearness{options.prefer, options.spill_below_percent, options.spill_open}};
}

TlsSettings tls_of(const Service& service) {
    const auto& tls = service.tls;
    const auto& origination = tls.origination;
    return {tls.mode,
            tls.accept,
            tls.same_node,
            origination.server_name,
            origination.credentials,
            origination.alpn,
            origination.min_version};
}

DrainSettings drain_of(const Service& service) {
    return {service.drain.deadline_s, service.drain.sockets, service.drain.unhealthy};
}

}  // namespace meshd::model
