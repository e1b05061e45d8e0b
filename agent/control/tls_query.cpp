// SPDX-License-Identifier: Apache-2.0
// Which handshakes people want to be made.
#include "control/query.hpp"

#include "control/query_parts.hpp"

namespace meshd::control {

base::Result<TlsCheckQuery> tls_check_query(std::string_view body) {
    static constexpr std::string_view usage =
        R"(send {"service": NAME}, with "backend": "ADDRESS:PORT" for one of its backends, "identity": NAME, "all": true)";
    const auto object = object_of(body, {"service", "backend", "identity", "all"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    auto service = optional_service(*object, usage);
    if (!service) return tl::make_unexpected(service.error());
    if (!*service) return refused("the body", "service is missing", usage);
    TlsCheckQuery query;
    query.service = std::move(**service);
    if (const auto* const backend = object->if_contains("backend")) {
        const auto endpoint =
            backend->is_string() ? base::SocketAddress::parse(std::string_view(backend->get_string())) : std::nullopt;
        if (!endpoint || endpoint->port == 0)
            return refused("the backend", "it is no address and port such as 10.0.0.1:8080 or [fd00::1]:8080", usage);
        query.backend = *endpoint;
    }
    if (const auto* const identity = object->if_contains("identity")) {
        if (!identity->is_string() || !model::is_service_name(std::string_view(identity->get_string())))
            return refused("the identity", "it is no name of one of tls.identities", usage);
        query.identity = identity->get_string();
    }
    if (const auto* const all = object->if_contains("all")) {
        if (!all->is_bool()) return refused("the body", "all is neither true nor false", usage);
        query.is_all = all->get_bool();
    }
    return query;
}

}  // namespace meshd::control
