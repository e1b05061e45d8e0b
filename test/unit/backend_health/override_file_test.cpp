// SPDX-License-Identifier: Apache-2.0
#include "health/override_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace meshd::health {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class OverrideFileTest : public testing::Test {
protected:
    OverrideFileTest() {
        char name[] = "/tmp/meshd-overrides-XXXXXX";
        directory_ = ::mkdtemp(name);
    }
    ~OverrideFileTest() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& text) const { std::ofstream(directory_ + "/backend_states.json") << text; }

    std::string directory_;
};

TEST_F(OverrideFileTest, HoldsWhatWasSaved) {
    const OverrideFile file(directory_);
    EXPECT_TRUE(file.load()->empty()) << "no file";
    const Clock::time_point noon{12h};
    Overrides overrides;
    overrides[{"shop/web", *base::SocketAddress::parse("[fd00::1]:8080")}] = {model::BackendState::drain, noon, noon + 10min};
    overrides[{"web", *base::SocketAddress::parse("10.0.0.1:80")}] = {model::BackendState::maint, noon, {}};
    ASSERT_TRUE(file.save(overrides));
    EXPECT_EQ(*file.load(), overrides);
    ASSERT_TRUE(file.save({}));
    EXPECT_TRUE(file.load()->empty());
}

TEST_F(OverrideFileTest, RefusesWhatItDidNotWrite) {
    for (const auto* const text :
         {"", "{", "[]", R"({"format":2,"overrides":[]})", R"({"format":1,"overrides":{}})",
          R"({"format":1,"overrides":[{"service":"web"}]})",
          R"({"format":1,"overrides":[{"service":"-","backend":"10.0.0.1:80","state":"drain","since_s":1}]})",
          R"({"format":1,"overrides":[{"service":"a","backend":"10.0.0.1","state":"drain","since_s":"1"}]})"}) {
        write(text);
        const auto loaded = OverrideFile(directory_).load();
        ASSERT_FALSE(loaded) << text;
        EXPECT_THAT(loaded.error().message(), HasSubstr("backend_states.json"));
        EXPECT_THAT(loaded.error().remedy, HasSubstr("give them again"));
    }
}

TEST_F(OverrideFileTest, SaysThatItCannotWrite) {
    const auto saved = OverrideFile("/proc/nothing").save({});
    ASSERT_FALSE(saved);
    EXPECT_FALSE(saved.error().message().empty());
}

}  // namespace
}  // namespace meshd::health
