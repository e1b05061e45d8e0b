// SPDX-License-Identifier: Apache-2.0
#include "model/service.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace meshd::model {

namespace {

template <typename Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::pair<std::string_view, Enum>, N>& names, std::string_view text) {
    for (const auto& [label, value] : names)
        if (label == text) return value;
    return std::nullopt;
}

template <typename Enum, std::size_t N>
std::string_view find(const std::array<std::pair<std::string_view, Enum>, N>& names, Enum wanted) {
    for (const auto& [label, value] : names)
        if (value == wanted) return label;
    return "unknown";
}

constexpr std::array<std::pair<std::string_view, WhenNoBackend>, 2> when_no_backend_names{{
    {"refuse", WhenNoBackend::refuse},
    {"unreachable", WhenNoBackend::unreachable},
}};

constexpr std::array<std::pair<std::string_view, BackendState>, 4> state_names{{
    {"ready", BackendState::ready},
    {"drain", BackendState::drain},
    {"maint", BackendState::maint},
    {"unhealthy", BackendState::unhealthy},
}};

constexpr std::array<std::pair<std::string_view, DrainSockets>, 2> drain_sockets_names{{
    {"close", DrainSockets::close},
    {"keep", DrainSockets::keep},
}};

constexpr std::array<std::pair<std::string_view, Forward>, 4> forward_names{{
    {"nat", Forward::nat},
    {"dsr", Forward::dsr},
    {"off", Forward::off},
    {"auto", Forward::automatic},
}};

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

std::string_view name(WhenNoBackend policy) { return find(when_no_backend_names, policy); }
std::string_view name(BackendState state) { return find(state_names, state); }
std::string_view name(DrainSockets sockets) { return find(drain_sockets_names, sockets); }
std::string_view name(Forward forward) { return find(forward_names, forward); }

std::optional<WhenNoBackend> parse_when_no_backend(std::string_view text) { return find(when_no_backend_names, text); }
std::optional<DrainSockets> parse_drain_sockets(std::string_view text) { return find(drain_sockets_names, text); }

std::optional<BackendState> parse_backend_state(std::string_view text) {
    const auto found = find(state_names, text);
    return found == BackendState::unhealthy ? std::nullopt : found;
}

std::optional<Forward> parse_forward(std::string_view text) {
    const auto found = find(forward_names, text);
    return found == Forward::automatic ? std::nullopt : found;
}

std::string BackendsFrom::text() const {
    static constexpr std::array<std::string_view, 4> kinds{"consul", "dns", "srv", "etcd"};
    std::string result = std::string(kinds.at(static_cast<std::size_t>(kind))) + " " + name;
    if (!registry.empty()) result += " of " + registry;
    if (!datacenter.empty()) result += " in " + datacenter;
    for (std::size_t i = 0; i < tags.size(); ++i) result += (i == 0 ? " with tags " : ", ") + tags[i];
    return result;
}

std::vector<Frontend> frontends(const Service& service, const ServicePort& port) {
    std::vector<Frontend> all;
    all.reserve(service.addresses.size() + 1);
    for (const auto& address : service.addresses) all.push_back({{address, port.number}, port.protocol});
    if (port.node_port != 0)
        for (const auto* const unspecified : {"0.0.0.0", "::"})
            all.push_back({{*base::IpAddress::parse(unspecified), port.node_port}, port.protocol});
    return all;
}

std::vector<Frontend> frontends(const Service& service) {
    std::vector<Frontend> all;
    for (const auto& port : service.ports) {
        const auto some = frontends(service, port);
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

bool is_service_name(std::string_view text) {
    if (text.empty() || text.size() > max_name_length) return false;
    if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == '/'; });
}

}  // namespace meshd::model
