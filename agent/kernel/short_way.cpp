// SPDX-License-Identifier: Apache-2.0
#include "kernel/short_way.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include <bpf/libbpf.h>

#include "kernel/map_content.hpp"

namespace meshd::kernel {

namespace {

constexpr std::uint32_t zero = 0;

// A struct that is nothing but 64-bit counters.
md_paths& operator+=(md_paths& sum, const md_paths& part) {
    static_assert(sizeof(md_paths) % sizeof(std::uint64_t) == 0);
    constexpr auto counters = sizeof(md_paths) / sizeof(std::uint64_t);
    std::array<std::uint64_t, counters> left{};
    std::array<std::uint64_t, counters> right{};
    std::memcpy(left.data(), &sum, sizeof sum);
    std::memcpy(right.data(), &part, sizeof part);
    for (std::size_t i = 0; i < counters; ++i) left[i] += right[i];
    std::memcpy(&sum, left.data(), sizeof sum);
    return sum;
}

md_paths sum_of_cpus(const std::byte* values) {
    md_paths sum{};
    const auto cpus = possible_cpus();
    const auto stride = per_cpu_stride(sizeof(md_paths)) / cpus;
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) sum += read_as<md_paths>(values + cpu * stride);
    return sum;
}

}  // namespace

ShortWay::ShortWay(const Datapath& datapath)
    : datapath_(datapath),
      acceleration_(datapath.map("md_acceleration")),
      halts_(datapath.map("md_halts")),
      excluded_(datapath.map("md_excluded")),
      paths_(datapath.map("md_paths")),
      pairs_(datapath.map("md_pairs")) {}

base::Result<md_acceleration> ShortWay::decided() const {
    md_acceleration value{};
    if (auto found = acceleration_.lookup(&zero, &value); !found) return tl::make_unexpected(found.error());
    return value;
}

base::Result<void> ShortWay::decide(md_acceleration value) {
    const auto before = decided();
    if (!before) return tl::make_unexpected(before.error());
    value.epoch = before->epoch + 1;
    return acceleration_.update(&zero, &value);
}

base::Result<void> ShortWay::refresh() {
    const auto now = decided();
    if (!now) return tl::make_unexpected(now.error());
    return decide(*now);
}

base::Result<std::map<std::uint32_t, md_halt>> ShortWay::halts() const {
    const auto found = read_all<std::uint32_t, md_halt>(halts_);
    if (!found) return tl::make_unexpected(found.error());
    return std::map<std::uint32_t, md_halt>(found->begin(), found->end());
}

base::Result<bool> ShortWay::set_halts(const std::map<std::uint32_t, md_halt>& wanted) const {
    return make_equal<std::uint32_t, md_halt>(
        halts_, std::map<std::uint32_t, md_halt, reconcile::BytesLess>(wanted.begin(), wanted.end()));
}

base::Result<bool> ShortWay::set_exclusions(const std::vector<md_exclusion>& wanted) const {
    std::map<md_exclusion, std::uint32_t, reconcile::BytesLess> entries;
    for (const auto& exclusion : wanted) entries.emplace(exclusion, 1);
    return make_equal<md_exclusion, std::uint32_t>(excluded_, entries);
}

base::Result<std::uint64_t> ShortWay::opened(std::uint32_t service_id) const {
    std::vector<std::byte> values(per_cpu_stride(sizeof(md_paths)));
    const auto found = paths_.lookup(&service_id, values.data());
    if (!found) return tl::make_unexpected(found.error());
    return *found ? sum_of_cpus(values.data()).opened : 0;
}

base::Result<std::map<std::uint32_t, md_paths>> ShortWay::paths() const {
    std::map<std::uint32_t, md_paths> all;
    auto done = paths_.for_each(
        [&](const std::byte* key, const std::byte* value) { all.emplace(read_as<std::uint32_t>(key), sum_of_cpus(value)); });
    if (!done) return tl::make_unexpected(done.error());
    return all;
}

base::Result<void> ShortWay::forget_paths(std::uint32_t service_id) const { return paths_.erase(&service_id); }

base::Result<std::vector<std::pair<std::uint64_t, md_pair>>> ShortWay::pairs() const {
    std::vector<std::pair<std::uint64_t, md_pair>> all;
    auto done = pairs_.for_each([&](const std::byte* key, const std::byte* value) {
        all.emplace_back(read_as<std::uint64_t>(key), read_as<md_pair>(value));
    });
    if (!done) return tl::make_unexpected(done.error());
    return all;
}

base::Result<PairCounts> ShortWay::count_pairs() const {
    PairCounts counts;
    auto done = pairs_.for_each([&](const std::byte*, const std::byte* value) {
        (read_as<std::uint8_t>(value + offsetof(md_pair, left)) != 0 ? counts.left : counts.enrolled) += 1;
    });
    if (!done) return tl::make_unexpected(done.error());
    return counts;
}

base::Result<md_look_at_pair> ShortWay::look(std::uint64_t pair, std::uint32_t take_out) const {
    md_look_at_pair question{};
    question.pair = pair;
    question.take_out = take_out;
    return datapath_.ask(question);
}

}  // namespace meshd::kernel
