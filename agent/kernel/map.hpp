// SPDX-License-Identifier: Apache-2.0
// One BPF map, by a borrowed descriptor: single and batched access. Batches fall back to single calls where the kernel has none
// for a type of map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <linux/bpf.h>

#include "base/error.hpp"

namespace meshd::kernel {

struct MapInfo {
    std::string name;
    std::uint32_t type = 0;
    std::uint32_t id = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::uint32_t max_entries = 0;
    std::uint64_t memory_bytes = 0;  // "memlock" of /proc/self/fdinfo: what the kernel accounts to the map
};

class Map {
public:
    // `value_stride`: bytes that one value takes in a system call; for per-CPU maps, all CPUs together.
    Map(int fd, std::string name, std::size_t key_size, std::size_t value_stride)
        : fd_(fd), name_(std::move(name)), key_size_(key_size), value_stride_(value_stride) {}

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] base::Result<MapInfo> info() const;

    [[nodiscard]] base::Result<bool> lookup(const void* key, void* value) const;  // false: not there
    [[nodiscard]] base::Result<void> update(const void* key, const void* value) const;
    [[nodiscard]] base::Result<void> erase(const void* key) const;  // not there: fine

    // `keys` and `values` hold `count` of them, one after the other. One entry for each: nothing, or why it failed.
    [[nodiscard]] std::vector<std::optional<base::Error>> update_all(const void* keys, const void* values,
                                                                     std::size_t count) const;
    [[nodiscard]] std::vector<std::optional<base::Error>> erase_all(const void* keys, std::size_t count) const;

    // Every entry. Entries that come or go meanwhile may be seen or not. Stops at the first error.
    [[nodiscard]] base::Result<void> for_each(
        const std::function<void(const std::byte* key, const std::byte* value)>& visit) const;

    // A walk through all entries in steps. `count`: how many there is room for in `keys` and `values`, then how many came. True
    // at the end. Fails with ENOSPC, and has not moved, when the next part of the map has more entries than fit.
    struct Cursor {
        std::uint64_t position[4] = {};
        bool begun = false;
    };
    [[nodiscard]] base::Result<bool> step(Cursor& cursor, void* keys, void* values, std::uint32_t& count) const;

private:
    [[nodiscard]] base::Result<void> walk(const std::function<void(const std::byte*, const std::byte*)>& visit) const;

    int fd_;
    std::string name_;
    std::size_t key_size_;
    std::size_t value_stride_;
};

// CPUs that per-CPU maps hold values for, and the bytes of one value of theirs (rounded up to 8) for all of them.
std::size_t possible_cpus();
std::size_t per_cpu_stride(std::size_t value_size);

}  // namespace meshd::kernel
