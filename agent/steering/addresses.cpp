// SPDX-License-Identifier: Apache-2.0
#include "steering/addresses.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.hpp"
#include "forwarding/devices.hpp"

namespace meshd::steering {

namespace {

bool is_loopback(const base::IpAddress& address) {
    return address.is_v4() ? address.bytes[12] == 127 : address == base::IpAddress::parse("::1");
}

// Asks the routes; nothing is sent. Addresses for documentation (RFC 5737, RFC 3849) are nobody's.
std::optional<base::IpAddress> source_of_way_out(bool v4) {
    const auto far_away = *base::IpAddress::parse(v4 ? "::ffff:192.0.2.1" : "2001:db8::1");
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(9);
    std::memcpy(&address.sin6_addr, far_away.bytes.data(), far_away.bytes.size());
    const base::UniqueFd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (!socket.valid() || ::connect(socket.get(), raw, size) != 0 || ::getsockname(socket.get(), raw, &size) != 0)
        return std::nullopt;
    base::IpAddress source;
    std::memcpy(source.bytes.data(), &address.sin6_addr, source.bytes.size());
    return source;
}

}  // namespace

base::Result<Addresses> own_addresses() {
    const auto devices = forwarding::read_devices();
    if (!devices) return tl::make_unexpected(devices.error());
    Addresses own;
    for (const auto& device : *devices) own.insert(device.addresses.begin(), device.addresses.end());
    return own;
}

bool is_here(const model::Backend& backend, const Addresses& own) {
    const auto& host = backend.host ? *backend.host : backend.endpoint.address;
    return is_loopback(host) || own.contains(host);
}

std::optional<base::IpAddress> node_address(const Addresses& own, bool v4) {
    const auto source = source_of_way_out(v4);
    if (source && own.contains(*source) && !is_loopback(*source)) return source;
    const auto found = std::find_if(own.begin(), own.end(), [&](const base::IpAddress& address) {
        return address.is_v4() == v4 && !is_loopback(address) && !address.is_link_local();
    });
    return found == own.end() ? std::nullopt : std::optional(*found);
}

}  // namespace meshd::steering
