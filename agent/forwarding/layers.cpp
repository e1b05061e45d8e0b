// SPDX-License-Identifier: Apache-2.0
#include "forwarding/layers.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <linux/rtnetlink.h>

#include "kernel/netlink.hpp"

namespace meshd::forwarding {

namespace {

// A port of a bond that is a port of a bridge that is … nobody stacks more.
constexpr int most_layers = 8;

bool is_another_name(std::string_view kind) {
    return kind == "macvlan" || kind == "macvtap" || kind == "ipvlan" || kind == "ipvtap";
}

std::uint32_t number_of(const rtattr& attribute) {
    std::uint32_t number = 0;
    if (RTA_PAYLOAD(&attribute) >= sizeof number) std::memcpy(&number, RTA_DATA(&attribute), sizeof number);
    return number;
}

std::string_view kind_of(const rtattr& information) {
    auto left = RTA_PAYLOAD(&information);
    for (const auto* one = static_cast<const rtattr*>(RTA_DATA(&information)); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
        if (one->rta_type != IFLA_INFO_KIND) continue;
        const auto* const text = static_cast<const char*>(RTA_DATA(one));
        return {text, ::strnlen(text, RTA_PAYLOAD(one))};
    }
    return {};
}

Layer layer_of(const ifinfomsg* link, unsigned left) {
    Layer layer;
    std::uint32_t lower = 0;
    bool elsewhere = false;
    std::string_view kind;
    for (const auto* one = IFLA_RTA(link); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
        if (one->rta_type == IFLA_MASTER) layer.master = number_of(*one);
        if (one->rta_type == IFLA_LINK) lower = number_of(*one);
        if (one->rta_type == IFLA_LINK_NETNSID) elsewhere = true;
        if (one->rta_type == IFLA_LINKINFO) kind = kind_of(*one);
    }
    if (!elsewhere && is_another_name(kind)) layer.shares = lower;
    return layer;
}

}  // namespace

base::Result<std::map<std::uint32_t, Layer>> read_layers() {
    std::map<std::uint32_t, Layer> layers;
    const auto done = kernel::dump_netlink(RTM_GETLINK, ifinfomsg{}, [&](const nlmsghdr& header) {
        if (header.nlmsg_type != RTM_NEWLINK || header.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) return;
        const auto* const link = static_cast<const ifinfomsg*>(NLMSG_DATA(&header));
        const auto layer = layer_of(link, static_cast<unsigned>(IFLA_PAYLOAD(&header)));
        if (layer != Layer{}) layers.emplace(static_cast<std::uint32_t>(link->ifi_index), layer);
    });
    if (!done) return tl::make_unexpected(done.error());
    return layers;
}

md_below below(const Device& device, const std::vector<Device>& all, const std::function<bool(const Device&)>& is_looked_at) {
    const auto find = [&](std::uint32_t index) {
        return std::find_if(all.begin(), all.end(), [index](const Device& other) { return other.index == index; });
    };
    if (const auto shared = find(device.shares); shared != all.end() && is_looked_at(*shared)) return MD_BELOW_ITSELF;
    auto master = find(device.master);
    for (int i = 0; i < most_layers && master != all.end(); ++i, master = find(master->master))
        if (is_looked_at(*master)) return MD_BELOW_MASTER;
    return MD_BELOW_NOTHING;
}

}  // namespace meshd::forwarding
