// SPDX-License-Identifier: Apache-2.0
#include "app/state_file.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../http/loop_thread.hpp"
#include "../registry/services.hpp"

namespace meshd::app {
namespace {

using registry::test::service;
using registry::test::shared;
using Contents = std::map<std::string, std::size_t>;  // backends by service

struct StateFileTest : testing::Test {
    http::TemporaryDirectory directory;
    StateFile file{directory.file("state")};
    model::DesiredState state;

    void set(const std::string& name, std::size_t backends) { state.services[name] = shared(service(name, backends)); }

    [[nodiscard]] Contents loaded() const {
        const auto saved = file.load();
        EXPECT_TRUE(saved) << saved.error().message();
        Contents all;
        if (saved)
            for (const auto& one : saved->services) all[one->name] = one->ports.front().backends.size();
        return all;
    }

    [[nodiscard]] std::string text() const {
        std::stringstream all;
        all << std::ifstream(file.path()).rdbuf();
        return all.str();
    }
    void write(const std::string& text) const { std::ofstream(file.path()) << text; }
};

TEST_F(StateFileTest, IsReadAsItWasSaved) {
    EXPECT_EQ(loaded(), Contents{});
    set("web", 2);
    set("mail", 0);
    ASSERT_TRUE(file.save(state));
    EXPECT_EQ(loaded(), (Contents{{"web", 2}, {"mail", 0}}));
}

TEST_F(StateFileTest, BatchesStandBehindWhatWasSaved) {
    set("web", 2);
    set("mail", 1);
    ASSERT_TRUE(file.save(state));
    ASSERT_TRUE(file.append({{"web", shared(service("web", 3))}, {"shop", shared(service("shop", 1))}}));
    ASSERT_TRUE(file.append({{"mail", nullptr}, {"never", nullptr}}));
    EXPECT_EQ(loaded(), (Contents{{"web", 3}, {"shop", 1}}));
}

TEST_F(StateFileTest, ABatchThatWasCutShortCountsAsNeverBegun) {
    set("web", 2);
    ASSERT_TRUE(file.save(state));
    ASSERT_TRUE(file.append({{"mail", shared(service("mail", 1))}}));
    const auto before = text();
    ASSERT_TRUE(file.append({{"mail", nullptr}, {"shop", shared(service("shop", 1))}, {"web", shared(service("web", 5))}}));
    const auto whole = text();
    for (auto size = before.size(); size < whole.size(); ++size) {
        write(whole.substr(0, size));
        EXPECT_EQ(loaded(), (Contents{{"web", 2}, {"mail", 1}})) << "cut after " << size;
    }
    write(whole);
    EXPECT_EQ(loaded(), (Contents{{"web", 5}, {"shop", 1}}));
}

TEST_F(StateFileTest, WhatCannotBeReadIsNamedByItsLine) {
    set("web", 2);
    ASSERT_TRUE(file.save(state));
    const auto good = text();
    const auto line = [this](const std::string& text) {
        write(text);
        const auto saved = file.load();
        return saved ? std::string{"good"} : saved.error().message();
    };
    EXPECT_THAT(line(""), testing::HasSubstr("desired.jsonl:1: it is empty"));
    EXPECT_THAT(line("{}\n"), testing::HasSubstr("desired.jsonl:1: no head of format 2"));
    EXPECT_THAT(line("{\"format\":3,\"saved_at_s\":1,\"services\":0}\n"), testing::HasSubstr("no head of format 2"));
    EXPECT_THAT(line("{\"format\":2,\"saved_at_s\":1,\"services\":-1}\n"), testing::HasSubstr("no head of format 2"));
    EXPECT_THAT(line(good.substr(0, good.size() - 2)), testing::HasSubstr("desired.jsonl:2: it ends early"));
    EXPECT_THAT(line(good + "nonsense\n"), testing::HasSubstr("desired.jsonl:3: no head of a batch"));
    EXPECT_THAT(line(good + "{\"saved_at_s\":1,\"services\":1,\"remove\":[]}\n{}\n"), testing::HasSubstr("desired.jsonl:4: "));
    EXPECT_EQ(line(good), "good");
}

TEST_F(StateFileTest, AFileOfTheFormatBeforeIsRead) {
    set("web", 2);
    ASSERT_TRUE(file.save(state));
    auto old = text();
    old.replace(old.find("\"format\":2"), 10, "\"format\":1");
    write(old);
    EXPECT_EQ(loaded(), (Contents{{"web", 2}}));
}

TEST_F(StateFileTest, IsSavedAnewBeforeBatchesOutgrowIt) {
    EXPECT_FALSE(file.is_worth_appending(1)) << "of a file that another wrote";
    for (int i = 0; i < 2000; ++i) set("s" + std::to_string(i), 1);
    ASSERT_TRUE(file.save(state));
    EXPECT_TRUE(file.is_worth_appending(2000));
    EXPECT_FALSE(file.is_worth_appending(2001));
    ASSERT_TRUE(file.append({{"s1", nullptr}, {"s2", nullptr}}));
    EXPECT_FALSE(file.is_worth_appending(1999));
    ASSERT_TRUE(file.save(state));
    EXPECT_TRUE(file.is_worth_appending(1999));
}

TEST_F(StateFileTest, AfterABatchThatCouldNotBeWrittenAllIsSaved) {
    set("web", 2);
    ASSERT_TRUE(file.save(state));
    std::filesystem::remove(file.path());
    EXPECT_FALSE(file.append({{"web", nullptr}}));
    EXPECT_FALSE(std::filesystem::exists(file.path())) << "a batch alone says nothing";
    EXPECT_FALSE(file.is_worth_appending(1));
    ASSERT_TRUE(file.save(state));
    EXPECT_EQ(loaded(), (Contents{{"web", 2}}));
}

TEST_F(StateFileTest, HoldsWhatRandomChangesLeadTo) {
    std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same each time
    for (int turn = 0; turn < 100; ++turn) {
        StateFile::Changes changes;
        for (auto count = random() % 4; count > 0; --count) {
            const auto name = "s" + std::to_string(random() % 20);
            if (random() % 3 == 0) {
                state.services.erase(name);
                changes[name] = nullptr;
            } else {
                set(name, random() % 5);
                changes[name] = state.services[name];
            }
        }
        const bool appends = file.is_worth_appending(changes.size()) && random() % 20 != 0;
        ASSERT_TRUE(appends ? file.append(changes) : file.save(state));
        Contents expected;
        for (const auto& [name, one] : state.services) expected[name] = one->ports.front().backends.size();
        ASSERT_EQ(loaded(), expected) << "turn " << turn;
    }
}

}  // namespace
}  // namespace meshd::app
