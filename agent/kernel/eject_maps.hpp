// SPDX-License-Identifier: Apache-2.0
// Passive ejection as verbs: who is ejected, who was just now, and an end to it.
#pragma once

#include <cstdint>
#include <map>

#include "base/error.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

class EjectMaps {
public:
    explicit EjectMaps(const Datapath& datapath) : datapath_(datapath), vitals_(datapath.map("md_vitals")) {}

    // By backend id, those that are counted as ejected, also when that has expired.
    [[nodiscard]] base::Result<std::map<std::uint32_t, md_vitals>> ejected() const;
    // Ends an ejection that has expired, or any when it is `early`. True: this call did.
    [[nodiscard]] base::Result<bool> readmit(std::uint32_t service_id, std::uint32_t backend_id, bool early) const;

private:
    const Datapath& datapath_;
    Map vitals_;
};

}  // namespace meshd::kernel
