// SPDX-License-Identifier: Apache-2.0
// Between the values of the model and the structs of the contract.
#pragma once

#include <cstring>
#include <string>

#include "base/address.hpp"
#include "meshd/abi.h"
#include "model/service.hpp"

namespace meshd::reconcile {

md_endpoint encode(const base::SocketAddress& address, base::Protocol protocol);
std::uint8_t encode(model::Acceleration acceleration);  // enum md_service_way
std::uint8_t encode(const model::ServiceTls& tls);      // bits of md_table.tls
md_backend encode(const model::Backend& backend, base::Protocol protocol, std::uint32_t service_id);

base::SocketAddress decode(const md_endpoint& endpoint);
base::Protocol protocol_of(const md_endpoint& endpoint);

// "10.96.0.10:80/tcp"
std::string text(const md_endpoint& endpoint);

// Structs of the contract have no hidden padding, so their bytes are their value.
template <typename T>
bool same_bytes(const T& a, const T& b) {
    static_assert(std::has_unique_object_representations_v<T>);
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

struct BytesLess {
    template <typename T>
    bool operator()(const T& a, const T& b) const {
        static_assert(std::has_unique_object_representations_v<T>);
        return std::memcmp(&a, &b, sizeof(T)) < 0;
    }
};

}  // namespace meshd::reconcile
