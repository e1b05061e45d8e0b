// SPDX-License-Identifier: Apache-2.0
#include "app/privileges.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace meshd::app {

namespace {

constexpr int highest_capability = 63;

using Header = __user_cap_header_struct;
using Parts = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

std::uint64_t mask_of(const Parts& parts, std::uint32_t __user_cap_data_struct::*set) {
    return parts[0].*set | (std::uint64_t{parts[1].*set} << 32U);
}

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << static_cast<unsigned>(capability); }

}  // namespace

base::Result<void> keep_capabilities() {
    Header header{_LINUX_CAPABILITY_VERSION_3, 0};
    Parts parts{};
    if (::syscall(SYS_capget, &header, parts.data()) < 0) return base::fail_errno("read capabilities of", "meshd");
    const auto permitted = mask_of(parts, &__user_cap_data_struct::permitted);
    std::uint64_t kept = 0;
    std::string missing;
    for (const auto& one : kept_capabilities) {
        if ((permitted & bit(one.number)) != 0)
            kept |= bit(one.number);
        else if (one.is_needed)
            missing += (missing.empty() ? "" : ", ") + std::string(one.name);
    }
    if (!missing.empty())
        return base::fail({"run", "meshd", 0, "it lacks " + missing,
                           "start it as root, or grant these (CapabilityBoundingSet= of a unit, securityContext of a pod)"});
    for (int capability = 0; capability <= highest_capability; ++capability)
        if ((kept & bit(capability)) == 0)
            (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // fails beyond what the kernel knows
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    parts = {};
    for (std::size_t i = 0; i < parts.size(); ++i)
        parts[i].effective = parts[i].permitted = static_cast<std::uint32_t>(kept >> (32 * i));
    if (::syscall(SYS_capset, &header, parts.data()) < 0) return base::fail_errno("give up capabilities of", "meshd");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return base::fail_errno("set no_new_privs of", "meshd");
    return {};
}

}  // namespace meshd::app
