// SPDX-License-Identifier: Apache-2.0
#include "forwarding/devices.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>

#include "kernel/netlink.hpp"

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

// What getifaddrs(3) does not tell.
base::Result<std::map<std::uint32_t, std::uint32_t>> read_masters() {
    struct {
        nlmsghdr header;
        ifinfomsg message;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    std::map<std::uint32_t, std::uint32_t> masters;
    const auto done = kernel::dump_netlink(request.header, [&](const nlmsghdr& header) {
        if (header.nlmsg_type != RTM_NEWLINK || header.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) return;
        const auto* const link = static_cast<const ifinfomsg*>(NLMSG_DATA(&header));
        auto left = IFLA_PAYLOAD(&header);
        for (const auto* attribute = IFLA_RTA(link); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
            if (attribute->rta_type != IFLA_MASTER || RTA_PAYLOAD(attribute) < sizeof(std::uint32_t)) continue;
            std::memcpy(&masters[static_cast<std::uint32_t>(link->ifi_index)], RTA_DATA(attribute), sizeof(std::uint32_t));
        }
    });
    if (!done) return tl::make_unexpected(done.error());
    return masters;
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
        if (found != indexes.end()) devices.at(found->second).addresses.push_back(*address);
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
    const auto masters = read_masters();
    if (!masters) return tl::make_unexpected(masters.error());
    for (auto& device : devices)
        if (const auto found = masters->find(device.index); found != masters->end()) device.master = found->second;
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
