// SPDX-License-Identifier: Apache-2.0
// A supervised worker process in a directory of its own.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "app/worker_process.hpp"
#include "channel/split.hpp"
#include "loop.hpp"

namespace meshd::app {

using namespace std::chrono_literals;

// Readable for any user, so that the worker's user can follow it.
class TempDirectory {
public:
    TempDirectory() {
        std::string pattern = "/tmp/meshd-worker-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "mkdtemp";
        path_ = pattern;
        std::filesystem::permissions(path_, std::filesystem::perms(0755));
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& path, const std::string& text) {
    const auto temporary = path.string() + ".tmp";
    std::ofstream(temporary) << text;
    std::filesystem::rename(temporary, path);
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

class SupervisedTest : public testing::Test {
protected:
    SupervisedTest() {
        options.user = "nobody";
        options.first_backoff = 20ms;
        options.longest_backoff = 200ms;
        options.stop_timeout = 5s;
    }

    // The real one. A copy, because the build directory may be closed to its user.
    std::string real_binary() {
        const auto path = directory / "meshd-userspace";
        std::filesystem::copy_file(MESHD_USERSPACE, path, std::filesystem::copy_options::overwrite_existing);
        return path;
    }

    std::string script(const std::string& text) {
        const auto path = directory / "script";
        std::ofstream(path) << "#!/bin/bash\n" << text << "\n";
        std::filesystem::permissions(path, std::filesystem::perms(0755));
        return path;
    }

    base::Result<void> start(const std::string& binary) {
        options.binary = binary;
        WorkerHandlers handlers;
        handlers.on_channel_open = [this](channel::Channel& channel) {
            ++opened;
            if (!settings) return;
            EXPECT_TRUE(channel.send(channel::encode(*settings)));
        };
        handlers.on_message = [this](channel::Message message) { take(std::move(message)); };
        handlers.on_down = [this](std::string_view why) { downs.emplace_back(why); };
        worker = std::make_unique<WorkerProcess>(loop.context, options, std::move(handlers));
        return worker->start();
    }

    void take(channel::Message message) {
        if (std::holds_alternative<channel::Hello>(message)) hellos.push_back(std::get<channel::Hello>(message));
        if (auto* const delta = std::get_if<channel::Delta>(&message)) apply(std::move(*delta));
        if (auto* const status = std::get_if<channel::RegistryStatus>(&message)) registry = std::move(*status);
        if (const auto* const request = std::get_if<channel::MetricsRequest>(&message))
            channel::split_metrics(request->id, metrics,
                                   [this](std::string_view frame) { EXPECT_TRUE(worker->channel()->send_text(frame)); });
    }

    // As the agent does it.
    void apply(channel::Delta delta) {
        if (delta.full && delta.complete) services.clear();
        for (auto& service : delta.upsert) services[service->name] = service;
        for (const auto& name : delta.remove) services.erase(name);
        deltas.push_back(std::move(delta));
    }

    bool is_running() const { return worker->status().state == WorkerState::running; }

    TempDirectory directory;
    Loop loop;
    WorkerOptions options;
    std::optional<channel::SettingsMessage> settings;
    boost::json::array metrics;

    int opened = 0;
    std::vector<channel::Hello> hellos;
    std::vector<channel::Delta> deltas;
    std::map<std::string, model::ServicePtr> services;
    std::optional<channel::RegistryStatus> registry;
    std::vector<std::string> downs;
    std::unique_ptr<WorkerProcess> worker;  // last: its end calls nobody
};

}  // namespace meshd::app
