// SPDX-License-Identifier: Apache-2.0
#include "node_checks.hpp"

#include <fstream>

#include <gmock/gmock.h>

#include "../http/loop_thread.hpp"

namespace meshd::meshctl {
namespace {

const Failure away{ExitCode::not_reachable, "no agent", "start it", {}};

class NodeChecks : public testing::Test {
protected:
    void SetUp() override {
        write("types", "");
        write("mounts", "25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n26 1 0:23 / /sys/fs/bpf rw - bpf bpf rw\n");
        write("meshd.yaml", "registry: {files: {directory: /nonexistent}}\n");
        places_ = {directory_.file("meshd.yaml"), directory_.file("types"), directory_.file("mounts"), "6.1.0-37-amd64"};
    }
    void write(const std::string& name, const std::string& text) { std::ofstream(directory_.file(name)) << text; }
    std::string state_of(const std::string& check) {
        const auto found = checks_without_agent(places_, away);
        for (const auto& item : array_at(found, "checks"))
            if (text_at(item.get_object(), "check") == check) return text_at(item.get_object(), "state");
        return "";
    }

    http::TemporaryDirectory directory_;
    NodePlaces places_;
};

TEST_F(NodeChecks, AlwaysNameTheAgentAndWhatIsLeftToIt) {
    EXPECT_EQ(state_of("agent"), "problem");
    EXPECT_EQ(state_of("rest"), "unknown");
    EXPECT_EQ(text_at(array_at(checks_without_agent(places_, away), "checks").front().get_object(), "remedy"), "start it");
    EXPECT_GE(number_at(checks_without_agent(places_, away), "problems"), 1);
}
TEST_F(NodeChecks, FindWhatAStartNeeds) {
    for (const auto* const check : {"kernel", "types", "cgroup", "bpffs", "configuration"})
        EXPECT_EQ(state_of(check), "ok") << check;
}
TEST_F(NodeChecks, MissWhatIsNotThere) {
    write("mounts", "25 1 0:22 / / rw - ext4 /dev/sda1 rw\n");
    write("meshd.yaml", "log: {level: loud}\n");
    places_.types = "/nonexistent";
    places_.release = "5.4.0-1-amd64";
    for (const auto* const check : {"kernel", "types", "cgroup", "bpffs", "configuration"})
        EXPECT_EQ(state_of(check), "problem") << check;
}
TEST_F(NodeChecks, TakeNoFileForDefaults) {
    places_.configuration = directory_.file("none.yaml");
    EXPECT_EQ(state_of("configuration"), "ok");
}

TEST(IsAtLeast, ComparesNumbersNotTexts) {
    EXPECT_TRUE(is_at_least("5.10", "5.10"));
    EXPECT_TRUE(is_at_least("6.1.0-37-amd64", "5.10"));
    EXPECT_TRUE(is_at_least("5.15.0", "5.10"));
    EXPECT_FALSE(is_at_least("5.9.16", "5.10"));
    EXPECT_FALSE(is_at_least("4.19.0-27-amd64", "5.10"));
    EXPECT_FALSE(is_at_least("unknown", "5.10"));
}

}  // namespace
}  // namespace meshd::meshctl
