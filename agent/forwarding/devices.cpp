// SPDX-License-Identifier: Apache-2.0
#include "forwarding/devices.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>

#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>

#include "forwarding/layers.hpp"

namespace meshd::forwarding {

namespace {

std::optional<base::IpAddress> address_of(const sockaddr& address) {
    base::IpAddress result;
    if (address.sa_family == AF_INET6) {
        std::memcpy(result.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, result.bytes.size());
        return result;
    }
    if (address.sa_family != AF_INET) return std::nullopt;
    result.bytes[10] = result.bytes[11] = 0xff;
    std::memcpy(result.bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
    return result;
}

// The last address of an IPv4 network is its broadcast address, the first once was; in IPv6 the first is that of any router
// (RFC 4291, 2.6.1). Networks of one or two addresses have neither.
void add_network(std::vector<base::IpAddress>& all, const base::IpAddress& address, const base::IpAddress& mask) {
    auto first = address;
    auto last = address;
    unsigned host_bits = 0;
    for (std::size_t i = address.is_v4() ? 12 : 0; i < address.bytes.size(); ++i) {
        const auto host = static_cast<std::uint8_t>(~mask.bytes[i]);
        first.bytes[i] = static_cast<std::uint8_t>(first.bytes[i] & mask.bytes[i]);
        last.bytes[i] = static_cast<std::uint8_t>(last.bytes[i] | host);
        host_bits += static_cast<unsigned>(std::popcount(host));
    }
    if (host_bits < 2) return;
    all.push_back(first);
    if (address.is_v4()) all.push_back(last);
}

bool is_loopback(const base::IpAddress& address) {
    return address == *base::IpAddress::parse("::1") || (address.is_v4() && address.bytes[12] == 127);
}

}  // namespace

std::vector<Device> devices_of(const ifaddrs* list) {
    std::map<std::uint32_t, Device> devices;
    std::map<std::string, std::uint32_t> indexes;
    for (const auto* item = list; item != nullptr; item = item->ifa_next) {
        if (item->ifa_addr == nullptr || item->ifa_addr->sa_family != AF_PACKET) continue;
        sockaddr_ll link{};
        std::memcpy(&link, item->ifa_addr, sizeof link);
        const auto index = static_cast<std::uint32_t>(link.sll_ifindex);
        indexes.emplace(item->ifa_name, index);
        devices.emplace(index, Device{index, item->ifa_name, link.sll_hatype, (item->ifa_flags & IFF_UP) != 0, 0, {}});
    }
    for (const auto* item = list; item != nullptr; item = item->ifa_next) {
        const auto address = item->ifa_addr != nullptr ? address_of(*item->ifa_addr) : std::nullopt;
        if (!address) continue;
        // An IPv4 address comes under its label, which is the device's name, perhaps with more behind a colon.
        const std::string label(item->ifa_name);
        const auto found = indexes.find(label.substr(0, label.find(':')));
        if (found == indexes.end()) continue;
        auto& device = devices.at(found->second);
        device.addresses.push_back(*address);
        const auto mask = item->ifa_netmask != nullptr ? address_of(*item->ifa_netmask) : std::nullopt;
        if (mask) add_network(device.network_addresses, *address, *mask);
    }
    std::vector<Device> all;
    for (auto& [index, device] : devices) all.push_back(std::move(device));
    return all;
}

base::Result<std::vector<Device>> read_devices() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return base::fail_errno("list", "network devices");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    auto devices = devices_of(list);
    const auto layers = read_layers();
    if (!layers) return tl::make_unexpected(layers.error());
    for (auto& device : devices)
        if (const auto found = layers->find(device.index); found != layers->end()) {
            device.master = found->second.master;
            device.shares = found->second.shares;
        }
    return devices;
}

std::optional<std::uint8_t> header_size(std::uint16_t type) {
    switch (type) {
        case ARPHRD_ETHER:
        case ARPHRD_LOOPBACK:
            return 14;
        case ARPHRD_NONE:  // WireGuard, tun
        case ARPHRD_RAWIP:
        case ARPHRD_TUNNEL:  // ipip
        case ARPHRD_TUNNEL6:
        case ARPHRD_SIT:
            return 0;
        default:
            return std::nullopt;
    }
}

md_device describe(const Device& device) {
    md_device value{};
    const auto take_first = [&](bool v4, md_address& result) {
        const auto found = std::find_if(device.addresses.begin(), device.addresses.end(), [&](const base::IpAddress& address) {
            return address.is_v4() == v4 && !is_loopback(address) && !address.is_link_local();
        });
        if (found != device.addresses.end()) std::memcpy(result.bytes, found->bytes.data(), sizeof result.bytes);
    };
    take_first(true, value.v4);
    take_first(false, value.v6);
    value.header_size = header_size(device.type).value_or(0);
    return value;
}

}  // namespace meshd::forwarding
