// SPDX-License-Identifier: Apache-2.0
// The part of KernelMaps that balancing by what programs see needs.
#include <cerrno>

#include <bpf/bpf.h>

#include "kernel/kernel_maps.hpp"

namespace meshd::kernel {

using reconcile::Operation;

namespace {

base::Error full(const Map& map, const char* limit) {
    return {"write map",
            map.name(),
            errno,
            {},
            errno == E2BIG ? std::string("raise limits.") + limit + ", then restart with `meshd --unload`" : ""};
}

}  // namespace

// As counters: there before the backend is, and what is known of one that is already there stays.
void KernelMaps::add_vitals(std::span<const Operation> operations, Outcome& outcome) {
    const md_vitals none{};
    for (std::size_t i = 0; i < operations.size(); ++i) {
        if (outcome[i] || ::bpf_map_update_elem(vitals_.fd(), &operations[i].backend_id, &none, BPF_NOEXIST) == 0) continue;
        if (errno != EEXIST) outcome[i] = full(vitals_, "backends");
    }
}

KernelMaps::Outcome KernelMaps::warm_backends(std::span<const Operation> operations) {
    Outcome outcome(operations.size());
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto done = datapath_.ask(md_warm{.backend_id = operations[i].backend_id, .found = 0});
        if (!done) outcome[i] = done.error();
    }
    return outcome;
}

KernelMaps::Outcome KernelMaps::set_balancing(std::span<const Operation> operations) {
    Outcome outcome(operations.size());
    const md_balancing_state none{};
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto id = operations[i].service_id;
        if (::bpf_map_update_elem(balancing_state_.fd(), &id, &none, BPF_NOEXIST) != 0 && errno != EEXIST)
            outcome[i] = full(balancing_state_, "services");
        else if (auto written = balancing_.update(&id, &operations[i].balancing); !written)
            outcome[i] = written.error();
    }
    return outcome;
}

KernelMaps::Outcome KernelMaps::remove_balancing(std::span<const Operation> operations) {
    std::vector<std::uint32_t> keys;
    for (const auto& operation : operations) {
        keys.push_back(operation.service_id);
        ::bpf_map_delete_elem(balancing_state_.fd(), &operation.service_id);  // gone already is as good
    }
    return balancing_.erase_all(keys.data(), keys.size());
}

}  // namespace meshd::kernel
