// SPDX-License-Identifier: Apache-2.0
// A datapath of its own: BPF file system and cgroup in a temporary place, gone with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kernel/cgroup.hpp"
#include "kernel/datapath.hpp"
#include "kernel/kernel_maps.hpp"
#include "unit/reconcile/builders.hpp"

namespace meshd::kernel {

class DatapathTest : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        char name[] = "/tmp/meshd-bpf-XXXXXX";
        directory_ = ::mkdtemp(name);
        ASSERT_EQ(::mount("bpf", directory_.c_str(), "bpf", 0, ""), 0) << std::strerror(errno);
        pins_.emplace(directory_);
        ASSERT_TRUE(pins_->make_top());
        const auto mount = cgroup_mount();
        ASSERT_TRUE(mount) << mount.error().message();
        cgroup_directory_ = *mount + "/" + std::filesystem::path(directory_).filename().string();
        std::filesystem::create_directory(cgroup_directory_);
    }

    void TearDown() override {
        if (directory_.empty()) return;
        ASSERT_TRUE(pins_->remove_all());
        ASSERT_EQ(::umount2(directory_.c_str(), MNT_DETACH), 0);
        ::rmdir(directory_.c_str());
        ::rmdir(cgroup_directory_.c_str());
    }

    Datapath load(const config::Limits& limits = {.services = 1024, .frontends = 2048, .backends = 4096}) {
        auto loaded = Datapath::load(*pins_, limits);
        if (!loaded) throw std::runtime_error(loaded.error().message());
        return std::move(*loaded);
    }

    static std::string own_cgroup() {
        std::ifstream lines("/proc/self/cgroup");
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("0::")) return *cgroup_mount() + line.substr(3);
        return {};
    }
    static void move_to(const std::string& directory) { std::ofstream(directory + "/cgroup.procs") << ::getpid() << std::flush; }

    std::string directory_;
    std::string cgroup_directory_;
    std::optional<Pins> pins_;
};

}  // namespace meshd::kernel
