// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/line_output.hpp"

namespace meshd::exporters {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RotatingFileTest : public testing::Test {
protected:
    RotatingFileTest() { EXPECT_NE(::mkdtemp(directory_.data()), nullptr); }
    ~RotatingFileTest() override { fs::remove_all(directory_); }

    [[nodiscard]] std::string path() const { return directory_ + "/flows"; }
    [[nodiscard]] std::string text(const std::string& suffix = "") const {
        std::ifstream file(path() + suffix);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void write(RotatingFile& file, const std::vector<std::string>& lines) {
        const auto opened = file.open();
        ASSERT_TRUE(opened) << opened.error().message();
        std::size_t written = 0;
        const auto done = file.write(lines, written);
        ASSERT_TRUE(done) << done.error().message();
        EXPECT_EQ(written, lines.size());
    }

    std::string directory_ = "/tmp/meshd-rotation-XXXXXX";
};

TEST_F(RotatingFileTest, AppendsToWhatIsThere) {
    std::ofstream(path()) << "old\n";
    RotatingFile file(path(), 100, 2);
    write(file, {"a\n", "b\n"});
    EXPECT_EQ(text(), "old\na\nb\n");
    EXPECT_EQ(fs::status(path()).permissions() & fs::perms::others_all, fs::perms::others_read) << "that file was there";
}

TEST_F(RotatingFileTest, IsNotForEverybodyToRead) {
    RotatingFile file(path(), 100, 2);
    write(file, {"a\n"});
    EXPECT_EQ(fs::status(path()).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(RotatingFileTest, IsPutAsideBeforeALineThatItHasNoRoomFor) {
    RotatingFile file(path(), 6, 2);
    write(file, {"aa\n", "bb\n", "cc\n", "dddddddd\n", "e\n"});
    EXPECT_EQ(text(), "e\n");
    EXPECT_EQ(text(".1"), "dddddddd\n") << "a line that is larger than a file has one of its own";
    EXPECT_EQ(text(".2"), "cc\n");
    EXPECT_FALSE(fs::exists(path() + ".3")) << "no more are kept";
}

TEST_F(RotatingFileTest, CountsWhatWasThereBefore) {
    std::ofstream(path()) << "12345\n";
    RotatingFile file(path(), 6, 1);
    write(file, {"a\n"});
    EXPECT_EQ(text(".1"), "12345\n");
    EXPECT_EQ(text(), "a\n");
}

TEST_F(RotatingFileTest, FollowsWhoRenamesItWhenItIsClosed) {
    RotatingFile file(path(), 100, 1);
    write(file, {"a\n"});
    fs::rename(path(), path() + ".old");
    write(file, {"b\n"});
    EXPECT_EQ(text(".old"), "a\nb\n");
    file.close();
    write(file, {"c\n"});
    EXPECT_EQ(text(), "c\n");
}

TEST_F(RotatingFileTest, IsMadeAnewWhenItWasRemoved) {
    RotatingFile file(path(), 100, 1);
    write(file, {"a\n"});
    fs::remove(path());
    write(file, {"b\n"});
    EXPECT_EQ(text(), "b\n");
}

TEST_F(RotatingFileTest, GoesOnWhenItCannotBePutAside) {
    fs::create_directories(path() + ".1/full");  // no file takes its name
    RotatingFile file(path(), 2, 1);
    ASSERT_TRUE(file.open());
    std::size_t written = 0;
    const std::vector<std::string> lines{"a\n", "b\n", "c\n"};
    const auto done = file.write(lines, written);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message(), HasSubstr("put aside"));
    EXPECT_EQ(written, 3U);
    EXPECT_EQ(text(), "a\nb\nc\n");
}

TEST_F(RotatingFileTest, SaysWhatToDoWithoutADirectory) {
    RotatingFile file(directory_ + "/none/flows", 100, 1);
    const auto opened = file.open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("install -d -o "));
    EXPECT_THAT(opened.error().message(), HasSubstr(directory_ + "/none"));
}

TEST_F(RotatingFileTest, IsAFile) {
    fs::create_symlink("/dev/null", path());
    RotatingFile file(path(), 100, 1);
    const auto opened = file.open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("it is no file"));
}

}  // namespace
}  // namespace meshd::exporters
