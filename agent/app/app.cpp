// SPDX-License-Identifier: Apache-2.0
#include "app/app.hpp"

#include <filesystem>
#include <iostream>

#include <spdlog/spdlog.h>

#include "app/agent.hpp"
#include "app/log.hpp"

namespace meshd::app {

base::Result<void> run(const Options& options) {
    auto settings = effective_settings(options);
    if (!settings) return tl::make_unexpected(settings.error());
    start_log(settings->log_level);
    kernel::redirect_libbpf_log();

    Agent agent(options, *settings);
    if (auto loaded = agent.load(); !loaded) return loaded;
    if (auto serving = agent.serve(); !serving) return serving;
    agent.loop();
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
        auto outcome = pins.remove_all();
        if (!outcome) return tl::make_unexpected(outcome.error());
        removed = *outcome;
    }
    if (auto outcome = StateFile(settings->state_directory).remove(); !outcome) return outcome;
    std::cout << (removed ? "removed all programs and maps under " : "nothing to remove under ") << pins.top() << "\n";
    return {};
}

}  // namespace meshd::app
