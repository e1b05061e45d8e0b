// SPDX-License-Identifier: Apache-2.0
#include "kernel/trial.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/meshd.skel.h"
#include "kernel/ask.hpp"
#include "kernel/consumed.hpp"
#include "kernel/map.hpp"

namespace meshd::kernel {

namespace {

// A few sockets at a time. An LRU map this small would give up entries before it is full: it needs some for each CPU.
constexpr __u32 most_entries = 256;
constexpr __u32 most_lru_entries = 1024;

constexpr std::array<std::string_view, 4> needed{"md_sockops", "md_redirect", "md_look_at_pair", "md_leave_pair"};

void make_small(bpf_map* map) {
    const auto type = ::bpf_map__type(map);
    if (type == BPF_MAP_TYPE_RINGBUF || type == BPF_MAP_TYPE_SK_STORAGE) return;  // sizes of their own
    const auto most = type == BPF_MAP_TYPE_LRU_HASH ? most_lru_entries : most_entries;
    ::bpf_map__set_max_entries(map, std::min(::bpf_map__max_entries(map), most));
}

}  // namespace

void Trial::Close::operator()(meshd_bpf* skeleton) const { meshd_bpf::destroy(skeleton); }

Trial::Trial(Trial&&) noexcept = default;
Trial& Trial::operator=(Trial&&) noexcept = default;
Trial::~Trial() = default;

base::Result<Trial> Trial::open(const Cgroup& cgroup, Waiting waiting) {
    Trial trial(meshd_bpf::open());
    if (!trial.skeleton_) return base::fail_errno("open", "the BPF programs");
    auto& skeleton = *trial.skeleton_;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton.obj) make_small(map);
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton.obj)::bpf_program__set_autoload(
        program, std::count(needed.begin(), needed.end(), ::bpf_program__name(program)) != 0);
    if (waiting == Waiting::counted)
        if (auto chosen = choose_consumed(skeleton); !chosen) return tl::make_unexpected(chosen.error());
    if (const int error = meshd_bpf::load(&skeleton); error != 0)
        return base::fail({"load",
                           "the BPF programs of the short way",
                           -error,
                           {},
                           "run with --log-level trace to see what the kernel's verifier says"});
    if (waiting == Waiting::counted) {
        auto link = attach_consumed(skeleton);
        if (!link) return tl::make_unexpected(link.error());
        trial.consumed_ = std::move(*link);
    }
    if (::bpf_prog_attach(::bpf_program__fd(skeleton.progs.md_redirect), ::bpf_map__fd(skeleton.maps.md_sockets),
                          BPF_SK_MSG_VERDICT, 0) != 0)
        return base::fail_errno("attach md_redirect to map", "md_sockets");
    trial.sockops_ = base::UniqueFd(
        ::bpf_link_create(::bpf_program__fd(skeleton.progs.md_sockops), cgroup.fd(), BPF_CGROUP_SOCK_OPS, nullptr));
    if (!trial.sockops_.valid()) {
        const int code = errno;
        const auto blocker = code == EPERM ? cgroup.blocker(BPF_CGROUP_SOCK_OPS) : std::nullopt;
        return base::fail({"attach md_sockops to", cgroup.path(), code, blocker ? *blocker + " stands in the way" : "", {}});
    }
    return trial;
}

base::Result<void> Trial::decide(const md_acceleration& value) {
    const __u32 zero = 0;
    if (::bpf_map_update_elem(::bpf_map__fd(skeleton_->maps.md_acceleration), &zero, &value, BPF_ANY) != 0)
        return base::fail_errno("write map", "md_acceleration");
    return {};
}

base::Result<std::uint64_t> Trial::count(md_reason reason) const {
    std::vector<std::uint64_t> per_cpu(possible_cpus());
    const __u32 key = reason;
    if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.md_reasons), &key, per_cpu.data()) != 0)
        return base::fail_errno("read map", "md_reasons");
    std::uint64_t sum = 0;
    for (const auto count : per_cpu) sum += count;
    return sum;
}

base::Result<md_pair> Trial::pair(std::uint64_t id) const {
    md_pair value{};
    if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.md_pairs), &id, &value) != 0)
        return base::fail_errno("find a connection in map", "md_pairs");
    return value;
}

std::uint64_t Trial::consumed(const md_end& end) const {
    std::uint64_t bytes = 0;
    if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.md_consumed), &end.socket, &bytes) != 0) return 0;
    return bytes;
}

base::Result<md_look_at_pair> Trial::look(std::uint64_t pair, std::uint32_t take_out) const {
    md_look_at_pair question{};
    question.pair = pair;
    question.take_out = take_out;
    auto answer = ask_program(skeleton_->obj, "md_look_at_pair", question);
    if (answer && answer->found == 0) return base::fail({"look at", "a connection", 0, "it is no pair any more", {}});
    return answer;
}

base::Result<void> Trial::leave(std::uint64_t pair) {
    if (auto outcome = ask_program(skeleton_->obj, "md_leave_pair", pair); !outcome) return tl::make_unexpected(outcome.error());
    return {};
}

}  // namespace meshd::kernel
