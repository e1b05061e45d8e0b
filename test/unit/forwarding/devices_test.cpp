// SPDX-License-Identifier: Apache-2.0
#include "forwarding/devices.hpp"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>

namespace meshd::forwarding {
namespace {

// A list as getifaddrs(3) makes it.
class List {
public:
    List& link(const char* name, int index, std::uint16_t type, unsigned flags = IFF_UP) {
        auto& item = add(name);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_ifindex = index;
        address.sll_hatype = type;
        std::memcpy(&item.address, &address, sizeof address);
        item.entry.ifa_flags = flags;
        return *this;
    }
    List& address(const char* label, const char* text, const char* mask = nullptr) {
        auto& item = add(label);
        write(item.address, text);
        if (mask == nullptr) return *this;
        write(item.mask, mask);
        item.entry.ifa_netmask = reinterpret_cast<sockaddr*>(&item.mask);
        return *this;
    }
    List& without_address(const char* label) {
        add(label).entry.ifa_addr = nullptr;
        return *this;
    }
    [[nodiscard]] std::vector<Device> devices() {
        for (std::size_t i = 0; i + 1 < count_; ++i) items_.at(i).entry.ifa_next = &items_.at(i + 1).entry;
        return devices_of(count_ == 0 ? nullptr : &items_[0].entry);
    }

private:
    static void write(sockaddr_storage& to, const char* text) {
        if (std::strchr(text, ':') == nullptr) {
            sockaddr_in v4{};
            v4.sin_family = AF_INET;
            ::inet_pton(AF_INET, text, &v4.sin_addr);
            std::memcpy(&to, &v4, sizeof v4);
        } else {
            sockaddr_in6 v6{};
            v6.sin6_family = AF_INET6;
            ::inet_pton(AF_INET6, text, &v6.sin6_addr);
            std::memcpy(&to, &v6, sizeof v6);
        }
    }
    struct Item {
        ifaddrs entry{};
        sockaddr_storage address{}, mask{};
    };
    Item& add(const char* name) {
        auto& item = items_.at(count_++);
        item.entry.ifa_name = const_cast<char*>(name);  // NOLINT(cppcoreguidelines-pro-type-const-cast): as the C struct has it
        item.entry.ifa_addr = reinterpret_cast<sockaddr*>(&item.address);
        return item;
    }
    std::array<Item, 16> items_;
    std::size_t count_ = 0;
};

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

std::string text(const md_address& address) {
    base::IpAddress value;
    std::memcpy(value.bytes.data(), address.bytes, sizeof address.bytes);
    return value.text();
}

TEST(Devices, HaveTheirAddressesWhateverTheLabels) {
    const auto devices = List()
                             .link("lo", 1, ARPHRD_LOOPBACK)
                             .link("eth0", 2, ARPHRD_ETHER)
                             .link("wg0", 5, ARPHRD_NONE, 0)
                             .without_address("wg0")
                             .address("lo", "127.0.0.1")
                             .address("eth0", "10.0.0.1")
                             .address("eth0:backup", "10.0.0.2")
                             .address("eth0", "fd00::1")
                             .address("gone0", "10.9.9.9")
                             .devices();
    ASSERT_EQ(devices.size(), 3U);
    EXPECT_EQ(devices[0], (Device{1, "lo", ARPHRD_LOOPBACK, true, 0, {ip("127.0.0.1")}}));
    EXPECT_EQ(devices[1], (Device{2, "eth0", ARPHRD_ETHER, true, 0, {ip("10.0.0.1"), ip("10.0.0.2"), ip("fd00::1")}}));
    EXPECT_EQ(devices[2], (Device{5, "wg0", ARPHRD_NONE, false, 0, {}}));
    EXPECT_TRUE(List().devices().empty());
}

TEST(Devices, HaveTheAddressesThatNoSingleHostHas) {
    const auto devices = List()
                             .link("eth0", 2, ARPHRD_ETHER)
                             .address("eth0", "10.0.5.1", "255.255.252.0")
                             .address("eth0", "192.0.2.1", "255.255.255.254")
                             .address("eth0", "fd00::1:2", "ffff:ffff:ffff:ffff::")
                             .devices();
    EXPECT_EQ(devices.at(0).network_addresses, (std::vector{ip("10.0.4.0"), ip("10.0.7.255"), ip("fd00::")}));
}

TEST(Devices, OfThisHostHaveTheLoopback) {
    const auto devices = read_devices();
    ASSERT_TRUE(devices) << devices.error().message();
    ASSERT_FALSE(devices->empty());
    EXPECT_EQ(devices->front().index, 1U);
    EXPECT_EQ(devices->front().type, ARPHRD_LOOPBACK);
}

TEST(Devices, HaveAHeaderAsTheirLinkLayerHas) {
    EXPECT_EQ(header_size(ARPHRD_ETHER), 14);
    EXPECT_EQ(header_size(ARPHRD_LOOPBACK), 14);
    EXPECT_EQ(header_size(ARPHRD_NONE), 0);
    EXPECT_EQ(header_size(ARPHRD_TUNNEL), 0);
    EXPECT_EQ(header_size(ARPHRD_INFINIBAND), std::nullopt);
}

TEST(Devices, AreDescribedByAddressesThatOthersCanAnswerTo) {
    const auto value = describe(
        {2, "eth0", ARPHRD_ETHER, true, 0, {ip("169.254.1.1"), ip("10.0.0.1"), ip("10.0.0.2"), ip("fe80::1"), ip("fd00::1")}});
    EXPECT_EQ(text(value.v4), "10.0.0.1");
    EXPECT_EQ(text(value.v6), "fd00::1");
    EXPECT_EQ(value.header_size, 14);
    const auto none = describe({1, "lo", ARPHRD_LOOPBACK, true, 0, {ip("127.0.0.1"), ip("::1")}});
    EXPECT_EQ(text(none.v4), "::");
    EXPECT_EQ(text(none.v6), "::");
}

}  // namespace
}  // namespace meshd::forwarding
