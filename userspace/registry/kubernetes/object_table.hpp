// SPDX-License-Identifier: Apache-2.0
// Objects of one kind by their keys, kept over a list: what it does not name is gone when it ends. Pure.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace meshd::registry::kubernetes {

template <typename Object>
class ObjectTable {
public:
    // Takes the object; what it was before, when it was there and differs, is swapped into `object`. False: it is as it was.
    bool put(const std::string& key, Object& object, bool& was_there) {
        const auto [entry, is_new] = entries_.try_emplace(key);
        was_there = !is_new;
        entry->second.listed = listing_;
        if (!is_new && entry->second.object == object) return false;
        std::swap(entry->second.object, object);
        return true;
    }

    // It exists, and is as it was.
    void keep(const std::string& key) {
        if (const auto found = entries_.find(key); found != entries_.end()) found->second.listed = listing_;
    }

    void remove(const std::string& key) { entries_.erase(key); }

    void begin_list() { ++listing_; }
    // Keys of what the list did not name.
    [[nodiscard]] std::vector<std::string> unlisted() const {
        std::vector<std::string> keys;
        for (const auto& [key, entry] : entries_)
            if (entry.listed != listing_) keys.push_back(key);
        return keys;
    }

    [[nodiscard]] const Object* find(const std::string& key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : &found->second.object;
    }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

    template <typename Visit>
    void each(Visit visit) const {
        for (const auto& [key, entry] : entries_) visit(key, entry.object);
    }

private:
    struct Entry {
        Object object;
        std::uint32_t listed = 0;  // the list that named it last
    };
    std::unordered_map<std::string, Entry> entries_;
    std::uint32_t listing_ = 0;
};

}  // namespace meshd::registry::kubernetes
