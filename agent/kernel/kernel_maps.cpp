// SPDX-License-Identifier: Apache-2.0
#include "kernel/kernel_maps.hpp"

#include <cerrno>
#include <cstring>

#include <bpf/bpf.h>

namespace meshd::kernel {

using reconcile::Operation;
using reconcile::OperationKind;

namespace {

template <typename T>
T read_as(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

md_connects_key counter_key(const Operation& operation) { return {operation.service_id, operation.backend_id}; }

}  // namespace

KernelMaps::KernelMaps(const Datapath& datapath)
    : datapath_(datapath),
      frontends_(datapath.map("md_frontends")),
      services_(datapath.map("md_services")),
      tables_(datapath.map("md_tables")),
      backends_(datapath.map("md_backends")),
      connects_(datapath.map("md_connects")) {}

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
    if (done) done = read_tables(state);
    if (!done) return tl::make_unexpected(done.error());
    return state;
}

base::Result<void> KernelMaps::read_tables(reconcile::RealizedState& state) {
    base::Result<void> outcome;
    const auto done = tables_.for_each([&](const std::byte* key, const std::byte* value) {
        auto slots = read_slots(read_as<std::uint32_t>(value));
        if (slots) state.set_table(read_as<std::uint32_t>(key), std::move(*slots));
        else if (outcome) outcome = tl::make_unexpected(slots.error());
    });
    if (!done) return done;
    return outcome;
}

base::Result<std::vector<md_slot>> KernelMaps::read_slots(std::uint32_t map_id) {
    const base::UniqueFd fd(::bpf_map_get_fd_by_id(map_id));
    if (!fd.valid()) {
        if (errno == ENOENT) return std::vector<md_slot>{};  // replaced since we looked
        return base::fail_errno("open table with map id", std::to_string(map_id));
    }
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return base::fail_errno("look at table with map id", std::to_string(map_id));
    std::vector<md_slot> slots(info.max_entries);
    for (__u32 index = 0; index < info.max_entries; ++index)
        if (::bpf_map_lookup_elem(fd.get(), &index, &slots[index]) != 0) return base::fail_errno("read table with map id", std::to_string(map_id));
    return slots;
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
        case OperationKind::set_backend: return set_backends(operations);
        case OperationKind::name_service: return name_services(operations);
        case OperationKind::replace_table: return replace_tables(operations);
        case OperationKind::publish_frontend: return publish_frontends(operations);
        case OperationKind::remove_frontend: return each(frontends_, [](const Operation& operation) { return operation.frontend; });
        case OperationKind::remove_table: return each(tables_, [](const Operation& operation) { return operation.service_id; });
        case OperationKind::unname_service:
            remove_counters(operations);
            return each(services_, [](const Operation& operation) { return operation.service_id; });
        case OperationKind::remove_backend:
            remove_counters(operations);
            return each(backends_, [](const Operation& operation) { return operation.backend_id; });
    }
    return Outcome(operations.size());
}

// A counter's entry is there before anything can be counted in it. An entry that is already there keeps its counts.
void KernelMaps::add_counters(std::span<const Operation> operations, Outcome& outcome) {
    const std::vector<std::byte> zeros(per_cpu_stride(sizeof(md_connects)));
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto key = counter_key(operations[i]);
        if (::bpf_map_update_elem(connects_.fd(), &key, zeros.data(), BPF_NOEXIST) == 0 || errno == EEXIST) continue;
        outcome[i] = base::Error{"write map", connects_.name(), errno, {},
                                 errno == E2BIG ? "raise limits.backends, then restart with `meshd --unload`" : ""};
    }
}

void KernelMaps::remove_counters(std::span<const Operation> operations) {
    for (const auto& operation : operations) {
        const auto key = counter_key(operation);
        ::bpf_map_delete_elem(connects_.fd(), &key);  // gone already is as good
    }
}

KernelMaps::Outcome KernelMaps::set_backends(std::span<const Operation> operations) {
    Outcome counters(operations.size());
    add_counters(operations, counters);
    std::vector<std::uint32_t> keys;
    std::vector<md_backend> values;
    for (const auto& operation : operations) {
        keys.push_back(operation.backend_id);
        values.push_back(operation.backend);
    }
    auto outcome = backends_.update_all(keys.data(), values.data(), keys.size());
    for (std::size_t i = 0; i < outcome.size(); ++i)
        if (counters[i]) outcome[i] = counters[i];
    return outcome;
}

KernelMaps::Outcome KernelMaps::name_services(std::span<const Operation> operations) {
    Outcome counters(operations.size());
    add_counters(operations, counters);
    std::vector<std::uint32_t> keys;
    std::vector<md_service> values;
    for (const auto& operation : operations) {
        keys.push_back(operation.service_id);
        values.push_back(reconcile::encode(operation.name));
    }
    auto outcome = services_.update_all(keys.data(), values.data(), keys.size());
    for (std::size_t i = 0; i < outcome.size(); ++i)
        if (counters[i]) outcome[i] = counters[i];
    return outcome;
}

// The kernel waits for its readers once for a batch of tables, but for each single one: ten milliseconds or more.
KernelMaps::Outcome KernelMaps::replace_tables(std::span<const Operation> operations) {
    Outcome outcome(operations.size());
    std::vector<base::UniqueFd> inner;
    std::vector<std::uint32_t> keys;
    std::vector<int> values;
    std::vector<std::size_t> positions;
    const auto flush = [&] {
        const auto written = tables_.update_all(keys.data(), values.data(), keys.size());
        for (std::size_t i = 0; i < written.size(); ++i) outcome[positions[i]] = written[i];
        inner.clear();
        keys.clear();
        values.clear();
        positions.clear();
    };
    constexpr std::size_t open_at_once = 512;  // below the usual limit of 1024 descriptors
    for (std::size_t i = 0; i < operations.size(); ++i) {
        auto slots = datapath_.make_slots(operations[i].table);
        if (!slots) {
            outcome[i] = slots.error();
            continue;
        }
        keys.push_back(operations[i].service_id);
        values.push_back(slots->get());
        positions.push_back(i);
        inner.push_back(std::move(*slots));
        if (inner.size() == open_at_once) flush();
    }
    if (!inner.empty()) flush();
    return outcome;
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
