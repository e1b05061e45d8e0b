// SPDX-License-Identifier: Apache-2.0
#include "app/app.hpp"

#include <filesystem>
#include <iostream>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "acceleration/accelerator.hpp"
#include "acceleration/verdict_file.hpp"
#include "app/agent.hpp"
#include "app/log.hpp"
#include "app/privileges.hpp"
#include "app/worker_child.hpp"
#include "base/version.hpp"
#include "kernel/device_hooks.hpp"
#include "kernel/pinned_maps.hpp"
#include "sockets/borrowed.hpp"
#include "sockets/departure_file.hpp"

namespace meshd::app {

base::Result<void> run(const Options& options) {
    auto settings = effective_settings(options);
    if (!settings) return tl::make_unexpected(settings.error());
    start_log(settings->log_level);
    kernel::redirect_libbpf_log();
    if (auto kept = keep_capabilities(); !kept) return kept;

    Agent agent(options, *settings);
    if (auto loaded = agent.load(); !loaded) return loaded;
    if (auto serving = agent.serve(); !serving) return serving;
    agent.loop();
    return {};
}

namespace {

constexpr std::chrono::seconds patience{10};

void detach_devices(const kernel::Datapath& datapath) {
    if (auto detached = kernel::detach_all(datapath); !detached) spdlog::warn("{}", detached.error().message());
}

// Connections on the short way go back to TCP, before the map that holds them goes.
void leave_the_short_way(const kernel::Datapath& datapath) {
    std::error_code error;
    std::filesystem::remove(datapath.pins().link("md_sockops"), error);  // nobody new is enrolled
    const auto left = acceleration::Accelerator::wind_down(datapath, patience);
    if (!left) return spdlog::warn("{}", left.error().message());
    if (*left != 0)
        spdlog::warn(
            "{} connections keep bytes on the short way that their readers have not read; they end there when they close", *left);
}

// Programs and maps of another version cannot be asked for it: then their sockets stay on the short way until they are closed,
// which breaks nothing. Filters of devices, which have no pins, are taken off, too.
void wind_down(const kernel::Pins& pins, config::Limits limits) {
    std::error_code error;
    if (!std::filesystem::exists(pins.map("md_pairs"), error)) return;
    limits.tracks = limits.device_flows = 1;
    const auto datapath = kernel::Datapath::load(pins, limits);
    if (!datapath) return spdlog::warn("{}", datapath.error().message());
    detach_devices(*datapath);
    leave_the_short_way(*datapath);
}

}  // namespace

base::Result<void> check(const Options& options) {
    auto settings = effective_settings(options);
    if (!settings) return tl::make_unexpected(settings.error());
    start_log(settings->log_level);
    kernel::redirect_libbpf_log();
    if (auto kept = keep_capabilities(); !kept) return kept;
    if (const auto user = resolve_user(settings->worker_user); !user) return tl::make_unexpected(user.error());
    if (::access(options.worker_binary.c_str(), X_OK) != 0) return base::fail_errno("execute worker", options.worker_binary);
    if (const auto cgroup = kernel::Cgroup::open(settings->cgroup); !cgroup) return tl::make_unexpected(cgroup.error());
    const auto rehearsed = kernel::rehearse(kernel::Pins(settings->bpffs));
    if (!rehearsed) return tl::make_unexpected(rehearsed.error());
    std::cout << "meshd " << base::version << " can begin here\n";
    if (!rehearsed->empty()) {
        std::cout << "it would lay out anew, and fill with what they hold, the maps";
        for (const auto& name : *rehearsed) std::cout << " " << name;
        std::cout << "\n";
    }
    return {};
}

base::Result<void> roll_back(const Options& options) {
    auto settings = effective_settings(options);
    if (!settings) return tl::make_unexpected(settings.error());
    start_log(settings->log_level);
    kernel::redirect_libbpf_log();
    const kernel::Pins pins(settings->bpffs);
    std::error_code error;
    if (!std::filesystem::exists(pins.top(), error))
        return base::fail({"roll back", pins.top(), 0, "nothing is pinned there", "name the BPF file system with --bpffs"});
    const auto lock = kernel::DirectoryLock::take(pins.top());
    if (!lock) return tl::make_unexpected(lock.error());
    // What the older version knows nothing of is ended as by --unload: connections leave the short way before it goes.
    if (kernel::previous_version(pins)) {
        auto datapath = kernel::Datapath::load(pins, config::map_limits(*settings));
        if (!datapath) return tl::make_unexpected(datapath.error());
        if (!kernel::is_shared_with_previous(pins, "md_devices")) detach_devices(*datapath);
        if (!kernel::is_shared_with_previous(pins, "md_sockets")) leave_the_short_way(*datapath);
    }
    const auto back = kernel::roll_back(pins, sockets::for_each_borrowed);
    if (!back) return tl::make_unexpected(back.error());
    std::cout << "ABI version " << back->version << " is back";
    for (const auto& one : back->carried) std::cout << (&one == &back->carried.front() ? ", with " : ", ") << one.map;
    std::cout << "; start the meshd of that version now\n";
    return {};
}

base::Result<void> forget_previous(const Options& options) {
    auto settings = effective_settings(options);
    if (!settings) return tl::make_unexpected(settings.error());
    const kernel::Pins pins(settings->bpffs);
    const auto previous = kernel::previous_version(pins);
    if (previous)
        if (auto removed = kernel::remove_pins(pins.aside(*previous)); !removed) return removed;
    std::cout << (previous ? "removed what was kept of ABI version " + std::to_string(*previous)
                           : "nothing is kept of an older version")
              << "\n";
    return {};
}

base::Result<void> unload(const Options& options) {
    auto settings = effective_settings(options);
    if (!settings) return tl::make_unexpected(settings.error());

    const kernel::Pins pins(settings->bpffs);
    std::error_code error;
    bool removed = false;
    if (std::filesystem::exists(pins.top(), error)) {
        const auto lock = kernel::DirectoryLock::take(pins.top());
        if (!lock) return tl::make_unexpected(lock.error());
        wind_down(pins, settings->limits);
        auto outcome = pins.remove_all();
        if (!outcome) return tl::make_unexpected(outcome.error());
        removed = *outcome;
    }
    if (auto outcome = StateFile(settings->state_directory).remove(); !outcome) return outcome;
    if (auto outcome = acceleration::VerdictFile(settings->state_directory).remove(); !outcome) return outcome;
    if (auto outcome = sockets::DepartureFile(settings->state_directory).remove(); !outcome) return outcome;
    std::cout << (removed ? "removed all programs and maps under " : "nothing to remove under ") << pins.top() << "\n";
    return {};
}

}  // namespace meshd::app
