// SPDX-License-Identifier: Apache-2.0
#include "app/drained_file.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace meshd::app {
namespace {

struct DrainedFileTest : testing::Test {
    std::string directory = testing::TempDir() + "drained_file_test";
    DrainedFileTest() { std::filesystem::remove_all(directory); }
    ~DrainedFileTest() override { std::filesystem::remove_all(directory); }
};

TEST_F(DrainedFileTest, KeepsNames) {
    const DrainedFile file(directory);
    EXPECT_EQ(file.load(), Names{}) << "there is none";
    ASSERT_TRUE(file.save({"web", "mail"}));
    EXPECT_EQ(DrainedFile(directory).load(), (Names{"mail", "web"}));
    ASSERT_TRUE(file.save({}));
    EXPECT_EQ(file.load(), Names{});
}

TEST_F(DrainedFileTest, SaysWhatIsLostOfAFileThatCannotBeRead) {
    for (const auto* const bad :
         {"{", "[]", R"({"format":2,"drained":[]})", R"({"format":1})", R"({"format":1,"drained":[7]})"}) {
        const auto read = parse_drained(bad, "announcements.json");
        ASSERT_FALSE(read) << bad;
        EXPECT_NE(read.error().message().find("drain them again"), std::string::npos);
    }
    EXPECT_EQ(parse_drained(drained_text({"a"}), "x"), Names{"a"});
}

TEST_F(DrainedFileTest, SaysWhenItCannotBeWritten) {
    const auto saved = DrainedFile("/proc/nowhere").save({"web"});
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().object, "/proc/nowhere");
}

}  // namespace
}  // namespace meshd::app
