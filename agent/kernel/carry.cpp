// SPDX-License-Identifier: Apache-2.0
#include "kernel/carry.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <bpf/bpf.h>

#include "kernel/map.hpp"

namespace meshd::kernel {

namespace {

enum class Kind { entries, array, arrays, sockets, none };

Kind kind_of(__u32 type) {
    switch (type) {
        case BPF_MAP_TYPE_HASH:
        case BPF_MAP_TYPE_LRU_HASH:
        case BPF_MAP_TYPE_PERCPU_HASH:
        case BPF_MAP_TYPE_LRU_PERCPU_HASH:
            return Kind::entries;
        case BPF_MAP_TYPE_ARRAY:
        case BPF_MAP_TYPE_PERCPU_ARRAY:
            return Kind::array;
        case BPF_MAP_TYPE_ARRAY_OF_MAPS:
        case BPF_MAP_TYPE_HASH_OF_MAPS:
            return Kind::arrays;
        case BPF_MAP_TYPE_SK_STORAGE:
            return Kind::sockets;
        default:
            return Kind::none;
    }
}

// Entries come and go, and are not all there from the beginning.
bool can_go(__u32 type) { return kind_of(type) == Kind::entries || kind_of(type) == Kind::arrays; }

bool is_zero(const std::vector<std::byte>& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte one) { return one == std::byte{}; });
}

// Without types of either, or of a plain number, what is as long is the same.
std::vector<Move> moves_of(const btf* from, __u32 from_type, __u32 from_size, const btf* to, __u32 to_type, __u32 to_size) {
    if (from != nullptr && to != nullptr && from_type != 0 && to_type != 0) return moves(from, from_type, to, to_type);
    return {{0, 0, std::min(from_size, to_size)}};
}

std::vector<std::byte> moved(const std::vector<Move>& moves, const std::byte* from, std::size_t size) {
    std::vector<std::byte> value(size);
    for (const auto& move : moves) std::memcpy(value.data() + move.to, from + move.from, move.size);
    return value;
}

constexpr std::size_t rounded(std::size_t size) { return (size + 7) / 8 * 8; }

}  // namespace

bool can_carry(__u32 type) { return kind_of(type) != Kind::none; }

base::Result<OpenMap> OpenMap::of(base::UniqueFd fd, const std::string& name) {
    OpenMap map{std::move(fd), {}, {}};
    __u32 size = sizeof map.info;
    if (!map.fd.valid() || ::bpf_obj_get_info_by_fd(map.fd.get(), &map.info, &size) != 0)
        return base::fail_errno("look at map", name);
    if (map.info.btf_id != 0)
        map.types = std::shared_ptr<btf>(::btf__load_from_kernel_by_id(map.info.btf_id), [](btf* types) { ::btf__free(types); });
    return map;
}

base::Result<std::optional<OpenMap>> OpenMap::pinned(const std::string& path) {
    base::UniqueFd fd(::bpf_obj_get(path.c_str()));
    if (!fd.valid()) {
        if (errno == ENOENT) return std::nullopt;
        return base::fail_errno("open pinned map", path);
    }
    auto map = of(std::move(fd), path);
    if (!map) return tl::make_unexpected(map.error());
    return std::optional(std::move(*map));
}

Carry::Carry(std::string name, OpenMap from, OpenMap to, std::optional<InnerShape> inner)
    : name_(std::move(name)), from_(std::move(from)), to_(std::move(to)), inner_(inner) {
    key_moves_ = moves_of(from_.types.get(), from_.info.btf_key_type_id, from_.info.key_size, to_.types.get(),
                          to_.info.btf_key_type_id, to_.info.key_size);
    value_moves_ = moves_of(from_.types.get(), from_.info.btf_value_type_id, from_.info.value_size, to_.types.get(),
                            to_.info.btf_value_type_id, to_.info.value_size);
}

base::Result<Carry> Carry::make(const std::string& name, OpenMap from, OpenMap to, std::optional<InnerShape> inner) {
    const auto bad = [&](const std::string& why) {
        return base::fail(
            {"carry over map", name, 0, why,
             "run the meshd that made it, or `meshd --unload` to remove it: services are not balanced until the next "
             "start"});
    };
    if (kind_of(from.info.type) != kind_of(to.info.type) || kind_of(from.info.type) == Kind::none)
        return bad("it is of type " + std::to_string(from.info.type) + ", and is to be of type " + std::to_string(to.info.type));
    const bool is_plain = kind_of(from.info.type) != Kind::arrays;
    if (is_plain && (from.types == nullptr || to.types == nullptr) &&
        (from.info.value_size != to.info.value_size || from.info.key_size != to.info.key_size))
        return bad("the kernel keeps no types (BTF) with it, so nobody knows what its " + std::to_string(from.info.value_size) +
                   " bytes mean");
    return Carry(name, std::move(from), std::move(to), inner);
}

bool Carry::has_parts() const {
    const auto type = from_.info.type;
    return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

Carry::Bytes Carry::converted_key(const std::byte* key) const { return moved(key_moves_, key, to_.info.key_size); }

Carry::Bytes Carry::converted_value(const std::byte* value) const {
    if (!has_parts()) return moved(value_moves_, value, to_.info.value_size);
    Bytes all;
    for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) {
        auto part = moved(value_moves_, value + cpu * rounded(from_.info.value_size), rounded(to_.info.value_size));
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

base::Result<void> Carry::for_each(const OpenMap& map, const Visit& visit) const {
    const Map whole(map.fd.get(), name_, map.info.key_size,
                    has_parts() ? per_cpu_stride(map.info.value_size) : map.info.value_size);
    base::Result<void> outcome;
    auto walked = whole.for_each([&](const std::byte* key, const std::byte* value) {
        if (outcome) outcome = visit(key, value);
    });
    return walked ? outcome : walked;
}

std::vector<Carry::Bytes> Carry::keys(const OpenMap& map) const {
    std::vector<Bytes> all;
    Bytes next(map.info.key_size);
    while (::bpf_map_get_next_key(map.fd.get(), all.empty() ? nullptr : all.back().data(), next.data()) == 0) all.push_back(next);
    return all;
}

base::Result<void> Carry::entry(const std::byte* key, const std::byte* value, bool overwrite) {
    const auto to_key = converted_key(key);
    const auto to_value = converted_value(value);
    if (kind_of(to_.info.type) == Kind::array) {
        std::uint32_t index = 0;
        std::memcpy(&index, key, sizeof index);
        if (index >= to_.info.max_entries) return {};
        Bytes there(to_value.size());
        if (!overwrite && ::bpf_map_lookup_elem(to_.fd.get(), to_key.data(), there.data()) == 0 && !is_zero(there)) return {};
        if (is_zero(to_value) && is_zero(there)) return {};
    }
    const auto flags = overwrite || kind_of(to_.info.type) == Kind::array ? BPF_ANY : BPF_NOEXIST;
    if (::bpf_map_update_elem(to_.fd.get(), to_key.data(), to_value.data(), flags) != 0) {
        if (errno == EEXIST) return {};
        return base::fail_errno("write map", name_, errno == E2BIG ? "raise the map's entry under `limits`" : "");
    }
    ++entries_;
    return {};
}

base::Result<base::UniqueFd> Carry::convert_inner(const OpenMap& inner) {
    if (!inner_) return base::fail({"carry over map", name_, 0, "nobody knows how the arrays in it are to be", {}});
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = inner_->flags);
    if (inner_->btf_fd >= 0 && inner_->value_type != 0) {
        options.btf_fd = static_cast<__u32>(inner_->btf_fd);
        options.btf_key_type_id = inner_->key_type;
        options.btf_value_type_id = inner_->value_type;
    }
    const auto change = moves_of(inner.types.get(), inner.info.btf_value_type_id, inner.info.value_size, inner_->types,
                                 inner_->value_type, inner_->value_size);
    base::UniqueFd made(::bpf_map_create(BPF_MAP_TYPE_ARRAY, inner.info.name, sizeof(__u32), inner_->value_size,
                                         inner.info.max_entries, &options));
    if (!made.valid()) return base::fail_errno("make an array of map", name_);
    Bytes value(inner.info.value_size);
    for (__u32 i = 0; i < inner.info.max_entries; ++i) {
        if (::bpf_map_lookup_elem(inner.fd.get(), &i, value.data()) != 0) return base::fail_errno("read an array of map", name_);
        const auto converted = moved(change, value.data(), inner_->value_size);
        if (::bpf_map_update_elem(made.get(), &i, converted.data(), BPF_ANY) != 0)
            return base::fail_errno("write an array of map", name_);
    }
    return made;
}

// The value is the id of an array.
base::Result<void> Carry::array_of(const std::byte* key, const std::byte* value, bool overwrite) {
    std::uint32_t there = 0;
    if (!overwrite && ::bpf_map_lookup_elem(to_.fd.get(), key, &there) == 0) return {};
    std::uint32_t id = 0;
    std::memcpy(&id, value, sizeof id);
    base::UniqueFd fd(::bpf_map_get_fd_by_id(id));
    if (!fd.valid()) return {};  // replaced meanwhile: the next pass has it
    const auto inner = OpenMap::of(std::move(fd), name_);
    if (!inner) return tl::make_unexpected(inner.error());
    const auto made = convert_inner(*inner);
    if (!made) return tl::make_unexpected(made.error());
    const int descriptor = made->get();
    if (::bpf_map_update_elem(to_.fd.get(), key, &descriptor, BPF_ANY) != 0) return base::fail_errno("write map", name_);
    ++entries_;
    return {};
}

// Fails for what is no socket of ours any more; others are not to wait for it.
void Carry::socket(int descriptor, bool overwrite) {
    Bytes value(from_.info.value_size);
    Bytes there(to_.info.value_size);
    if (::bpf_map_lookup_elem(from_.fd.get(), &descriptor, value.data()) != 0) return;
    if (!overwrite && ::bpf_map_lookup_elem(to_.fd.get(), &descriptor, there.data()) == 0) return;
    const auto converted = converted_value(value.data());
    if (::bpf_map_update_elem(to_.fd.get(), &descriptor, converted.data(), BPF_ANY) == 0) ++entries_;
}

// What was brought before is left alone: the programs of the other map may have changed it since, or removed it.
base::Result<void> Carry::run(const SocketWalk& sockets, bool overwrite) {
    const auto kind = kind_of(from_.info.type);
    if (kind == Kind::sockets) {
        if (sockets) sockets([&](int descriptor) { socket(descriptor, overwrite); });
        return {};
    }
    std::vector<Bytes> now;
    auto done = for_each(from_, [&](const std::byte* key, const std::byte* value) -> base::Result<void> {
        if (can_go(from_.info.type)) {
            now.emplace_back(key, key + from_.info.key_size);
            if (std::binary_search(brought_.begin(), brought_.end(), now.back())) return {};
        }
        return kind == Kind::arrays ? array_of(key, value, overwrite) : entry(key, value, overwrite);
    });
    std::sort(now.begin(), now.end());
    brought_ = std::move(now);
    return done;
}

base::Result<void> Carry::take_out_what_went() {
    Bytes value(std::max<std::size_t>(per_cpu_stride(from_.info.value_size), sizeof(__u32)));
    for (const auto& key : brought_) {
        if (::bpf_map_lookup_elem(from_.fd.get(), key.data(), value.data()) == 0 || errno != ENOENT) continue;
        const auto there = converted_key(key.data());
        if (::bpf_map_delete_elem(to_.fd.get(), there.data()) != 0 && errno != ENOENT)
            return base::fail_errno("delete from map", name_);
    }
    return {};
}

base::Result<void> Carry::pass(const SocketWalk& sockets) {
    if (auto went = take_out_what_went(); !went) return went;
    return run(sockets, false);
}

base::Result<void> Carry::make_equal(const SocketWalk& sockets) {
    if (can_go(from_.info.type)) {
        std::set<Bytes> wanted;
        for (const auto& key : keys(from_)) wanted.insert(converted_key(key.data()));
        for (const auto& key : keys(to_))
            if (!wanted.contains(key) && ::bpf_map_delete_elem(to_.fd.get(), key.data()) != 0 && errno != ENOENT)
                return base::fail_errno("delete from map", name_);
    }
    return run(sockets, true);
}

}  // namespace meshd::kernel
