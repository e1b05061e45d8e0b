// SPDX-License-Identifier: Apache-2.0
#include "kernel/device_hooks.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include <bpf/bpf.h>

#include "kernel/clsact.hpp"
#include "kernel/tcx.hpp"

namespace meshd::kernel {

namespace {

struct DeviceHook {
    Side side;
    const char* program;
};

// Answers come before questions: what leads replies back is there when the first request is forwarded.
constexpr std::array<DeviceHook, 2> both{{{Side::egress, egress_program}, {Side::ingress, ingress_program}}};

std::string pin_of(const Datapath& datapath, const DeviceHook& hook, std::uint32_t index) {
    return datapath.pins().link(std::string(hook.program) + "_" + std::to_string(index));
}

std::uint32_t id_of(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    return ::bpf_obj_get_info_by_fd(program_fd, &info, &size) == 0 ? info.id : 0;
}

}  // namespace

std::string_view name(md_mechanism mechanism) { return mechanism == MD_MECHANISM_TCX ? "tcx" : "clsact"; }

DeviceHooks::DeviceHooks(const Datapath& datapath)
    : datapath_(datapath), has_tcx_(std::getenv("MESHD_TEST_NO_TCX") == nullptr) {}  // NOLINT(concurrency-mt-unsafe): one thread

base::Result<md_mechanism> DeviceHooks::attach(std::uint32_t index, std::uint8_t before) const {
    bool linked = has_tcx_;
    for (const auto& hook : both) {
        if (!linked) break;
        auto attached = tcx::attach(datapath_.program_fd(hook.program), index, hook.side, pin_of(datapath_, hook, index));
        if (!attached) return tl::make_unexpected(attached.error());
        linked = *attached;
    }
    auto mechanism = MD_MECHANISM_TCX;
    if (!linked) {
        const auto made = clsact::make_qdisc(index);
        if (!made) return tl::make_unexpected(made.error());
        mechanism = *made || before == MD_MECHANISM_OWN_CLSACT ? MD_MECHANISM_OWN_CLSACT : MD_MECHANISM_CLSACT;
        for (const auto& hook : both)
            if (auto attached = clsact::attach(datapath_.program_fd(hook.program), index, hook.side); !attached) {
                (void)detach(index, mechanism);  // the first error is the one to tell
                return tl::make_unexpected(attached.error());
            }
    }
    const bool other = before != 0 && (before == MD_MECHANISM_TCX) != (mechanism == MD_MECHANISM_TCX);
    if (other)
        if (auto detached = detach(index, before); !detached) return tl::make_unexpected(detached.error());
    return mechanism;
}

base::Result<void> DeviceHooks::detach(std::uint32_t index, std::uint8_t mechanism) const {
    for (auto hook = both.rbegin(); hook != both.rend(); ++hook) {
        auto detached =
            mechanism == MD_MECHANISM_TCX ? tcx::detach(pin_of(datapath_, *hook, index)) : clsact::detach(index, hook->side);
        if (!detached) return detached;
    }
    return mechanism == MD_MECHANISM_OWN_CLSACT ? clsact::remove_empty_qdisc(index) : base::Result<void>{};
}

DevicePrograms DeviceHooks::attached(std::uint32_t index, std::uint8_t mechanism) const {
    DevicePrograms programs;
    for (const auto& hook : both)
        (hook.side == Side::ingress ? programs.ingress : programs.egress) =
            mechanism == MD_MECHANISM_TCX ? tcx::attached_program(pin_of(datapath_, hook, index), index)
                                          : clsact::attached_program(index, hook.side);
    return programs;
}

DevicePrograms DeviceHooks::loaded() const {
    return {id_of(datapath_.program_fd(ingress_program)), id_of(datapath_.program_fd(egress_program))};
}

std::vector<std::uint32_t> DeviceHooks::pinned() const {
    std::set<std::uint32_t> indexes;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(datapath_.pins().link("x")).parent_path(), error)) {
        const auto file = entry.path().filename().string();
        for (const auto& hook : both) {
            const auto prefix = std::string(hook.program) + "_";
            std::uint32_t index = 0;
            if (!file.starts_with(prefix)) continue;
            const auto* const end = file.data() + file.size();
            if (const auto [stop, failed] = std::from_chars(file.data() + prefix.size(), end, index);
                failed == std::errc{} && stop == end)
                indexes.insert(index);
        }
    }
    return {indexes.begin(), indexes.end()};
}

base::Result<void> detach_all(const Datapath& datapath) {
    const DeviceHooks hooks(datapath);
    std::vector<std::pair<std::uint32_t, std::uint8_t>> known;
    const auto read = datapath.map("md_devices").for_each([&](const std::byte* key, const std::byte* value) {
        std::uint32_t index = 0;
        md_device device{};
        std::memcpy(&index, key, sizeof index);
        std::memcpy(&device, value, sizeof device);
        known.emplace_back(index, device.mechanism);
    });
    if (!read) return read;
    for (const auto index : hooks.pinned()) known.emplace_back(index, MD_MECHANISM_TCX);
    for (const auto& [index, mechanism] : known)
        if (auto detached = hooks.detach(index, mechanism); !detached) return detached;
    return {};
}

}  // namespace meshd::kernel
