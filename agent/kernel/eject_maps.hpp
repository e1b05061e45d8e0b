// SPDX-License-Identifier: Apache-2.0
// Passive ejection as verbs: who is ejected, who was just now, and an end to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map.hpp"
#include "meshd/abi.h"

struct ring_buffer;

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

class EjectionEvents {
public:
    using Handler = std::function<void(const md_ejected&)>;
    static base::Result<EjectionEvents> open(const Datapath& datapath, Handler handler);

    [[nodiscard]] int fd() const;  // readable when there is something to drain
    void drain();

private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };
    explicit EjectionEvents(std::unique_ptr<Handler> handler) : handler_(std::move(handler)) {}

    std::unique_ptr<Handler> handler_;  // at an address that stays: the ring holds it
    std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace meshd::kernel
