// SPDX-License-Identifier: Apache-2.0
#include "policy/surroundings.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/unique_fd.hpp"
#include "reconcile/encode.hpp"

namespace meshd::policy {

namespace {

#ifndef SO_NETNS_COOKIE
constexpr int SO_NETNS_COOKIE = 71;  // from 5.14, asm-generic/socket.h
#endif

std::uint64_t netns_cookie() {
    const base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

void add(std::vector<base::Prefix>& addresses, const base::IpAddress& address) {
    const auto prefix = base::Prefix::of(address);
    if (std::find(addresses.begin(), addresses.end(), prefix) == addresses.end()) addresses.push_back(prefix);
}

}  // namespace

bool Surroundings::operator==(const Surroundings& other) const {
    const auto same_service = [](const auto& a, const auto& b) {
        return a.first == b.first &&
               std::equal(a.second.begin(), a.second.end(), b.second.begin(), b.second.end(),
                          [](const md_endpoint& x, const md_endpoint& y) { return reconcile::same_bytes(x, y); });
    };
    return workloads == other.workloads && local_v4 == other.local_v4 && local_v6 == other.local_v6 && netns == other.netns &&
           exempt_user == other.exempt_user &&
           std::equal(services.begin(), services.end(), other.services.begin(), other.services.end(), same_service);
}

void look_at_network(Surroundings& here) {
    here.netns = netns_cookie();
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        // Nothing is known: as for another namespace, nothing passes by a guess.
        here.local_v4 = Surroundings::unknown_v4();
        here.local_v6 = Surroundings::unknown_v6();
        return;
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) continue;
        base::IpAddress address;
        if (entry->ifa_addr->sa_family == AF_INET) {
            const auto raw = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr.s_addr;
            if ((ntohl(raw) >> 24U) == 127) continue;
            address.bytes[10] = address.bytes[11] = 0xff;
            std::memcpy(&address.bytes[12], &raw, sizeof raw);
            add(here.local_v4, address);
        } else if (entry->ifa_addr->sa_family == AF_INET6) {
            const auto& raw = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
            if (IN6_IS_ADDR_LOOPBACK(&raw)) continue;
            std::memcpy(address.bytes.data(), &raw, sizeof raw);
            add(here.local_v6, address);
        }
    }
    std::sort(here.local_v4.begin(), here.local_v4.end());
    std::sort(here.local_v6.begin(), here.local_v6.end());
}

void look_at_workload(Surroundings& here, const std::string& mount, const std::string& workload) {
    struct stat found {};
    // The id of a cgroup is the inode of its directory.
    if (::stat((mount + workload).c_str(), &found) == 0 && S_ISDIR(found.st_mode)) here.workloads[workload] = found.st_ino;
}

}  // namespace meshd::policy
