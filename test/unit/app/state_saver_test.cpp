// SPDX-License-Identifier: Apache-2.0
#include "app/state_saver.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>

#include "../http/loop_thread.hpp"
#include "../registry/services.hpp"

namespace meshd::app {
namespace {

using registry::test::service;
using registry::test::shared;

struct StateSaverTest : testing::Test {
    http::TemporaryDirectory directory;
    boost::asio::io_context loop;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{loop.get_executor()};
    StateFile file{directory.file("state")};
    model::DesiredState state;
    int written = 0;
    StateSaver saver{loop, file, [this]() -> const model::DesiredState& { return state; },
                     [this](const auto& outcome) {
                         EXPECT_TRUE(outcome);
                         ++written;
                     }};

    void set(const std::string& name, std::size_t backends) { state.services[name] = shared(service(name, backends)); }

    [[nodiscard]] std::string text() const {
        std::stringstream all;
        all << std::ifstream(file.path()).rdbuf();
        return all.str();
    }
    void run_until_written(int times) {
        while (written < times) ASSERT_NE(loop.run_one_for(std::chrono::seconds(20)), 0U);
    }
    [[nodiscard]] std::size_t backends_on_disk(const std::string& name) const {
        const auto saved = file.load();
        if (saved)
            for (const auto& one : saved->services)
                if (one->name == name) return one->ports.front().backends.size();
        return 0;
    }
};

TEST_F(StateSaverTest, WritesWhatHasChangedOnce) {
    set("web", 1);
    saver.all_changed();
    saver.changed({"web"});
    run_until_written(1);
    EXPECT_EQ(backends_on_disk("web"), 1U);
    const auto whole = text();
    set("web", 2);
    set("mail", 1);
    saver.changed({"web"});
    saver.changed({"mail"});
    run_until_written(2);
    EXPECT_EQ(backends_on_disk("web"), 2U);
    EXPECT_EQ(backends_on_disk("mail"), 1U);
    EXPECT_TRUE(text().starts_with(whole)) << "it was appended";
}

TEST_F(StateSaverTest, NothingChangedIsNothingWritten) {
    saver.changed({});
    saver.save_now();
    EXPECT_EQ(written, 0);
    EXPECT_FALSE(std::filesystem::exists(file.path()));
}

TEST_F(StateSaverTest, TheEndWritesWhatWaits) {
    set("web", 1);
    saver.all_changed();
    run_until_written(1);
    state.services.erase("web");
    set("mail", 3);
    saver.changed({"web", "mail"});
    saver.save_now();
    EXPECT_EQ(written, 2);
    EXPECT_EQ(backends_on_disk("web"), 0U);
    EXPECT_EQ(backends_on_disk("mail"), 3U);
}

}  // namespace
}  // namespace meshd::app
