// SPDX-License-Identifier: Apache-2.0
#include "kernel/device_programs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "kernel/netlink.hpp"

namespace meshd::kernel {

namespace {

// include/uapi/linux/bpf.h of Linux 6.6; older headers lack them.
constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);
constexpr auto tcx_egress = static_cast<bpf_attach_type>(47);

struct Place {
    const char* tcx;
    const char* filter;
    bpf_attach_type type;
    std::uint32_t parent;
    std::uint32_t own;
};

class Look {
public:
    Look(std::uint32_t index, const std::string& device) : index_(index), device_(device) {}

    // In the order in which they run.
    void links(const Place& place) {
        std::array<__u32, 64> ids{};
        __u32 count = ids.size();
        if (::bpf_prog_query(static_cast<int>(index_), place.type, 0, nullptr, ids.data(), &count) != 0) return;  // before 6.6
        const auto all = std::span(ids).first(count);
        const auto own = std::find(all.begin(), all.end(), place.own);
        for (auto at = all.begin(); at != all.end(); ++at)
            if (at != own) add(*at, place.tcx, own == all.end() ? "beside ours" : at < own ? "before ours" : "after ours");
    }

    base::Result<void> filters(const Place& place) {
        tcmsg which{};
        which.tcm_ifindex = static_cast<int>(index_);
        which.tcm_parent = place.parent;
        return dump_netlink(RTM_GETTFILTER, which, [&](const nlmsghdr& answer) {
            if (answer.nlmsg_type != RTM_NEWTFILTER) return;
            if (const auto id = program_of(answer); id != 0 && id != place.own) add(id, place.filter, "beside ours");
        });
    }

    void xdp() {
        __u32 id = 0;
        if (::bpf_xdp_query_id(static_cast<int>(index_), 0, &id) == 0 && id != 0) add(id, "xdp", "before ours");
    }

    std::vector<HookProgram> found;

private:
    void add(std::uint32_t id, const char* hook, const char* how) { found.push_back({id, program_name(id), hook, device_, how}); }

    // An attribute of a message: linux/rtnetlink.h.
    static const rtattr* attribute(const rtattr* first, std::size_t length, unsigned type) {
        for (auto left = static_cast<int>(length); RTA_OK(first, left); first = RTA_NEXT(first, left))
            if ((first->rta_type & NLA_TYPE_MASK) == type) return first;
        return nullptr;
    }

    static std::uint32_t program_of(const nlmsghdr& answer) {
        const auto* const filter = static_cast<const tcmsg*>(NLMSG_DATA(&answer));
        const auto* const first = reinterpret_cast<const rtattr*>(filter + 1);
        const std::size_t length = answer.nlmsg_len - NLMSG_LENGTH(sizeof *filter);
        const auto* const kind = attribute(first, length, TCA_KIND);
        const auto* const options = attribute(first, length, TCA_OPTIONS);
        if (kind == nullptr || options == nullptr) return 0;
        const std::string_view name(static_cast<const char*>(RTA_DATA(kind)), RTA_PAYLOAD(kind));
        if (name.substr(0, name.find('\0')) != "bpf") return 0;
        const auto* const id = attribute(static_cast<const rtattr*>(RTA_DATA(options)), RTA_PAYLOAD(options), TCA_BPF_ID);
        return id == nullptr || RTA_PAYLOAD(id) < sizeof(std::uint32_t) ? 0 : *static_cast<const std::uint32_t*>(RTA_DATA(id));
    }

    std::uint32_t index_;
    const std::string& device_;
};

}  // namespace

base::Result<std::vector<HookProgram>> programs_of_others(std::uint32_t index, const std::string& device,
                                                          const DevicePrograms& own) {
    Look look(index, device);
    look.xdp();
    for (const auto& place :
         {Place{"tcx/ingress", "clsact/ingress", tcx_ingress, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), own.ingress},
          Place{"tcx/egress", "clsact/egress", tcx_egress, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), own.egress}}) {
        look.links(place);
        if (auto done = look.filters(place); !done) return tl::make_unexpected(done.error());
    }
    return std::move(look.found);
}

}  // namespace meshd::kernel
