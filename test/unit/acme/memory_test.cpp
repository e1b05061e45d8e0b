// SPDX-License-Identifier: Apache-2.0
#include "acme/memory.hpp"

#include <gtest/gtest.h>

#include "test_certificates.hpp"

namespace meshd::acme {
namespace {

using namespace std::chrono_literals;

const Time now = Time(1'000'000s);

struct MemoryTest : testing::Test {
    Memory loaded(const std::string& settings = "these") const {
        Memory memory(path, settings);
        EXPECT_TRUE(memory.load(now));
        return memory;
    }
    const tls::TemporaryDirectory directory;
    const std::string path = directory.path("failures.json");
};

TEST_F(MemoryTest, OutlivesTheWorker) {
    auto memory = loaded();
    EXPECT_EQ(memory.find("shop.pem"), nullptr);
    memory.set("shop.pem", {3, now + 4min, "no answer"});
    memory.set("blog.pem", {1, now, "no name"});
    memory.forget("blog.pem");
    ASSERT_TRUE(memory.save());
    const auto next = loaded();
    ASSERT_NE(next.find("shop.pem"), nullptr);
    EXPECT_EQ(next.find("shop.pem")->count, 3U);
    EXPECT_EQ(next.find("shop.pem")->next, now + 4min);
    EXPECT_EQ(next.find("shop.pem")->problem, "no answer");
    EXPECT_EQ(next.find("blog.pem"), nullptr);
}

TEST_F(MemoryTest, IsOfTheSameSettingsOnly) {
    auto memory = loaded();
    memory.set("shop.pem", {3, now + 4min, "no answer"});
    ASSERT_TRUE(memory.save());
    EXPECT_EQ(loaded("others").find("shop.pem"), nullptr);
}

TEST_F(MemoryTest, WaitsADayAtMostWhateverTheClockWas) {
    auto memory = loaded();
    memory.set("shop.pem", {3, now + 24h * 365 * 20, "no answer"});
    ASSERT_TRUE(memory.save());
    EXPECT_EQ(loaded().find("shop.pem")->next, now + 24h);
}

TEST_F(MemoryTest, ABrokenFileIsToldOfAndHasNothing) {
    for (const auto* const text : {"", "[]", "{\"certificates\":"}) {
        directory.write("failures.json", text);
        Memory memory(path, "these");
        EXPECT_FALSE(memory.load(now)) << text;
        EXPECT_EQ(memory.find("shop.pem"), nullptr);
    }
    for (const auto* const text : {"{}", R"({"settings":"these","certificates":{"shop.pem":7}})"}) {
        directory.write("failures.json", text);
        EXPECT_EQ(loaded().find("shop.pem"), nullptr) << text;
    }
    directory.write("failures.json", R"({"settings":"these","certificates":{"shop.pem":{"failures":-1,"next":"x"}}})");
    EXPECT_EQ(loaded().find("shop.pem")->count, 0U);
}

}  // namespace
}  // namespace meshd::acme
