// SPDX-License-Identifier: Apache-2.0
#include "kernel/policy_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <bpf/bpf.h>

namespace meshd::kernel {

namespace {

constexpr __u32 zero = 0;

md_prefix empty_prefix(md_prefix_kind kind) {
    md_prefix key{};
    key.length = MD_PREFIX_HEAD;
    key.kind = static_cast<std::uint8_t>(kind);
    return key;
}

template <typename Key>
base::Result<void> remove_if(const Map& map, const std::function<bool(const Key&)>& is_stale) {
    std::vector<Key> stale;
    auto read = map.for_each([&](const std::byte* raw, const std::byte* /*value*/) {
        Key key;
        std::memcpy(&key, raw, sizeof key);
        if (is_stale(key)) stale.push_back(key);
    });
    if (!read) return read;
    for (const auto& outcome : map.erase_all(stale.data(), stale.size()))
        if (outcome) return base::fail(*outcome);
    return {};
}

template <typename Key, typename Value>
base::Result<void> add_all(const Map& map, const std::vector<Key>& keys, const std::vector<Value>& values) {
    for (const auto& outcome : map.update_all(keys.data(), values.data(), keys.size()))
        if (outcome) return base::fail(*outcome);
    return {};
}

}  // namespace

PolicyMaps::PolicyMaps(const Datapath& datapath)
    : policies_(datapath.map("md_policies")),
      ids_(datapath.map("md_policy_ids")),
      verdicts_(datapath.map("md_verdicts")),
      hits_(datapath.map("md_rule_hits")) {}

base::Result<base::UniqueFd> PolicyMaps::trie_in_force() const {
    __u32 id = 0;
    const auto found = policies_.lookup(&zero, &id);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) return base::UniqueFd();
    base::UniqueFd fd(::bpf_map_get_fd_by_id(id));
    if (!fd.valid()) return base::fail_errno("open the policy in", policies_.name());
    return fd;
}

base::Result<std::uint32_t> PolicyMaps::generation() const {
    const auto trie = trie_in_force();
    if (!trie) return tl::make_unexpected(trie.error());
    if (!trie->valid()) return 0;
    const auto key = empty_prefix(MD_PREFIX_DESTINATION);
    md_policy head{};
    if (::bpf_map_lookup_elem(trie->get(), &key, &head) != 0) return base::fail_errno("read the policy in", policies_.name());
    return head.generation;
}

// The kernel waits, before an update of the outer map returns, until every program that has seen the old trie has ended: only
// then what the old trie leads to is removed.
base::Result<void> PolicyMaps::put(const policy::Compiled& compiled) {
    const auto before = generation();
    if (!before) return tl::make_unexpected(before.error());
    // What an agent left that ended in the middle of this.
    if (auto cleaned = remove_others(*before); !cleaned) return cleaned;
    std::vector<std::uint64_t> rules{0};
    for (const auto& rule : compiled.ordered) rules.push_back(model::rule_id(rule));
    if (auto counted = add_counts(rules); !counted) return counted;
    const auto next = *before + 1 != 0 ? *before + 1 : 1;
    auto trie = write(compiled, next).and_then([&] { return make_trie(compiled, next); });
    if (trie) {
        const int fd = trie->get();
        if (auto replaced = policies_.update(&zero, &fd); !replaced) trie = tl::make_unexpected(replaced.error());
    }
    if (!trie) {
        (void)remove_others(*before);
        return tl::make_unexpected(trie.error());
    }
    return remove_others(next).and_then([&] { return keep_counts(rules); });
}

base::Result<void> PolicyMaps::clear() {
    if (auto erased = policies_.erase(&zero); !erased) return erased;
    if (auto removed = remove_others(0); !removed) return removed;
    return keep_counts({});
}

base::Result<void> PolicyMaps::write(const policy::Compiled& compiled, std::uint32_t generation) const {
    std::vector<md_policy_id> ids;
    std::vector<md_policy_class> classes;
    for (const auto& [key, id] : compiled.ids) {
        ids.push_back(key);
        ids.back().generation = generation;
        classes.push_back({id});
    }
    std::vector<md_verdict_key> keys;
    std::vector<md_verdict> verdicts;
    for (const auto& [key, verdict] : compiled.verdicts) {
        keys.push_back(key);
        keys.back().generation = generation;
        verdicts.push_back(verdict);
    }
    return add_all(ids_, ids, classes).and_then([&] { return add_all(verdicts_, keys, verdicts); });
}

base::Result<base::UniqueFd> PolicyMaps::make_trie(const policy::Compiled& compiled, std::uint32_t generation) const {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
    base::UniqueFd fd(
        ::bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "md_policy", sizeof(md_prefix), sizeof(md_policy), MD_MAX_PREFIXES, &options));
    if (!fd.valid()) return base::fail_errno("make map", "md_policy");
    std::vector<md_prefix> keys{empty_prefix(MD_PREFIX_SOURCE), empty_prefix(MD_PREFIX_DESTINATION)};
    std::vector<md_policy> values(2, compiled.head);
    for (const auto& [key, id] : compiled.prefixes) {
        // ::/0 as a range of a rule is the empty prefix.
        const auto is_this = [&key = key](const md_prefix& other) { return reconcile::same_bytes(key, other); };
        auto at = std::find_if(keys.begin(), keys.begin() + 2, is_this) - keys.begin();
        if (at == 2) {
            at = static_cast<std::ptrdiff_t>(keys.size());
            keys.push_back(key);
            values.push_back(compiled.head);
        }
        values[static_cast<std::size_t>(at)].class_id = id;
    }
    for (auto& value : values) value.generation = generation;
    if (auto filled = add_all(Map(fd.get(), "md_policy", sizeof(md_prefix), sizeof(md_policy)), keys, values); !filled)
        return tl::make_unexpected(filled.error());
    return fd;
}

base::Result<void> PolicyMaps::remove_others(std::uint32_t generation) const {
    return remove_if<md_verdict_key>(verdicts_, [=](const auto& key) { return key.generation != generation; }).and_then([&] {
        return remove_if<md_policy_id>(ids_, [=](const auto& key) { return key.generation != generation; });
    });
}

base::Result<void> PolicyMaps::keep_counts(const std::vector<std::uint64_t>& rules) const {
    const std::set<std::uint64_t> kept(rules.begin(), rules.end());
    return remove_if<std::uint64_t>(hits_, [&](std::uint64_t rule) { return !kept.contains(rule); });
}

base::Result<void> PolicyMaps::add_counts(const std::vector<std::uint64_t>& rules) const {
    const std::vector<std::byte> none(per_cpu_stride(sizeof(md_rule_hits)));
    for (const auto rule : rules)
        if (::bpf_map_update_elem(hits_.fd(), &rule, none.data(), BPF_NOEXIST) != 0 && errno != EEXIST)
            return base::fail_errno("write map", hits_.name());
    return {};
}

base::Result<bool> PolicyMaps::holds(const policy::Compiled& compiled) const {
    const auto now = generation();
    if (!now) return tl::make_unexpected(now.error());
    if (*now == 0) return false;
    std::size_t ids = 0;
    std::size_t verdicts = 0;
    bool same = true;
    auto read = ids_.for_each([&](const std::byte* raw, const std::byte* value) {
        md_policy_id key;
        std::memcpy(&key, raw, sizeof key);
        same = same && std::exchange(key.generation, 0) == *now;
        const auto found = compiled.ids.find(key);
        same = same && found != compiled.ids.end() && std::memcmp(value, &found->second, sizeof found->second) == 0;
        ++ids;
    });
    if (!read) return tl::make_unexpected(read.error());
    read = verdicts_.for_each([&](const std::byte* raw, const std::byte* value) {
        md_verdict_key key;
        std::memcpy(&key, raw, sizeof key);
        same = same && std::exchange(key.generation, 0) == *now;
        const auto found = compiled.verdicts.find(key);
        same = same && found != compiled.verdicts.end() && std::memcmp(value, &found->second, sizeof found->second) == 0;
        ++verdicts;
    });
    if (!read) return tl::make_unexpected(read.error());
    return same && ids == compiled.ids.size() && verdicts == compiled.verdicts.size();
}

base::Result<std::map<std::uint64_t, md_rule_hits>> PolicyMaps::hits() const {
    std::map<std::uint64_t, md_rule_hits> sums;
    auto read = hits_.for_each([&](const std::byte* raw, const std::byte* value) {
        std::uint64_t rule = 0;
        std::memcpy(&rule, raw, sizeof rule);
        auto& sum = sums[rule];
        for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) {
            md_rule_hits one;
            std::memcpy(&one, value + cpu * sizeof one, sizeof one);
            sum.allowed += one.allowed;
            sum.denied += one.denied;
            sum.audited += one.audited;
        }
    });
    if (!read) return tl::make_unexpected(read.error());
    return sums;
}

}  // namespace meshd::kernel
