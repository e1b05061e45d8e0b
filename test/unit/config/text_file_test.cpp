// SPDX-License-Identifier: Apache-2.0
#include "config/text_file.hpp"

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "temporary_file.hpp"

namespace meshd::config {
namespace {

TEST(TextFile, IsUnchangedWhenNobodyWritesIt) {
    const TemporaryFile file("a: 1\n");
    const auto read = read_text_file(file.path());
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->text, "a: 1\n");
    EXPECT_EQ(read->stamp.size, 5);
    EXPECT_FALSE(read->changed);
}

// What is said to be unchanged is what the stamp tells of, however a writer's cut and fill fall between the reader's steps.
TEST(TextFile, SaysWhenItWasWrittenWhileItWasRead) {
    const std::string whole(200, 'x');
    const TemporaryFile file(whole);
    std::atomic<bool> done{false};
    std::thread writer([&] {
        while (!done) std::ofstream(file.path(), std::ios::binary) << whole;
    });
    int changed = 0;
    for (int round = 0; round < 200'000 && changed < 20; ++round) {
        const auto read = read_text_file(file.path());
        if (!read) continue;
        changed += read->changed ? 1 : 0;
        if (!read->changed && read->stamp.size != 0 && read->text != whole) {
            ADD_FAILURE() << read->text.size() << " bytes, said to be unchanged since there were " << read->stamp.size;
            break;
        }
    }
    done = true;
    writer.join();
    EXPECT_GT(changed, 0);
}

}  // namespace
}  // namespace meshd::config
