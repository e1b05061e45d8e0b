// SPDX-License-Identifier: Apache-2.0
// What the agent may do: no more than it needs, however it was started.
#pragma once

#include <array>
#include <string_view>

#include <linux/capability.h>

#include "base/error.hpp"

namespace meshd::app {

struct KeptCapability {
    int number;
    std::string_view name;
    bool is_needed;  // else what it is for is refused by the kernel when it comes to that
    std::string_view purpose;
};

// docs/security.md shows them; the unit file grants the same.
inline constexpr std::array<KeptCapability, 14> kept_capabilities{{
    {CAP_BPF, "CAP_BPF", true, "load programs, make and read maps"},
    {CAP_PERFMON, "CAP_PERFMON", true, "programs that read kernel memory (fexit, BTF)"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", true, "attach to cgroups, sockets and devices; end connections of backends that leave"},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", true,
     "find programs and maps by id, pin in a BPF filesystem of mode 0700, look into network namespaces"},
    {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", false, "raise limits: locked memory before Linux 5.11, descriptors"},
    {CAP_SETUID, "CAP_SETUID", true, "start the worker as its user"},
    {CAP_SETGID, "CAP_SETGID", true, "start the worker in its groups"},
    {CAP_SETPCAP, "CAP_SETPCAP", true, "take every capability from the worker"},
    {CAP_KILL, "CAP_KILL", true, "end the worker"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false, "find, and wake, the reader of a connection that leaves the short way"},
    {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", false, "edge listeners below port 1024"},
    {CAP_CHOWN, "CAP_CHOWN", false, "give the control socket to its group, directories of certificates to the worker"},
    {CAP_FOWNER, "CAP_FOWNER", false, "set modes of what was given away"},
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE", false,
     "read descriptors of other processes; state in directories of the worker's user"},
}};

// Gives up every other capability, also for what this process starts, and any way to get one back. An error names those that are
// needed and that it does not have.
base::Result<void> keep_capabilities();

}  // namespace meshd::app
