// SPDX-License-Identifier: Apache-2.0
// What of the kernel the datapath makes use of, since when kernels have it, and what is done without it: one list for the agent,
// which says how it decided on this kernel, and for docs/features.md.
#pragma once

#include <array>
#include <string_view>

namespace meshd::model {

struct KernelFeature {
    std::string_view name;
    std::string_view use;      // what it is for
    std::string_view since;    // the first kernel that has it; empty: no version tells, it is tested on each
    std::string_view without;  // what is done instead, and what that costs; empty: nothing goes without it
};

// The oldest that the programs are made for and tested with.
inline constexpr std::string_view oldest_kernel = "5.10";

inline constexpr std::array<KernelFeature, 16> kernel_features{{
    {"types", "the kernel's own types (BTF): one build of the programs fits every kernel", "5.4", ""},
    {"cgroup_hooks", "connect, sendmsg, recvmsg and getpeername of every socket below the served cgroup", "5.8", ""},
    {"links", "programs stay attached without the agent, and are replaced in place", "5.7", ""},
    {"ring", "programs tell of ejections, flows and connections that leave the short way", "5.8", ""},
    {"errno", "a service without a backend answers ECONNREFUSED or EHOSTUNREACH (bpf_set_retval)", "5.18",
     "connect() answers EPERM, which programs take for a firewall and may not try again"},
    {"coarse_clock", "the time of a forwarded packet, without reading a clock", "5.11",
     "the clock is read for each packet: some tens of nanoseconds"},
    {"device_links", "programs at network devices by tcx links: replaced in place, beside those of others", "6.6",
     "filters of the device's clsact qdisc: others who replace the qdisc take them off, and the next comparison puts them back"},
    {"short_way", "bytes between two sockets of this host pass TCP by (sockmap)", "",
     "only services that are named take it, or none: the rest goes by TCP on loopback"},
    {"accounting", "bytes of the short way are charged to their reader", "6.12.8, Debian's 6.1.123",
     "a program at the kernel's receive function (fexit) counts them: some nanoseconds a read; without it the short way is off"},
    {"fionread", "FIONREAD is right on sockets of the short way", "6.12.115 of 6.12, 7.2",
     "a connection whose reader falls behind leaves for good; where bytes of the short way are miscounted, only services that "
     "accept it take it"},
    {"batches", "maps are read many entries at a time", "5.6",
     "entry by entry: a full comparison of large maps takes some times as long"},
    {"socket_lists", "sockets of backends that leave are found by what programs remember of them", "5.7",
     "TCP sockets are found only where the flow table has a record of them"},
    {"socket_destroy", "sockets of backends that have left are closed (CONFIG_INET_DIAG_DESTROY)", "4.9",
     "programs at the lists of sockets close them (bpf_sock_destroy, 6.5), which takes as long as there are sockets; without "
     "those, "
     "they stay until the application closes them"},
    {"getsockopt", "the worker asks what a connection to an encrypted service was meant for", "5.3", ""},
    {"listener_guard", "clear text to backends of encrypted services is refused (sk_lookup)", "5.9", ""},
    {"kernel_tls", "TLS records between workers are made and opened by the kernel, where `tls.kernel` asks for it",
     "5.1, with new keys in the middle of a connection 6.14", "the worker makes and opens them by itself"},
}};

constexpr const KernelFeature* kernel_feature(std::string_view name) {
    for (const auto& feature : kernel_features)
        if (feature.name == name) return &feature;
    return nullptr;
}

}  // namespace meshd::model
