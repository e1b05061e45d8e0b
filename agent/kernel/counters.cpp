// SPDX-License-Identifier: Apache-2.0
#include "kernel/counters.hpp"

#include <cstring>

namespace meshd::kernel {

namespace {

std::uint64_t joined(std::uint32_t service_id, std::uint32_t backend_id) { return std::uint64_t{service_id} << 32 | backend_id; }

}  // namespace

base::Result<Reasons> read_reasons(const Datapath& datapath) {
    Reasons sums{};
    const auto done = datapath.map("md_reasons").for_each([&](const std::byte* key, const std::byte* value) {
        __u32 reason = 0;
        std::memcpy(&reason, key, sizeof reason);
        for (std::size_t cpu = 0; reason < sums.size() && cpu < possible_cpus(); ++cpu) {
            __u64 count = 0;
            std::memcpy(&count, value + cpu * sizeof count, sizeof count);
            sums[reason] += count;
        }
    });
    if (!done) return tl::make_unexpected(done.error());
    return sums;
}

// `value`: one count for each CPU.
void Connects::add(const md_connects_key& key, const std::byte* value) {
    md_connects sum{};
    for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) {
        md_connects count{};
        std::memcpy(&count, value + cpu * sizeof count, sizeof count);
        sum.connects += count.connects;
        sum.datagrams += count.datagrams;
    }
    if (sum.connects != 0 || sum.datagrams != 0) counts_.emplace(joined(key.service_id, key.backend_id), sum);
}

base::Result<Connects> Connects::read(const Datapath& datapath) {
    Connects all;
    const auto done = datapath.map("md_connects").for_each([&](const std::byte* key, const std::byte* value) {
        md_connects_key id{};
        std::memcpy(&id, key, sizeof id);
        all.add(id, value);
    });
    if (!done) return tl::make_unexpected(done.error());
    return all;
}

base::Result<Connects> Connects::read(const Datapath& datapath, std::uint32_t service_id,
                                      const std::vector<std::uint32_t>& backend_ids) {
    Connects some;
    const auto& map = datapath.map("md_connects");
    std::vector<std::byte> value(possible_cpus() * sizeof(md_connects));
    for (const auto backend_id : backend_ids) {
        md_connects_key key{};
        key.service_id = service_id;
        key.backend_id = backend_id;
        const auto found = map.lookup(&key, value.data());
        if (!found) return tl::make_unexpected(found.error());
        if (*found) some.add(key, value.data());
    }
    return some;
}

md_connects Connects::of(std::uint32_t service_id, std::uint32_t backend_id) const {
    const auto found = counts_.find(joined(service_id, backend_id));
    return found == counts_.end() ? md_connects{} : found->second;
}

}  // namespace meshd::kernel
