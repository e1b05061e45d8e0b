// SPDX-License-Identifier: Apache-2.0
#include "kernel/migration.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/pinned_maps.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

namespace fs = std::filesystem;

namespace {

// The program that a map of sockets has, by the name that its pin aside gets: no link leads to it.
constexpr auto redirect_pin = "md_redirect";
constexpr auto socket_map = "md_sockets";

// What the steps from one version to the next do otherwise than by names of fields.
struct Special {
    int before;  // versions below
    std::string_view map;
    const char* why;
};

constexpr std::array<Special, 1> begin_anew{{{2, "md_reasons", "reasons have other numbers"}}};

bool begins_anew(int from, std::string_view map) {
    // Whose maps they are is each version's own word; a ring is read to its end by whoever reads it.
    if (map == "md_meta") return true;
    return std::any_of(begin_anew.begin(), begin_anew.end(),
                       [&](const auto& one) { return from < one.before && one.map == map; });
}

bool is_agents(std::string_view map) {
#define X(name, kind, key, value, owner, purpose) \
    if (map == #name) return std::string_view(owner) == "agent";
    MD_MAPS(X)
#undef X
    return false;
}

__u32 program_of_link(int fd) {
    bpf_link_info info{};
    __u32 size = sizeof info;
    return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.prog_id : 0;
}

__u32 id_of_map(int fd) {
    bpf_map_info info{};
    __u32 size = sizeof info;
    return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

// The arrays in a map of maps; nothing: it is empty.
base::Result<std::optional<OpenMap>> first_inner(const OpenMap& outer, const std::string& name) {
    std::vector<std::byte> key(outer.info.key_size);
    __u32 id = 0;
    bool is_first = true;
    while (::bpf_map_get_next_key(outer.fd.get(), is_first ? nullptr : key.data(), key.data()) == 0) {
        is_first = false;
        if (::bpf_map_lookup_elem(outer.fd.get(), key.data(), &id) != 0) continue;
        auto inner = OpenMap::of(base::UniqueFd(::bpf_map_get_fd_by_id(id)), name);
        if (!inner) return tl::make_unexpected(inner.error());
        return std::optional(std::move(*inner));
    }
    return std::nullopt;
}

bool is_outer(__u32 type) { return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS; }

enum class Fate { shared, carried, anew };

// An older version's map beside ours of the same name, which is not made yet.
base::Result<Fate> fate_of(int from, const OpenMap& old, const bpf_object* object, const bpf_map* map) {
    const std::string name(::bpf_map__name(map));
    if (begins_anew(from, name)) return Fate::anew;
    const auto* const types = ::bpf_object__btf(object);
    const auto type = static_cast<__u32>(::bpf_map__type(map));
    const bool same_shape = old.info.type == type && old.info.key_size == ::bpf_map__key_size(map) &&
                            old.info.value_size == ::bpf_map__value_size(map) &&
                            !difference(old.info, types, ::bpf_map__btf_value_type_id(map));
    if (is_outer(type)) {
        auto inner = first_inner(old, name);
        if (!inner) return tl::make_unexpected(inner.error());
        const auto* const ours = ::bpf_map__inner_map(const_cast<bpf_map*>(map));
        if (!*inner || ours == nullptr) return Fate::anew;
        const bool same = (*inner)->info.value_size == ::bpf_map__value_size(ours) &&
                          !difference((*inner)->info, types, ::bpf_map__btf_value_type_id(ours));
        if (same && same_shape) return Fate::shared;
        return name == "md_tables" ? Fate::carried : Fate::anew;  // of the others the agent writes all before it attaches
    }
    if (same_shape) return Fate::shared;
    return can_carry(type) ? Fate::carried : Fate::anew;
}

base::Result<void> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail_errno("make directory", path);
    return {};
}

base::Result<void> rename_directory(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) return base::fail_errno("rename " + from + " to", to);
    return {};
}

base::Result<void> pin(int fd, const std::string& path) {
    if (::bpf_obj_pin(fd, path.c_str()) != 0 && errno != EEXIST) return base::fail_errno("pin to", path);
    return {};
}

base::Result<void> unlink_all(const std::string& directory) {
    for (const auto& name : names_in(directory))
        if (::unlink((directory + "/" + name).c_str()) != 0) return base::fail_errno("remove pin", directory + "/" + name);
    return {};
}

// Every other version aside is of an earlier migration: its programs have long been replaced.
base::Result<void> forget_other_previous(const Pins& pins, int kept) {
    for (const auto version : pins.versions_aside())
        if (version != kept && version != MD_ABI_VERSION)
            if (auto removed = remove_pins(pins.aside(version)); !removed) return removed;
    return {};
}

// The one older version that is in use; 0: none.
base::Result<int> older_version(const Pins& pins) {
    const auto others = pins.other_versions();
    if (!others) return tl::make_unexpected(others.error());
    if (others->empty()) return 0;
    const auto bad = [&](const std::string& why, const std::string& remedy) {
        return base::fail({"use pins under", pins.top(), 0, why, remedy});
    };
    const auto ours = "this agent has v" + std::to_string(MD_ABI_VERSION);
    constexpr auto unload = "`meshd --unload` to remove them: services are not balanced until the next start";
    if (others->back() > MD_ABI_VERSION)
        return bad("they belong to ABI version v" + std::to_string(others->back()) + ", " + ours,
                   std::string("run `meshd --roll-back` of the newer version, or ") + unload);
    if (others->size() > 1 || others->front() < oldest_version)
        return bad("they belong to ABI version v" + std::to_string(others->front()) + ", " + ours,
                   std::string("run the meshd that made them, or ") + unload);
    return others->front();
}

}  // namespace

Migration::Migration(const Pins& pins, int from) : pins_(pins), from_(from) {}

std::string Migration::old_pin(const std::string& kind, const std::string& name) const {
    return pins_.in_use(from_) + "/" + kind + "/" + name;
}

base::Result<std::unique_ptr<Migration>> Migration::begin(const Pins& pins) {
    const auto older = older_version(pins);
    if (!older) return tl::make_unexpected(older.error());
    if (*older == 0) return nullptr;
    std::error_code error;
    if (fs::exists(pins.in_use(MD_ABI_VERSION), error)) {
        // It was ended between the last two steps of finish().
        if (auto moved = rename_directory(pins.in_use(*older), pins.aside(*older)); !moved)
            return tl::make_unexpected(moved.error());
        return nullptr;
    }
    if (auto forgotten = forget_other_previous(pins, 0); !forgotten) return tl::make_unexpected(forgotten.error());
    pins.work_aside();
    std::unique_ptr<Migration> made(new Migration(pins, *older));
    const auto links = pins.in_use(*older) + "/links";
    for (const auto& name : names_in(links)) {
        base::UniqueFd link(::bpf_obj_get((links + "/" + name).c_str()));
        if (!link.valid()) continue;
        base::UniqueFd program(::bpf_prog_get_fd_by_id(program_of_link(link.get())));
        made->links_.emplace(name, OldLink{std::move(link), std::move(program)});
    }
    made->sockets_ = base::UniqueFd(::bpf_obj_get(made->old_pin("maps", socket_map).c_str()));
    __u32 id = 0;
    __u32 count = 1;
    if (made->sockets_.valid() && ::bpf_prog_query(made->sockets_.get(), BPF_SK_MSG_VERDICT, 0, nullptr, &id, &count) == 0 &&
        count == 1)
        made->redirect_ = base::UniqueFd(::bpf_prog_get_fd_by_id(id));
    return made;
}

Migration::~Migration() {
    if (!finished_) give_up();
}

// Links that are new, and were pinned aside alone, go with their pins.
void Migration::give_up() {
    for (const auto& [name, old] : links_)
        if (old.program.valid() && program_of_link(old.link.get()) != 0 &&
            ::bpf_link_update(old.link.get(), old.program.get(), nullptr) != 0)
            spdlog::debug("link {} keeps its new program: {}", name, std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    if (redirect_.valid()) ::bpf_prog_attach(redirect_.get(), sockets_.get(), BPF_SK_MSG_VERDICT, 0);
    if (auto removed = remove_pins(pins_.version_directory(), pins_.in_use(from_) + "/links"); !removed)
        spdlog::warn("{}", removed.error().message());
    pins_.work_in_place();
}

base::Result<void> Migration::offer(const bpf_object* object, bpf_map* map) {
    const std::string name(::bpf_map__name(map));
    auto old = OpenMap::pinned(old_pin("maps", name));
    if (!old) return tl::make_unexpected(old.error());
    if (!*old) return {};
    const auto fate = fate_of(from_, **old, object, map);
    if (!fate) return tl::make_unexpected(fate.error());
    switch (*fate) {
        case Fate::shared:
            return pin((*old)->fd.get(), pins_.map(name));
        case Fate::anew:
            return {};
        case Fate::carried:
            ::bpf_map__set_max_entries(map, std::max(::bpf_map__max_entries(map), (*old)->info.max_entries));
            changed_.emplace(name, std::move(**old));
    }
    return {};
}

base::Result<void> Migration::share_links() {
    for (const auto& [name, old] : links_)
        if (auto pinned = pin(old.link.get(), pins_.link(name)); !pinned) return pinned;
    return {};
}

base::Result<void> Migration::carry(const bpf_object* object, const InnerShape& slots, const SocketWalk& sockets) {
    for (auto& [name, old] : changed_) {
        const int made = ::bpf_map__fd(::bpf_object__find_map_by_name(object, name.c_str()));
        auto to = OpenMap::of(base::UniqueFd(::fcntl(made, F_DUPFD_CLOEXEC, 0)), name);
        if (!to) return tl::make_unexpected(to.error());
        auto carry = Carry::make(name, std::move(old), std::move(*to), slots);
        if (!carry) return tl::make_unexpected(carry.error());
        if (auto done = carry->pass(sockets); !done) return done;
        carries_.push_back(std::move(*carry));
    }
    changed_.clear();
    return share_links();
}

base::Result<std::vector<Carried>> Migration::finish(const SocketWalk& sockets) {
    std::vector<Carried> all;
    for (auto& carry : carries_) {
        if (!is_agents(carry.name()))
            if (auto done = carry.pass(sockets); !done) return tl::make_unexpected(done.error());
        all.push_back({carry.name(), carry.entries()});
    }
    const auto programs = pins_.in_use(from_) + "/programs";
    auto done = make_directory(programs);
    for (const auto& [name, old] : links_)
        if (done && old.program.valid()) done = pin(old.program.get(), programs + "/" + name);
    if (done && redirect_.valid()) done = pin(redirect_.get(), programs + "/" + redirect_pin);
    // The links themselves are this version's now. One that counts for the old version stops with it.
    if (done) done = unlink_all(pins_.in_use(from_) + "/links");
    if (done) done = rename_directory(pins_.version_directory(), pins_.in_use(MD_ABI_VERSION));
    if (!done) return tl::make_unexpected(done.error());
    finished_ = true;
    pins_.work_in_place();
    if (auto moved = rename_directory(pins_.in_use(from_), pins_.aside(from_)); !moved) return tl::make_unexpected(moved.error());
    return all;
}

base::Result<std::vector<std::string>> maps_to_carry(const Pins& pins, const bpf_object* object) {
    const auto older = older_version(pins);
    if (!older) return tl::make_unexpected(older.error());
    std::vector<std::string> names;
    std::error_code error;
    if (*older == 0 || fs::exists(pins.in_use(MD_ABI_VERSION), error)) return names;
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        const std::string name(::bpf_map__name(map));
        if (is_internal(map)) continue;
        auto old = OpenMap::pinned(pins.in_use(*older) + "/maps/" + name);
        if (!old) return tl::make_unexpected(old.error());
        if (!*old) continue;
        const auto fate = fate_of(*older, **old, object, map);
        if (!fate) return tl::make_unexpected(fate.error());
        if (*fate == Fate::carried) names.push_back(name);
    }
    return names;
}

std::optional<int> previous_version(const Pins& pins) {
    std::optional<int> previous;
    for (const auto version : pins.versions_aside())
        if (version < MD_ABI_VERSION) previous = version;
    return previous;
}

bool is_shared_with_previous(const Pins& pins, const std::string& map) {
    const auto previous = previous_version(pins);
    if (!previous) return false;
    const base::UniqueFd old(::bpf_obj_get((pins.aside(*previous) + "/maps/" + map).c_str()));
    const base::UniqueFd now(::bpf_obj_get(pins.map(map).c_str()));
    return old.valid() && now.valid() && id_of_map(old.get()) == id_of_map(now.get());
}

namespace {

// What the arrays of the older version are like is seen in those that it has.
base::Result<std::optional<InnerShape>> inner_shape(const OpenMap& outer, const std::string& name, std::optional<OpenMap>& keeper,
                                                    base::UniqueFd& types) {
    if (!is_outer(outer.info.type)) return std::nullopt;
    auto inner = first_inner(outer, name);
    if (!inner) return tl::make_unexpected(inner.error());
    if (!*inner) return std::nullopt;
    keeper = std::move(*inner);
    if (keeper->info.btf_id != 0) types = base::UniqueFd(::bpf_btf_get_fd_by_id(keeper->info.btf_id));
    return InnerShape{keeper->info.value_size,      keeper->info.map_flags,         types.get(),
                      keeper->info.btf_key_type_id, keeper->info.btf_value_type_id, keeper->types.get()};
}

// A map of the older version, and of this one what it is to hold; nothing where nothing is to be done.
base::Result<std::optional<Carry>> carry_back(const Pins& pins, const std::string& name, const std::string& path,
                                              std::optional<OpenMap>& keeper, base::UniqueFd& types) {
    auto old = OpenMap::pinned(path);
    auto now = OpenMap::pinned(pins.map(name));
    if (!old) return tl::make_unexpected(old.error());
    if (!now) return tl::make_unexpected(now.error());
    if (!*old || !*now || (*old)->info.id == (*now)->info.id || !can_carry((*old)->info.type)) return std::nullopt;
    const auto shape = inner_shape(**old, name, keeper, types);
    if (!shape) return tl::make_unexpected(shape.error());
    if (is_outer((*old)->info.type) && !*shape) return std::nullopt;
    auto carry = Carry::make(name, std::move(**now), std::move(**old), *shape);
    if (!carry) return tl::make_unexpected(carry.error());
    return std::optional(std::move(*carry));
}

}  // namespace

base::Result<RolledBack> roll_back(const Pins& pins, const SocketWalk& sockets) {
    const auto previous = previous_version(pins);
    std::error_code error;
    if (!previous || !fs::exists(pins.in_use(MD_ABI_VERSION), error))
        return base::fail({"roll back", pins.top(), 0, "no older version was taken over from since the pins were made",
                           "an older meshd of the same ABI version needs no roll back: install and start it"});
    const auto old = pins.aside(*previous);
    std::vector<Carry> carries;
    std::vector<std::optional<OpenMap>> keepers(names_in(old + "/maps").size());
    std::vector<base::UniqueFd> types(keepers.size());
    std::size_t index = 0;
    for (const auto& name : names_in(old + "/maps")) {
        auto& keeper = keepers.at(index);
        auto& kept_types = types.at(index++);
        if (begins_anew(*previous, name)) continue;
        auto carry = carry_back(pins, name, (old + "/maps/").append(name), keeper, kept_types);
        if (!carry) return tl::make_unexpected(carry.error());
        if (!*carry) continue;
        if (auto done = (*carry)->make_equal(sockets); !done) return tl::make_unexpected(done.error());
        carries.push_back(std::move(**carry));
    }
    if (auto made = make_directory(old + "/links"); !made) return tl::make_unexpected(made.error());
    for (const auto& name : names_in(old + "/programs")) {
        const base::UniqueFd program(::bpf_obj_get((old + "/programs/").append(name).c_str()));
        const base::UniqueFd link(::bpf_obj_get(pins.link(name).c_str()));
        if (!program.valid()) return base::fail_errno("open", old + "/programs/" + name);
        if (name == redirect_pin) {
            const base::UniqueFd map(::bpf_obj_get((old + "/maps/" + socket_map).c_str()));
            if (map.valid()) ::bpf_prog_attach(program.get(), map.get(), BPF_SK_MSG_VERDICT, 0);
        }
        if (!link.valid()) continue;
        if (::bpf_link_update(link.get(), program.get(), nullptr) != 0)
            return base::fail_errno("give its old program to", pins.link(name));
        if (auto pinned = pin(link.get(), (old + "/links/").append(name)); !pinned) return tl::make_unexpected(pinned.error());
    }
    RolledBack outcome{*previous, {}};
    for (auto& carry : carries) {
        if (auto done = carry.pass(sockets); !done) return tl::make_unexpected(done.error());
        outcome.carried.push_back({carry.name(), carry.entries()});
    }
    if (auto removed = remove_pins(pins.in_use(MD_ABI_VERSION), old + "/links"); !removed)
        return tl::make_unexpected(removed.error());
    if (auto emptied = unlink_all(old + "/programs"); !emptied) return tl::make_unexpected(emptied.error());
    ::rmdir((old + "/programs").c_str());
    if (auto moved = rename_directory(old, pins.in_use(*previous)); !moved) return tl::make_unexpected(moved.error());
    return outcome;
}

}  // namespace meshd::kernel
