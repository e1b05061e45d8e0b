// SPDX-License-Identifier: Apache-2.0
#include "kernel/tls_maps.hpp"

namespace meshd::kernel {

TlsMaps::TlsMaps(const Datapath& datapath)
    : steering_(datapath.map("md_steering")), identities_(datapath.map("md_identities")), guarded_(datapath.map("md_guarded")) {}

base::Result<void> TlsMaps::steer(const md_steering& steering) const {
    const std::uint32_t zero = 0;
    md_steering now{};
    if (const auto found = steering_.lookup(&zero, &now); !found) return tl::make_unexpected(found.error());
    if (reconcile::same_bytes(now, steering)) return {};
    return steering_.update(&zero, &steering);
}

base::Result<bool> TlsMaps::set_identities(const Identities& wanted) const { return make_equal(identities_, wanted); }

base::Result<bool> TlsMaps::set_guarded(const Guarded& wanted) const { return make_equal(guarded_, wanted); }

}  // namespace meshd::kernel
