// SPDX-License-Identifier: Apache-2.0
// Whole maps of plain values: all that one holds, and bringing it to hold exactly what is wanted.
#pragma once

#include <cstring>
#include <map>

#include "kernel/map.hpp"
#include "reconcile/encode.hpp"

namespace meshd::kernel {

template <typename T>
T read_as(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

template <typename Key, typename Value>
using MapContent = std::map<Key, Value, reconcile::BytesLess>;

template <typename Key, typename Value>
base::Result<MapContent<Key, Value>> read_all(const Map& map) {
    MapContent<Key, Value> all;
    auto done = map.for_each(
        [&](const std::byte* key, const std::byte* value) { all.emplace(read_as<Key>(key), read_as<Value>(value)); });
    if (!done) return tl::make_unexpected(done.error());
    return all;
}

// Writes what differs, erases what is too much. True when something changed.
template <typename Key, typename Value>
base::Result<bool> make_equal(const Map& map, const MapContent<Key, Value>& wanted) {
    const auto found = read_all<Key, Value>(map);
    if (!found) return tl::make_unexpected(found.error());
    bool changed = false;
    for (const auto& [key, value] : wanted) {
        const auto now = found->find(key);
        if (now != found->end() && reconcile::same_bytes(now->second, value)) continue;
        if (auto written = map.update(&key, &value); !written) return tl::make_unexpected(written.error());
        changed = true;
    }
    for (const auto& [key, value] : *found) {
        if (wanted.contains(key)) continue;
        if (auto erased = map.erase(&key); !erased) return tl::make_unexpected(erased.error());
        changed = true;
    }
    return changed;
}

}  // namespace meshd::kernel
