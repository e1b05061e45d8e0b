// SPDX-License-Identifier: Apache-2.0
#include "kernel/map.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <mutex>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/batches.hpp"

namespace meshd::kernel {

namespace {

// Entries in one batched system call: enough that its cost is spread, few enough that its buffers stay small. A hash answers
// whole buckets, so it must also be more than fits into one of them.
constexpr std::uint32_t batch_entries = 4096;
constexpr std::uint32_t least_entries = 64;
constexpr std::size_t batch_bytes = 4U << 20U;  // a value of a per-CPU map takes as much as there are CPUs

std::uint32_t entries_of(std::size_t entry_size) {
    return std::clamp(static_cast<std::uint32_t>(batch_bytes / entry_size), least_entries, batch_entries);
}

constexpr const char* full_remedy = "raise the map's entry under `limits`, then restart with `meshd --unload`";

std::uint64_t memlock_of(int fd) {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
    for (std::string word; info >> word;)
        if (std::uint64_t bytes = 0; word == "memlock:" && info >> bytes) return bytes;
    return 0;
}

// Names of maps that were walked.
struct Walked {
    std::mutex mutex;
    std::set<std::string> maps;
};

Walked& walked() {
    static Walked one;
    return one;
}

}  // namespace

std::set<std::string> maps_without_batches() {
    const std::lock_guard lock(walked().mutex);
    return walked().maps;
}

std::size_t possible_cpus() {
    static const int count = ::libbpf_num_possible_cpus();
    return count > 0 ? static_cast<std::size_t>(count) : 1;
}

std::size_t per_cpu_stride(std::size_t value_size) { return (value_size + 7) / 8 * 8 * possible_cpus(); }

base::Result<MapInfo> Map::info() const {
    bpf_map_info raw{};
    __u32 size = sizeof raw;
    if (::bpf_obj_get_info_by_fd(fd_, &raw, &size) != 0) return base::fail_errno("look at map", name_);
    return MapInfo{raw.name, raw.type, raw.id, raw.key_size, raw.value_size, raw.max_entries, memlock_of(fd_)};
}

base::Result<bool> Map::lookup(const void* key, void* value) const {
    if (::bpf_map_lookup_elem(fd_, key, value) == 0) return true;
    if (errno == ENOENT) return false;
    return base::fail_errno("read map", name_);
}

base::Result<void> Map::update(const void* key, const void* value) const {
    if (::bpf_map_update_elem(fd_, key, value, BPF_ANY) == 0) return {};
    return base::fail_errno("write map", name_, errno == E2BIG ? full_remedy : "");
}

base::Result<void> Map::erase(const void* key) const {
    if (::bpf_map_delete_elem(fd_, key) == 0 || errno == ENOENT) return {};
    return base::fail_errno("delete from map", name_);
}

std::vector<std::optional<base::Error>> Map::update_all(const void* keys, const void* values, std::size_t count) const {
    std::vector<std::optional<base::Error>> outcome(count);
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const auto* const key = static_cast<const std::byte*>(keys);
    const auto* const value = static_cast<const std::byte*>(values);
    std::size_t done = 0;
    while (count - done > 1) {
        auto batch = static_cast<__u32>(std::min<std::size_t>(count - done, batch_entries));
        const auto asked = batch;
        const bool failed =
            ::bpf_map_update_batch(fd_, key + done * key_size_, value + done * value_stride_, &batch, &options) != 0;
        // On an error the kernel says how many it did; -EFAULT alone leaves the number as it was.
        if (failed && batch >= asked) batch = 0;
        done += batch;
        if (failed) break;
    }
    for (; done < count; ++done)
        if (auto written = update(key + done * key_size_, value + done * value_stride_); !written)
            outcome[done] = written.error();
    return outcome;
}

std::vector<std::optional<base::Error>> Map::erase_all(const void* keys, std::size_t count) const {
    std::vector<std::optional<base::Error>> outcome(count);
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const auto* const key = static_cast<const std::byte*>(keys);
    std::size_t done = 0;
    while (count - done > 1) {
        auto batch = static_cast<__u32>(std::min<std::size_t>(count - done, batch_entries));
        const auto asked = batch;
        const bool failed = ::bpf_map_delete_batch(fd_, key + done * key_size_, &batch, &options) != 0;
        if (failed && batch >= asked) batch = 0;
        done += batch;
        if (failed) break;
    }
    // A batch stops at an entry that is gone already: one by one that is fine.
    for (; done < count; ++done)
        if (auto erased = erase(key + done * key_size_); !erased) outcome[done] = erased.error();
    return outcome;
}

base::Result<void> Map::for_each(const std::function<void(const std::byte*, const std::byte*)>& visit) const {
    auto batch = entries_of(key_size_ + value_stride_);
    std::vector<std::byte> keys(batch * key_size_);
    std::vector<std::byte> values(batch * value_stride_);
    std::uint64_t cursor[4] = {};  // as large as any key that the kernel keeps here: arrays 4 bytes, hashes 4
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    for (bool first = true, last = false; !last; first = false) {
        __u32 count = batch;
        int error = 0;
        while ((error = ::bpf_map_lookup_batch(fd_, first ? nullptr : cursor, cursor, keys.data(), values.data(), &count,
                                               &options)) != 0 &&
               errno == ENOSPC && batch < batch_entries) {
            count = batch = std::min(batch * 2, batch_entries);
            keys.resize(batch * key_size_);
            values.resize(batch * value_stride_);
        }
        if (error != 0 && errno != ENOENT) {
            if (first) {  // ENOTSUPP and its relatives: this type of map has no batches here
                const std::lock_guard lock(walked().mutex);
                walked().maps.insert(name_);
            }
            if (first) return walk(visit);
            return base::fail_errno("read map", name_);
        }
        last = error != 0;
        for (__u32 i = 0; i < count; ++i) visit(keys.data() + i * key_size_, values.data() + i * value_stride_);
    }
    return {};
}

base::Result<bool> Map::step(Cursor& cursor, void* keys, void* values, std::uint32_t& count) const {
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const int error =
        ::bpf_map_lookup_batch(fd_, cursor.begun ? cursor.position : nullptr, cursor.position, keys, values, &count, &options);
    if (error != 0 && errno != ENOENT) return base::fail_errno("read map", name_);
    cursor.begun = true;
    return error != 0;
}

base::Result<void> Map::walk(const std::function<void(const std::byte*, const std::byte*)>& visit) const {
    std::vector<std::byte> key(key_size_);
    std::vector<std::byte> next(key_size_);
    std::vector<std::byte> value(value_stride_);
    bool first = true;
    while (::bpf_map_get_next_key(fd_, first ? nullptr : key.data(), next.data()) == 0) {
        first = false;
        key = next;
        auto found = lookup(key.data(), value.data());
        if (!found) return tl::make_unexpected(found.error());
        if (*found) visit(key.data(), value.data());
    }
    if (errno != ENOENT) return base::fail_errno("read map", name_);
    return {};
}

}  // namespace meshd::kernel
