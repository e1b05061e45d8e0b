// SPDX-License-Identifier: Apache-2.0
// A file source on a real directory, and what it has told.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include "registry/file_source.hpp"
#include "registry_texts.hpp"

namespace meshd::registry {

namespace fs = std::filesystem;

class FileSourceTest : public testing::Test {
protected:
    static constexpr std::chrono::seconds deadline{20};

    FileSourceTest() {
        std::string path = "/tmp/meshd-registry-XXXXXX";
        root_ = ::mkdtemp(path.data());
        directory_ = root_ / "services.d";
        fs::create_directory(directory_);
        // Long where a test must not depend on the interval; short where it would only wait.
        times_.rescan = std::chrono::hours(1);
        times_.retry = std::chrono::milliseconds(20);
        times_.vanish = std::chrono::milliseconds(40);
        times_.settle = std::chrono::milliseconds(100);
    }
    ~FileSourceTest() override {
        source_.reset();
        fs::remove_all(root_);
    }

    // A name in the directory, or an absolute path.
    void write(const fs::path& name, const std::string& items) { std::ofstream(directory_ / name) << file_of(items); }

    void start() {
        source_ = std::make_unique<FileSource>(
            io_, directory_.string(),
            FileSourceHandlers{[this](const Change& change) { changes_.push_back(change); }, [this] { ++statuses_told_; }},
            times_);
        const auto started = source_->start();
        ASSERT_TRUE(started.has_value()) << started.error().message();
    }

    // Runs the source until the condition holds; fails at the deadline.
    template <typename Condition>
    void wait_until(Condition condition, const char* what) {
        const auto end = std::chrono::steady_clock::now() + deadline;
        io_.restart();
        while (!condition() && std::chrono::steady_clock::now() < end) io_.run_one_for(std::chrono::milliseconds(50));
        ASSERT_TRUE(condition()) << what;
    }
    void wait_for_weight(const std::string& service, int weight) {
        wait_until([&] { return weight_of(service) == weight; }, "the weight is not there");
    }
    void wait_for_removal(const std::string& service) {
        wait_until([&] { return weight_of(service) == -1; }, "the service is still there");
    }

    // Weight of the service's first backend; -1 when there is no such service.
    [[nodiscard]] int weight_of(const std::string& service) const {
        const auto found = source_->state().services.find(service);
        return found == source_->state().services.end() ? -1 : found->second->ports.at(0).backends.at(0).weight;
    }
    [[nodiscard]] bool was_ever_removed(const std::string& service) const {
        for (const auto& change : changes_)
            for (const auto& name : change.remove)
                if (name == service) return true;
        return false;
    }
    [[nodiscard]] SourceStatus status_of(const std::string& name) const {
        for (auto& status : source_->statuses())
            if (status.name == "file:" + (directory_ / name).string()) return status;
        return {};
    }
    [[nodiscard]] bool is_refused(const std::string& name) const { return status_of(name).state == SourceState::refused; }

    fs::path root_;
    fs::path directory_;
    FileSourceTimes times_;
    boost::asio::io_context io_;
    std::unique_ptr<FileSource> source_;
    std::vector<Change> changes_;
    int statuses_told_ = 0;
};

}  // namespace meshd::registry
