// SPDX-License-Identifier: Apache-2.0
#include "model/service_settings.hpp"

#include <utility>

#include "model/misfit.hpp"

namespace meshd::model {

namespace {

template <typename T>
void set(const std::optional<T>& given, T& value) {
    if (given) value = *given;
}

void apply(const BalancingSettings& given, Service& service) {
    const BalancingOptions usual;
    auto& options = service.balancing_options;
    set(given.policy, service.balancing);
    set(given.failure_penalty_ms, options.failure_penalty_ms);
    set(given.hash, options.hash);
    set(given.slow_start_ms, options.slow_start_ms);
    set(given.affinity_s, options.affinity_s);
    if (given.locality) {
        options.prefer = given.locality->prefer;
        options.spill_below_percent = given.locality->spill_below_percent;
        options.spill_open = given.locality->spill_open;
    }
    const bool is_maglev = service.balancing == Balancing::maglev;
    if (!given.failure_penalty_ms && service.balancing != Balancing::latency)
        options.failure_penalty_ms = usual.failure_penalty_ms;
    if (!given.hash && !is_maglev && options.affinity_s == 0) options.hash = usual.hash;
    if (!given.locality && is_maglev) options.spill_open = usual.spill_open;
}

void apply(const DrainSettings& given, Drain& drain) {
    const Drain usual;
    set(given.deadline_s, drain.deadline_s);
    set(given.sockets, drain.sockets);
    set(given.unhealthy, drain.unhealthy);
    if (drain.sockets != DrainSockets::keep) return;
    if (!given.deadline_s) drain.deadline_s = usual.deadline_s;
    if (!given.unhealthy) drain.unhealthy = usual.unhealthy;
}

void apply(const TlsSettings& given, ServiceTls& tls) {
    set(given.mode, tls.mode);
    set(given.accept, tls.accept);
    set(given.same_node, tls.same_node);
    auto& origination = tls.origination;
    set(given.server_name, origination.server_name);
    set(given.credentials, origination.credentials);
    set(given.alpn, origination.alpn);
    set(given.min_version, origination.min_version);
    const ServiceTls usual;
    if (tls.mode != TlsMode::mutual) {
        if (!given.accept) tls.accept = usual.accept;
        if (!given.same_node) tls.same_node = usual.same_node;
    }
    if (tls.mode != TlsMode::originate) {
        if (!given.server_name) origination.server_name.clear();
        if (!given.credentials) origination.credentials.clear();
        if (!given.alpn) origination.alpn.clear();
        if (!given.min_version) origination.min_version = usual.origination.min_version;
    }
}

std::optional<Misfit> find_misfit(const ServiceSettings& given, const Service& service) {
    if (auto found = find_misfit(given.balancing, balancing_of(service))) return found;
    if (auto found = find_misfit(drain_of(service))) return found;
    if (auto found = find_misfit(given.tls, tls_of(service))) return found;
    if (auto found = find_tls_misfit(service)) return found;
    return find_direct_return_misfit(service);
}

std::string joined(std::string_view first, std::string_view second) { return std::string(first) + " + " + std::string(second); }

}  // namespace

void apply(const ServiceSettings& settings, Service& service) {
    apply(settings.balancing, service);
    set(settings.subsets, service.subsets);
    set(settings.when_no_backend, service.when_no_backend);
    set(settings.acceleration, service.acceleration);
    set(settings.forward, service.forward);
    set(settings.affinity_s, service.affinity_s);
    set(settings.limits.connections, service.limits.connections);
    if (const auto& rate = settings.limits.rate) {
        service.limits.rate = rate->rate;
        service.limits.burst = rate->burst;
    }
    apply(settings.drain, service.drain);
    if (settings.health.probe) service.health.probe = settings.health.probe;
    if (settings.health.eject) service.health.eject = settings.health.eject;
    set(settings.health.panic_percent, service.health.panic_percent);
    apply(settings.tls, service.tls);
}

base::Result<Service> with_settings(Service service, const ServiceSettings& settings) {
    apply(settings, service);
    if (auto misfit = find_misfit(settings, service)) {
        const auto of = service.source.empty() ? std::string() : " of " + service.source;
        return base::fail({"accept", settings.place, 0,
                           "together with service \"" + service.name + '"' + of + ", " + misfit->detail,
                           std::move(misfit->remedy)});
    }
    service.source = joined(service.source, settings.source);
    return service;
}

Service with_settings_of(const Service& other, std::string_view settings_source, Service service) {
    service.balancing = other.balancing;
    service.balancing_options = other.balancing_options;
    service.subsets = other.subsets;
    service.when_no_backend = other.when_no_backend;
    service.acceleration = other.acceleration;
    service.forward = other.forward;
    service.affinity_s = other.affinity_s;
    service.limits = other.limits;
    service.drain = other.drain;
    service.health = other.health;
    service.tls = other.tls;
    service.source = joined(service.source, settings_source);
    return service;
}

SourceParts source_parts(std::string_view source) {
    constexpr std::string_view between = " + ";
    const auto first = source.find(between);
    if (first == std::string_view::npos) return {std::string(source), {}, {}};
    SourceParts parts{std::string(source.substr(0, first)), {}, {}};
    source.remove_prefix(first + between.size());
    // Settings stand in an object or a file, so their source has a slash; who answers queries is a registry alone.
    const auto last = source.rfind(between);
    const auto tail = last == std::string_view::npos ? source : source.substr(last + between.size());
    if (tail.find('/') != std::string_view::npos) {
        parts.settings = source;
    } else {
        parts.answerer = tail;
        if (last != std::string_view::npos) parts.settings = source.substr(0, last);
    }
    return parts;
}

}  // namespace meshd::model
