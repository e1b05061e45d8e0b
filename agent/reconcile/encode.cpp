// SPDX-License-Identifier: Apache-2.0
#include "reconcile/encode.hpp"

#include <arpa/inet.h>

namespace meshd::reconcile {

namespace {

std::uint8_t encode(model::BackendState state) {
    switch (state) {
        case model::BackendState::drain:
            return MD_BACKEND_DRAIN;
        case model::BackendState::maint:
            return MD_BACKEND_MAINT;
        case model::BackendState::unhealthy:
            return MD_BACKEND_UNHEALTHY;
        case model::BackendState::ready:
            break;
    }
    return MD_BACKEND_READY;
}

}  // namespace

std::uint8_t encode(model::Acceleration acceleration) {
    switch (acceleration) {
        case model::Acceleration::named:
            return MD_WAY_NAMED;
        case model::Acceleration::off:
            return MD_WAY_OFF;
        case model::Acceleration::fionread_accepted:
            return MD_WAY_FIONREAD_ACCEPTED;
        case model::Acceleration::automatic:
            break;
    }
    return MD_WAY_DEFAULT;
}

std::uint8_t encode(const model::ServiceTls& tls) {
    if (tls.mode == model::TlsMode::off) return 0;
    // The worker is led to wherever the backend is: nobody else speaks TLS to it.
    if (tls.mode == model::TlsMode::originate) return MD_TLS_MUTUAL | MD_TLS_SAME_NODE;
    return tls.same_node == model::SameNode::encrypt ? MD_TLS_MUTUAL | MD_TLS_SAME_NODE : MD_TLS_MUTUAL;
}

md_endpoint encode(const base::SocketAddress& address, base::Protocol protocol) {
    md_endpoint endpoint{};
    std::memcpy(endpoint.address.bytes, address.address.bytes.data(), sizeof endpoint.address.bytes);
    endpoint.port = htons(address.port);
    endpoint.protocol = static_cast<std::uint8_t>(protocol);
    return endpoint;
}

md_backend encode(const model::Backend& backend, base::Protocol protocol, std::uint32_t service_id) {
    md_backend value{};
    value.endpoint = encode(backend.endpoint, protocol);
    value.service_id = service_id;
    value.weight = backend.weight;
    value.state = encode(backend.state);
    return value;
}

base::SocketAddress decode(const md_endpoint& endpoint) {
    base::SocketAddress address;
    std::memcpy(address.address.bytes.data(), endpoint.address.bytes, sizeof endpoint.address.bytes);
    address.port = ntohs(endpoint.port);
    return address;
}

base::Protocol protocol_of(const md_endpoint& endpoint) {
    return endpoint.protocol == static_cast<std::uint8_t>(base::Protocol::udp) ? base::Protocol::udp : base::Protocol::tcp;
}

std::string text(const md_endpoint& endpoint) {
    return decode(endpoint).text() + "/" + std::string(base::name(protocol_of(endpoint)));
}

}  // namespace meshd::reconcile
