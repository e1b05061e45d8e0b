// SPDX-License-Identifier: Apache-2.0
#include "kernel/kernel_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

#include <bpf/bpf.h>

#include "kernel/map_content.hpp"

namespace meshd::kernel {

using reconcile::Operation;
using reconcile::OperationKind;

namespace {

// Of two steps of the same operations, what failed first is what counts.
void first_failures(std::vector<std::optional<base::Error>>& outcome, const std::vector<std::optional<base::Error>>& later) {
    for (std::size_t i = 0; i < outcome.size(); ++i)
        if (!outcome[i]) outcome[i] = later[i];
}

md_connects_key counter_key(const Operation& operation) { return {operation.service_id, operation.backend_id}; }

}  // namespace

KernelMaps::KernelMaps(const Datapath& datapath)
    : datapath_(datapath),
      frontends_(datapath.map("md_frontends")),
      services_(datapath.map("md_services")),
      tables_(datapath.map("md_tables")),
      maglevs_(datapath.map("md_maglevs")),
      backends_(datapath.map("md_backends")),
      connects_(datapath.map("md_connects")),
      vitals_(datapath.map("md_vitals")),
      balancing_(datapath.map("md_balancing")),
      balancing_state_(datapath.map("md_eject_state")) {}

base::Result<reconcile::RealizedState> KernelMaps::read() {
    reconcile::RealizedState state;
    auto done = services_.for_each([&](const std::byte* key, const std::byte* value) {
        state.set_name(read_as<std::uint32_t>(key), reconcile::decode(read_as<md_service>(value)));
    });
    if (done)
        done = backends_.for_each([&](const std::byte* key, const std::byte* value) {
            state.set_backend(read_as<std::uint32_t>(key), read_as<md_backend>(value));
        });
    if (done)
        done = frontends_.for_each([&](const std::byte* key, const std::byte* value) {
            state.set_frontend(read_as<md_endpoint>(key), read_as<md_frontend>(value).service_id);
        });
    if (done)
        done = balancing_.for_each([&](const std::byte* key, const std::byte* value) {
            state.set_balancing(read_as<std::uint32_t>(key), read_as<md_balancing>(value));
        });
    if (done) done = read_tables(state);
    if (done) done = read_maglevs(state);
    if (!done) return tl::make_unexpected(done.error());
    return state;
}

base::Result<void> KernelMaps::complete(const reconcile::RealizedState& state) {
    reconcile::Plan names;
    reconcile::Plan balancing;
    reconcile::Plan backends;
    for (const auto& [id, service] : state.services()) {
        Operation operation;
        operation.service_id = id;
        if (service.name) {
            operation.kind = OperationKind::name_service;
            operation.name = *service.name;
            names.push_back(operation);
        }
        if (service.balancing) {
            operation.kind = OperationKind::set_balancing;
            operation.balancing = *service.balancing;
            balancing.push_back(operation);
        }
        operation.kind = OperationKind::set_backend;
        for (const auto& [backend_id, backend] : service.backends) {
            operation.backend_id = backend_id;
            operation.backend = backend;
            backends.push_back(operation);
        }
    }
    for (const auto* const plan : {&names, &balancing, &backends})
        for (const auto& failure : run(*plan))
            if (failure) return base::fail(*failure);
    return {};
}

base::Result<void> KernelMaps::read_tables(reconcile::RealizedState& state) {
    const auto info = tables_.info();
    if (!info) return tl::make_unexpected(info.error());
    constexpr std::uint32_t window = MD_FIND_WORDS * 64;
    for (std::uint32_t first = 0; first < info->max_entries; first += window) {
        const auto found = datapath_.ask(md_find_tables{.first = first, .reserved = 0, .present = {}});
        if (!found) return tl::make_unexpected(found.error());
        for (std::uint32_t i = 0; i < window; ++i) {
            if ((found->present[i / 64] >> (i % 64) & 1) == 0) continue;
            auto table = read_table(first + i);
            if (!table) return tl::make_unexpected(table.error());
            state.set_table(first + i, std::move(*table));
        }
    }
    return {};
}

base::Result<void> KernelMaps::read_maglevs(reconcile::RealizedState& state) {
    const auto info = tables_.info();  // as many services as there can be
    if (!info) return tl::make_unexpected(info.error());
    for (std::uint32_t first = 0; first < info->max_entries; first += MD_FIND_MAGLEVS) {
        const auto found = datapath_.ask(md_find_maglevs{.first = first, .reserved = 0, .fingerprints = {}});
        if (!found) return tl::make_unexpected(found.error());
        for (std::uint32_t i = 0; i < MD_FIND_MAGLEVS; ++i)
            if (found->fingerprints[i] != 0) state.set_maglev(first + i, found->fingerprints[i]);
    }
    return {};
}

base::Result<std::vector<md_slot>> KernelMaps::read_table(std::uint32_t service_id) {
    std::vector<md_slot> slots;
    for (;;) {
        md_read_table question{};
        question.service_id = service_id;
        question.first = static_cast<std::uint32_t>(slots.size());
        const auto part = datapath_.ask(question);
        if (!part) return tl::make_unexpected(part.error());
        slots.insert(slots.end(), part->slots, part->slots + std::min<std::uint32_t>(part->count, MD_READ_SLOTS));
        if (part->count < MD_READ_SLOTS) return slots;
    }
}

KernelMaps::Outcome KernelMaps::run(std::span<const Operation> operations) {
    if (operations.empty()) return {};
    const auto each = [&](const Map& map, auto key_of) {
        using Key = decltype(key_of(operations.front()));
        std::vector<Key> keys;
        keys.reserve(operations.size());
        for (const auto& operation : operations) keys.push_back(key_of(operation));
        return map.erase_all(keys.data(), keys.size());
    };
    switch (operations.front().kind) {
        case OperationKind::set_backend:
            return set_backends(operations);
        case OperationKind::warm_backend:
            return warm_backends(operations);
        case OperationKind::name_service:
            return name_services(operations);
        case OperationKind::set_maglev:
            return replace_inner(maglevs_, operations, [this](const Operation& operation) {
                return datapath_.make_maglev(reconcile::build_maglev(operation.maglev));
            });
        case OperationKind::set_balancing:
            return set_balancing(operations);
        case OperationKind::replace_table:
            return replace_inner(tables_, operations,
                                 [this](const Operation& operation) { return datapath_.make_slots(operation.table); });
        case OperationKind::publish_frontend:
            return publish_frontends(operations);
        case OperationKind::remove_frontend:
            return each(frontends_, [](const Operation& operation) { return operation.frontend; });
        case OperationKind::remove_table:
            return remove_inner(tables_, operations);
        case OperationKind::remove_maglev:
            return remove_inner(maglevs_, operations);
        case OperationKind::remove_balancing:
            return remove_balancing(operations);
        case OperationKind::unname_service:
            remove_counters(operations);
            return each(services_, [](const Operation& operation) { return operation.service_id; });
        case OperationKind::remove_backend:
            remove_counters(operations);
            remove_vitals(operations);
            return each(backends_, [](const Operation& operation) { return operation.backend_id; });
    }
    return Outcome(operations.size());
}

// A counter's entry is there before anything can be counted in it. An entry that is already there keeps its counts.
KernelMaps::Outcome KernelMaps::add_counters(std::span<const Operation> operations) {
    Outcome outcome(operations.size());
    const std::vector<std::byte> zeros(per_cpu_stride(sizeof(md_connects)));
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto key = counter_key(operations[i]);
        if (::bpf_map_update_elem(connects_.fd(), &key, zeros.data(), BPF_NOEXIST) == 0 || errno == EEXIST) continue;
        outcome[i] = base::Error{"write map",
                                 connects_.name(),
                                 errno,
                                 {},
                                 errno == E2BIG ? "raise limits.backends, then restart with `meshd --unload`" : ""};
    }
    return outcome;
}

void KernelMaps::remove_counters(std::span<const Operation> operations) {
    for (const auto& operation : operations) {
        const auto key = counter_key(operation);
        ::bpf_map_delete_elem(connects_.fd(), &key);  // gone already is as good
    }
}

// One that is ejected gives its place back: others may need it.
void KernelMaps::remove_vitals(std::span<const Operation> operations) {
    for (const auto& operation : operations) {
        md_vitals vitals{};
        if (::bpf_map_lookup_elem(vitals_.fd(), &operation.backend_id, &vitals) == 0 && vitals.ejected_until_ns != 0)
            (void)datapath_.ask(md_readmit{operation.service_id, operation.backend_id, 1, 0});
        ::bpf_map_delete_elem(vitals_.fd(), &operation.backend_id);
    }
}

KernelMaps::Outcome KernelMaps::set_backends(std::span<const Operation> operations) {
    auto outcome = add_counters(operations);
    add_vitals(operations, outcome);
    std::vector<std::uint32_t> keys;
    std::vector<md_backend> values;
    for (const auto& operation : operations) {
        keys.push_back(operation.backend_id);
        values.push_back(operation.backend);
    }
    first_failures(outcome, backends_.update_all(keys.data(), values.data(), keys.size()));
    return outcome;
}

KernelMaps::Outcome KernelMaps::name_services(std::span<const Operation> operations) {
    auto outcome = add_counters(operations);
    std::vector<std::uint32_t> keys;
    std::vector<md_service> values;
    for (const auto& operation : operations) {
        keys.push_back(operation.service_id);
        values.push_back(reconcile::encode(operation.name));
    }
    first_failures(outcome, services_.update_all(keys.data(), values.data(), keys.size()));
    return outcome;
}

namespace {

// Changing an entry of a map of maps waits until no reader uses the old one: about ten milliseconds, once for a batch on newer
// kernels, once for each entry on older ones (seen on 6.1). Waits on several threads pass at the same time, so the work is spread
// over some; each has its own range, and shares nothing.
void spread(std::size_t count, const std::function<void(std::size_t first, std::size_t last)>& work) {
    constexpr std::size_t least_each = 16;
    constexpr std::size_t most_threads = 32;
    const auto threads = std::clamp<std::size_t>(count / least_each, 1, most_threads);
    if (threads == 1) {
        work(0, count);
        return;
    }
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) running.emplace_back(work, count * i / threads, count * (i + 1) / threads);
    for (auto& thread : running) thread.join();
}

}  // namespace

KernelMaps::Outcome KernelMaps::remove_inner(const Map& map, std::span<const Operation> operations) {
    std::vector<std::uint32_t> keys;
    for (const auto& operation : operations) keys.push_back(operation.service_id);
    Outcome outcome(operations.size());
    spread(keys.size(), [&](std::size_t first, std::size_t last) {
        const auto part = map.erase_all(keys.data() + first, last - first);
        std::copy(part.begin(), part.end(), outcome.begin() + static_cast<std::ptrdiff_t>(first));
    });
    return outcome;
}

KernelMaps::Outcome KernelMaps::replace_inner(const Map& map, std::span<const Operation> operations, const MakeInner& make) {
    Outcome outcome(operations.size());
    constexpr std::size_t open_at_once = 512;  // below the usual limit of 1024 descriptors
    for (std::size_t first = 0; first < operations.size(); first += open_at_once)
        replace_some(map, operations.subspan(first, std::min(open_at_once, operations.size() - first)), make,
                     std::span(outcome).subspan(first));
    return outcome;
}

void KernelMaps::replace_some(const Map& map, std::span<const Operation> operations, const MakeInner& make,
                              std::span<std::optional<base::Error>> outcome) {
    std::vector<base::UniqueFd> inner;  // the outer map holds them once they are in it
    std::vector<std::uint32_t> keys;
    std::vector<int> values;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < operations.size(); ++i) {
        auto made = make(operations[i]);
        if (!made) {
            outcome[i] = made.error();
            continue;
        }
        keys.push_back(operations[i].service_id);
        values.push_back(made->get());
        positions.push_back(i);
        inner.push_back(std::move(*made));
    }
    spread(keys.size(), [&](std::size_t first, std::size_t last) {
        const auto part = map.update_all(keys.data() + first, values.data() + first, last - first);
        for (std::size_t i = 0; i < part.size(); ++i) outcome[positions[first + i]] = part[i];
    });
}

KernelMaps::Outcome KernelMaps::publish_frontends(std::span<const Operation> operations) {
    std::vector<md_endpoint> keys;
    std::vector<md_frontend> values;
    for (const auto& operation : operations) {
        keys.push_back(operation.frontend);
        values.push_back({operation.service_id});
    }
    return frontends_.update_all(keys.data(), values.data(), keys.size());
}

}  // namespace meshd::kernel
