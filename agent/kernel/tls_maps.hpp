// SPDX-License-Identifier: Apache-2.0
// The agent's maps of encrypted services as verbs. Each brings a map to hold exactly what is wanted.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map_content.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

using Identities = MapContent<md_identity_key, std::uint32_t>;
using Guarded = MapContent<md_endpoint, md_guarded>;

class TlsMaps {
public:
    explicit TlsMaps(const Datapath& datapath);

    base::Result<void> steer(const md_steering& steering) const;
    // True when something changed.
    [[nodiscard]] base::Result<bool> set_identities(const Identities& wanted) const;
    [[nodiscard]] base::Result<bool> set_guarded(const Guarded& wanted) const;
    [[nodiscard]] base::Result<Guarded> guarded() const { return read_all<md_endpoint, md_guarded>(guarded_); }

private:
    Map steering_, identities_, guarded_;
};

}  // namespace meshd::kernel
