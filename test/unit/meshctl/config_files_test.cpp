// SPDX-License-Identifier: Apache-2.0
#include "config_files.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "fake_server.hpp"

namespace meshd::meshctl {
namespace {

class CheckFiles : public testing::Test {
protected:
    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(directory_.file(name)) << text;
        return directory_.file(name);
    }
    CheckedFile check(const std::string& text) { return check_files({write("file", text)}).files.front(); }

    http::TemporaryDirectory directory_;
};

const std::string web = "services: [{name: web, address: 10.96.0.1, port: 80, backends: []}]";
const std::string same_address = "services: [{name: shop, address: 10.96.0.1, port: 80, backends: []}]";

TEST_F(CheckFiles, TellsKindsByContent) {
    EXPECT_EQ(check(web).kind, FileKind::registry);
    EXPECT_EQ(check("services: []").kind, FileKind::registry);
    EXPECT_EQ(check("service_settings: [{service: web, affinity: 1h}]").kind, FileKind::registry);
    EXPECT_EQ(check("log: {level: info}").kind, FileKind::settings);
    EXPECT_EQ(check("").kind, FileKind::empty);
    EXPECT_EQ(check("# only a remark\n").kind, FileKind::empty);
    EXPECT_EQ(check("{").kind, FileKind::unknown);
}

TEST_F(CheckFiles, TakesServicesForAKeyOnlyAtTheTop) {
    EXPECT_EQ(check("limits: {services: 10}").kind, FileKind::settings);
    EXPECT_EQ(check("bpffs: services").kind, FileKind::settings);
}

TEST_F(CheckFiles, RefusesWhatIsNoMapping) { EXPECT_TRUE(check("- a\n- b\n").error); }

TEST_F(CheckFiles, ChecksRegistryFilesTogether) {
    const auto first = write("a.yaml", web);
    const auto second = write("b.yaml", same_address);
    const auto checked = check_files({first, second});
    EXPECT_FALSE(checked.files[0].error);
    ASSERT_TRUE(checked.files[1].error);
    EXPECT_THAT(error_line(*checked.files[1].error), testing::HasSubstr(first));
    EXPECT_EQ(checked.refused(), 1U);
}

TEST_F(CheckFiles, GivesAConflictToTheRightFileWhenOneNameBeginsAsTheOther) {
    const auto longer = write("a.yaml:1", web);
    const auto shorter = write("a.yaml", same_address);
    const auto checked = check_files({longer, shorter});
    EXPECT_FALSE(checked.files[0].error);
    EXPECT_TRUE(checked.files[1].error);
}

TEST_F(CheckFiles, ChecksAFileOnceThatIsNamedTwice) {
    write("a.yaml", web);
    EXPECT_EQ(check_files({directory_.file("a.yaml"), directory_.file(""), directory_.file("./a.yaml")}).files.size(), 1U);
}

TEST_F(CheckFiles, LeavesOutWhatTheRegistryLeavesOut) {
    write("a.yaml", web);
    write(".b.yaml", web);
    write("c.yaml~", web);
    write("d.txt", web);
    std::filesystem::create_directory(directory_.file("e.yaml"));
    EXPECT_EQ(check_files({directory_.file("")}).files.size(), 1U);
}

TEST_F(CheckFiles, SaysThatAFileIsMissing) {
    const auto checked = check_files({"/nonexistent/a.yaml"});
    ASSERT_EQ(checked.refused(), 1U);
    EXPECT_EQ(error_line(*checked.files.front().error), "/nonexistent/a.yaml: No such file or directory");
}

TEST(ErrorLine, HasWhereWhyAndWhatToDo) {
    EXPECT_EQ(error_line({"accept", "a.yaml:1:2", 0, "bad", "mend it"}), "a.yaml:1:2: bad; mend it");
    EXPECT_EQ(error_line({"read", "a.yaml", ENOENT, "", ""}), "a.yaml: No such file or directory");
    EXPECT_EQ(error_line({"read", "a.yaml", EIO, "the disk is ill", ""}), "a.yaml: the disk is ill (Input/output error)");
}

}  // namespace
}  // namespace meshd::meshctl
