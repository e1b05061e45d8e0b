// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/version.hpp"
#include "bpf/meshd.skel.h"
#include "kernel/ask.hpp"
#include "kernel/consumed.hpp"
#include "kernel/kernel_types.hpp"
#include "kernel/links.hpp"
#include "kernel/pinned_maps.hpp"

namespace meshd::kernel {

namespace {

int log_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
    std::array<char, 2048> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string_view text(line.data());
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    // What goes wrong comes back as an error value too, in our words: its details are for whoever debugs.
    spdlog::log(level == LIBBPF_WARN ? spdlog::level::debug : spdlog::level::trace, "{}", text);
    return 0;
}

constexpr auto redirect_program = "md_redirect";
constexpr __u32 slots_flags = BPF_F_INNER_MAP | BPF_F_RDONLY_PROG;  // of inner arrays

bool is_device_program(const bpf_program* program) {
    const std::string_view name(::bpf_program__name(program));
    return name == ingress_program || name == egress_program;
}

// See config::map_limits().
bool has_devices(const config::Limits& limits) { return limits.tracks > 1; }

// They are a fourth of what the verifier looks at, and make_room_for_tracks() loads them, with other maps, when a device comes.
void leave_out_device_programs(bpf_object* object) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object) if (is_device_program(program))::bpf_program__set_autoload(program, false);
}

}  // namespace

void redirect_libbpf_log() { ::libbpf_set_print(log_libbpf); }

void Datapath::Close::operator()(meshd_bpf* skeleton) const { meshd_bpf::destroy(skeleton); }

Datapath::Datapath(Pins pins, Skeleton skeleton) : pins_(std::move(pins)), skeleton_(std::move(skeleton)) {}
Datapath::Datapath(Datapath&&) noexcept = default;
Datapath& Datapath::operator=(Datapath&&) noexcept = default;
Datapath::~Datapath() = default;

base::Result<Datapath> Datapath::load(const Pins& pins, const config::Limits& limits, bool count_consumed,
                                      std::uint32_t worker_user, SocketWalk sockets) {
    auto migration = Migration::begin(pins);
    if (!migration) return tl::make_unexpected(migration.error());
    if (auto made = pins.make_version(); !made) return tl::make_unexpected(made.error());

    Datapath datapath(pins, Skeleton(meshd_bpf::open()));
    datapath.migration_ = std::move(*migration);
    datapath.sockets_ = std::move(sockets);
    if (!datapath.skeleton_) return base::fail_errno("open", "the BPF programs");
    auto* const object = datapath.skeleton_->obj;
    datapath.skeleton_->rodata->md_worker_user = worker_user;
    set_bounds(object, limits);
    if (!has_devices(limits)) leave_out_device_programs(object);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        if (is_internal(map)) continue;
        if (datapath.migration_)
            if (auto offered = datapath.migration_->offer(object, map); !offered) return tl::make_unexpected(offered.error());
        auto adopted = prepare(object, map, pins.map(::bpf_map__name(map)));
        if (!adopted) return tl::make_unexpected(adopted.error());
        datapath.adopted_ |= *adopted;
    }
    if (struct stat here{}; ::stat("/proc/self/ns/net", &here) == 0)
        datapath.skeleton_->rodata->md_node_namespace = static_cast<__u32>(here.st_ino);
    if (count_consumed)
        if (auto chosen = choose_consumed(*datapath.skeleton_); !chosen) return tl::make_unexpected(chosen.error());
    if (auto loaded = load_programs(*datapath.skeleton_); !loaded) return tl::make_unexpected(loaded.error());
    const auto* const types = ::bpf_object__btf(object);
    datapath.index_type_ = ::btf__find_by_name_kind(types, "unsigned int", BTF_KIND_INT);
    datapath.slot_type_ = ::btf__find_by_name_kind(types, "md_slot", BTF_KIND_STRUCT);
    datapath.maglev_type_ = ::btf__find_by_name_kind(types, "md_maglev", BTF_KIND_STRUCT);
    if (datapath.migration_) {
        datapath.adopted_ = true;
        if (auto carried = datapath.migration_->carry(object, datapath.slot_shape(), datapath.sockets_); !carried)
            return tl::make_unexpected(carried.error());
    }
    datapath.linked_ = ::access(pins.link(hooks.front().program).c_str(), F_OK) == 0;
    if (count_consumed)
        if (auto counted = datapath.count_consumed(); !counted) return tl::make_unexpected(counted.error());
    if (auto checked = check_version(datapath.map("md_meta"), datapath.adopted_); !checked)
        return tl::make_unexpected(checked.error());
    return datapath;
}

InnerShape Datapath::slot_shape() const {
    InnerShape shape{sizeof(md_slot), slots_flags, -1, 0, 0, ::bpf_object__btf(skeleton_->obj)};
    if (index_type_ > 0 && slot_type_ > 0) {
        shape.btf_fd = ::bpf_object__btf_fd(skeleton_->obj);
        shape.key_type = static_cast<__u32>(index_type_);
        shape.value_type = static_cast<__u32>(slot_type_);
    }
    return shape;
}

base::Result<std::optional<Migrated>> Datapath::finish_migration() {
    if (!migration_) return std::nullopt;
    Migrated migrated{migration_->from(), {}};
    auto carried = migration_->finish(sockets_);
    migration_.reset();
    if (!carried) return tl::make_unexpected(carried.error());
    migrated.maps = std::move(*carried);
    return migrated;
}

// The new program first, then the pin of the old one goes: what both count in between makes readers seem ahead by that much,
// once.
base::Result<void> Datapath::count_consumed() const {
    const auto pin = pins_.link("md_consumed_by");
    auto link = attach_consumed(*skeleton_);
    if (!link) return tl::make_unexpected(link.error());
    if (::unlink(pin.c_str()) != 0 && errno != ENOENT) return base::fail_errno("replace pin", pin);
    if (::bpf_obj_pin(link->get(), pin.c_str()) != 0) return base::fail_errno("pin link to", pin);
    return {};
}

base::Result<void> Datapath::attach_redirect() const {
    const auto* const program = ::bpf_object__find_program_by_name(skeleton_->obj, redirect_program);
    if (::bpf_prog_attach(::bpf_program__fd(program), map("md_sockets").fd(), BPF_SK_MSG_VERDICT, 0) != 0)
        return base::fail_errno("attach md_redirect to map", "md_sockets",
                                "remove the pins with `meshd --unload` and start again");
    return {};
}

// Before 6.0 the kernel does not tell what is attached to a map of sockets: then it is what was attached, for nobody else has it.
bool Datapath::redirect_is_attached(std::uint32_t id) const {
    __u32 found = 0;
    __u32 count = 1;
    if (::bpf_prog_query(map("md_sockets").fd(), BPF_SK_MSG_VERDICT, 0, nullptr, &found, &count) != 0) return linked_;
    return count == 1 && found == id;
}

base::Result<void> Datapath::attach(const Cgroup& cgroup, bool times_responses) {
    std::vector<Hook> wanted(hooks.begin(), hooks.end());
    if (times_responses) wanted.insert(wanted.end(), response_hooks.begin(), response_hooks.end());
    std::vector<Link> links;
    for (const auto& hook : wanted) {
        // Before anything is enrolled. Without sockets in it the map is nobody's traffic, so this needs no undoing.
        if (hook.type == BPF_CGROUP_SOCK_OPS)
            if (auto attached = attach_redirect(); !attached) return attached;
        auto link = Link::attach(program_of(hook.program), hook, cgroup, pins_.link(hook.program));
        if (!link) {
            for (auto& earlier : links) earlier.undo();
            return tl::make_unexpected(link.error());
        }
        links.push_back(std::move(*link));
    }
    if (!times_responses)
        for (const auto& hook : response_hooks)
            if (auto detached = detach(pins_.link(hook.program)); !detached) return detached;
    times_responses_ = times_responses;
    linked_ = true;
    return {};
}

Map Datapath::map(const std::string& name) const {
    const auto* const found = ::bpf_object__find_map_by_name(skeleton_->obj, name.c_str());
    const auto type = ::bpf_map__type(found);
    const bool per_cpu = type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH;
    const auto value = ::bpf_map__value_size(found);
    return {::bpf_map__fd(found), name, ::bpf_map__key_size(found), per_cpu ? per_cpu_stride(value) : value};
}

std::vector<Map> Datapath::maps() const {
    std::vector<Map> all;
#define X(name, kind, key, value, owner, purpose) all.push_back(map(#name));
    MD_MAPS(X)
#undef X
    return all;
}

int Datapath::program_fd(const char* name) const {
    const auto& skeleton = forwarding_ ? forwarding_ : skeleton_;
    return ::bpf_program__fd(::bpf_object__find_program_by_name(skeleton->obj, name));
}

// The programs at devices are loaded anew, with the new maps. Whoever has a descriptor of an old map finds the new one behind it.
base::Result<void> Datapath::make_room_for_tracks(const config::Limits& limits) {
    Skeleton fresh(meshd_bpf::open());
    if (!fresh) return base::fail_errno("open", "the BPF programs");
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, fresh->obj)::bpf_program__set_autoload(program, is_device_program(program));
    set_bounds(fresh->obj, limits);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, fresh->obj) {
        const std::string name(::bpf_map__name(map));
        if (is_internal(map)) continue;
        const bool is_new = std::find(track_maps.begin(), track_maps.end(), name) != track_maps.end();
        if (!is_new && ::bpf_map__reuse_fd(map, this->map(name).fd()) != 0) return base::fail_errno("share map", name);
        if (is_new && ::unlink(pins_.map(name).c_str()) != 0 && errno != ENOENT) return base::fail_errno("replace pin", name);
        if (is_new && ::bpf_map__set_pin_path(map, pins_.map(name).c_str()) != 0) return base::fail_errno("pin map", name);
    }
    if (const int error = meshd_bpf::load(fresh.get()); error != 0) {
        errno = -error;
        return base::fail_errno("load", "the programs for devices");
    }
    for (const auto* const name : track_maps) {
        const int made = ::bpf_map__fd(::bpf_object__find_map_by_name(fresh->obj, name));
        if (::dup3(made, map_of(name), O_CLOEXEC) < 0) return base::fail_errno("share map", name);
    }
    forwarding_ = std::move(fresh);
    return {};
}

int Datapath::map_of(const char* name) const { return ::bpf_map__fd(::bpf_object__find_map_by_name(skeleton_->obj, name)); }

int Datapath::program_of(const char* name) const {
    return ::bpf_program__fd(::bpf_object__find_program_by_name(skeleton_->obj, name));
}

std::uint32_t Datapath::program_id(const char* name) const {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    return ::bpf_obj_get_info_by_fd(program_of(name), &info, &size) == 0 ? info.id : 0;
}

std::vector<ProgramStatus> Datapath::programs() const {
    std::vector<ProgramStatus> all;
    const auto look_at = [&](const Hook& hook) {
        ProgramStatus status{hook.program, hook.section, program_id(hook.program), false};
        status.attached = attached_program(pins_.link(hook.program)) == status.id && status.id != 0;
        all.push_back(std::move(status));
    };
    std::for_each(hooks.begin(), hooks.end(), look_at);
    if (times_responses_) std::for_each(response_hooks.begin(), response_hooks.end(), look_at);
    ProgramStatus redirect{redirect_program, "sk_msg", program_id(redirect_program), false};
    redirect.attached = redirect.id != 0 && redirect_is_attached(redirect.id);
    all.push_back(std::move(redirect));
    return all;
}

std::vector<Degraded> Datapath::degraded() const {
    std::vector<Degraded> all;
    if (!KernelTypes::load().has_helper("BPF_FUNC_set_retval"))  // see bpf/connect.bpf.c
        all.push_back({"errno", "this kernel lacks bpf_set_retval: connect() to a service without a backend fails with EPERM",
                       "run Linux 5.18 or newer"});
    return all;
}

template <typename Value>
base::Result<base::UniqueFd> Datapath::make_inner(const char* name, int type, const std::vector<Value>& values) const {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = slots_flags);
    if (index_type_ > 0 && type > 0) {
        options.btf_fd = static_cast<__u32>(::bpf_object__btf_fd(skeleton_->obj));
        options.btf_key_type_id = static_cast<__u32>(index_type_);
        options.btf_value_type_id = static_cast<__u32>(type);
    }
    const auto count = static_cast<__u32>(values.size());
    base::UniqueFd fd(::bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), sizeof(Value), count, &options));
    if (!fd.valid()) return base::fail_errno("make", std::string(name) + " of " + std::to_string(count) + " entries");
    const Map inner(fd.get(), name, sizeof(__u32), sizeof(Value));
    std::vector<__u32> keys(count);
    std::iota(keys.begin(), keys.end(), 0U);
    for (const auto& failure : inner.update_all(keys.data(), values.data(), count))
        if (failure) return base::fail(*failure);
    return fd;
}

base::Result<base::UniqueFd> Datapath::make_slots(const std::vector<md_slot>& slots) const {
    return make_inner("md_slots", slot_type_, slots);
}

base::Result<base::UniqueFd> Datapath::make_maglev(const std::vector<md_maglev>& rows) const {
    auto made = make_inner("md_maglev", maglev_type_, rows);
    if (made && ::bpf_map_freeze(made->get()) != 0) return base::fail_errno("freeze", "a Maglev table");
    return made;
}

base::Result<md_explain> Datapath::ask(const md_explain& question) const {
    return ask_program(skeleton_->obj, "md_explain", question);
}
base::Result<md_find_tables> Datapath::ask(const md_find_tables& question) const {
    return ask_program(skeleton_->obj, "md_find_tables", question);
}
base::Result<md_read_table> Datapath::ask(const md_read_table& question) const {
    return ask_program(skeleton_->obj, "md_read_table", question);
}
base::Result<md_find_maglevs> Datapath::ask(const md_find_maglevs& question) const {
    return ask_program(skeleton_->obj, "md_find_maglevs", question);
}
base::Result<md_look_at_pair> Datapath::ask(const md_look_at_pair& question) const {
    return ask_program(skeleton_->obj, "md_look_at_pair", question);
}
base::Result<md_look_at_sockets> Datapath::ask(const md_look_at_sockets& question) const {
    return ask_program(skeleton_->obj, "md_look_at_sockets", question);
}

base::Result<md_ask_policy> Datapath::ask(const md_ask_policy& question) const {
    return ask_program(skeleton_->obj, "md_ask_policy", question);
}
base::Result<md_release_open> Datapath::ask(const md_release_open& question) const {
    return ask_program(skeleton_->obj, "md_release_open", question);
}
base::Result<md_release_track> Datapath::ask(const md_release_track& question) const {
    return ask_program(skeleton_->obj, "md_release_track", question);
}

base::Result<md_warm> Datapath::ask(const md_warm& question) const {
    return ask_program(skeleton_->obj, "md_warm_backend", question);
}

base::Result<md_recount> Datapath::ask(const md_recount& question) const {
    return ask_program(skeleton_->obj, "md_recount_backend", question);
}

base::Result<md_readmit> Datapath::ask(const md_readmit& question) const {
    return ask_program(skeleton_->obj, "md_readmit", question);
}

base::Result<void> Datapath::leave(std::uint64_t pair) const {
    if (auto outcome = ask_program(skeleton_->obj, "md_leave_pair", pair); !outcome) return tl::make_unexpected(outcome.error());
    return {};
}

}  // namespace meshd::kernel
