// SPDX-License-Identifier: Apache-2.0
// Keys of a service that each are as they may be, but mean nothing beside others or contradict them. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/service_settings.hpp"

namespace meshd::model {

struct Misfit {
    std::string_view key;  // within its section: "hash" of "balancing"
    std::string detail;
    std::string remedy;
    std::optional<std::size_t> backend{};  // whose port it is, in the order of its port of the service
};

// `known` is all that is known of the service, with what is given: keys that are not there can be anything.
std::optional<Misfit> find_misfit(const BalancingSettings& given, const BalancingSettings& known);
std::optional<Misfit> find_misfit(const DrainSettings& known);
std::optional<Misfit> find_misfit(const TlsSettings& given, const TlsSettings& known);

// Direct server return leaves a packet as it is, so a backend must listen where the client believes to send to.
std::optional<Misfit> find_direct_return_misfit(const Service& service);

// Only TCP can be encrypted, and what must be and cannot is never sent in clear. `key`: "tls".
std::optional<Misfit> find_tls_misfit(const Service& service);

// All keys as a service has them.
BalancingSettings balancing_of(const Service& service);
DrainSettings drain_of(const Service& service);
TlsSettings tls_of(const Service& service);

}  // namespace meshd::model
