// SPDX-License-Identifier: Apache-2.0
// A directory that goes, comes back, or becomes another one.
#include <gmock/gmock.h>

#include "registry/file_source.hpp"
#include "source_fixture.hpp"

namespace meshd::registry {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST_F(FileSourceTest, KeepsEverythingWhenTheDirectoryIsMovedAway) {
    write("a.yaml", item("a", 1));
    start();
    fs::rename(directory_, root_ / "away");
    wait_until([&] { return !source_->directory_error().empty(); }, "the directory was not missed");
    EXPECT_EQ(source_->directory_error(),
              "cannot read registry directory " + directory_.string() + ": No such file or directory");
    EXPECT_EQ(weight_of("a"), 1);
    EXPECT_TRUE(source_->state().complete);

    fs::rename(root_ / "away", directory_);
    write("a.yaml", item("a", 1, 9));
    wait_for_weight("a", 9);
    EXPECT_EQ(source_->directory_error(), "");
    EXPECT_FALSE(was_ever_removed("a"));
}

TEST_F(FileSourceTest, KeepsEverythingWhenTheDirectoryIsRemovedWithItsFiles) {
    times_.vanish = std::chrono::milliseconds(500);
    write("a.yaml", item("a", 1));
    write("b.yaml", item("b", 2));
    start();
    fs::remove_all(directory_);
    wait_until([&] { return !source_->directory_error().empty(); }, "the directory was not missed");
    EXPECT_EQ(weight_of("a"), 1);

    fs::create_directory(directory_);
    write("b.yaml", item("b", 2, 9));
    wait_for_weight("b", 9);
    wait_for_removal("a");
    EXPECT_FALSE(was_ever_removed("b"));
}

TEST_F(FileSourceTest, KeepsEverythingWhileADirectoryThatWasMadeAnewMayStillBeFilled) {
    times_.settle = std::chrono::hours(1);
    write("a.yaml", item("a", 1));
    write("b.yaml", item("b", 2));
    start();
    fs::remove_all(directory_);
    fs::create_directory(directory_);
    // What was closed before the new directory was noticed would be left alone for an hour: so it is written until it is seen.
    const auto write_again = [&] {
        write("b.yaml", item("b", 2, 9));
        write("c.yaml", item("c", 3));
        return weight_of("b") == 9 && weight_of("c") == 1;
    };
    wait_until(write_again, "the new files were not read");
    // What disappears from now on is really gone, and later than "a".
    fs::remove(directory_ / "c.yaml");
    wait_for_removal("c");
    EXPECT_EQ(weight_of("a"), 1);
}

TEST_F(FileSourceTest, WaitsForADirectoryThatIsMissing) {
    fs::remove(directory_);
    start();
    ASSERT_THAT(changes_, SizeIs(1));
    EXPECT_FALSE(changes_[0].complete);
    EXPECT_FALSE(source_->directory_error().empty());
    fs::create_directory(directory_);
    write("a.yaml", item("a", 1));
    wait_for_weight("a", 1);
    EXPECT_TRUE(source_->state().complete);
    EXPECT_EQ(source_->directory_error(), "");
}

TEST_F(FileSourceTest, WaitsForADirectoryWhoseParentIsMissing) {
    directory_ = root_ / "etc" / "services.d";
    start();
    fs::create_directories(directory_);
    write("a.yaml", item("a", 1));
    wait_for_weight("a", 1);
}

TEST_F(FileSourceTest, FollowsADirectoryThatIsASymbolicLinkWhenItIsSwitched) {
    fs::remove(directory_);
    for (const auto* name : {"one", "two"}) fs::create_directory(root_ / name);
    write(root_ / "one" / "a.yaml", item("a", 1) + item("b", 2));
    write(root_ / "two" / "a.yaml", item("a", 1, 9));
    fs::create_directory_symlink("one", directory_);
    times_.settle = std::chrono::hours(1);
    start();
    EXPECT_EQ(weight_of("a"), 1);
    fs::create_directory_symlink("two", root_ / "next");
    fs::rename(root_ / "next", directory_);
    wait_for_weight("a", 9);
    EXPECT_EQ(weight_of("b"), -1);

    write(root_ / "two" / "a.yaml", item("a", 1, 10));
    wait_for_weight("a", 10);
}

// Each file is a link through ..data, which is a link to a directory that is replaced as a whole.
TEST_F(FileSourceTest, FollowsAKubernetesConfigMap) {
    times_.settle = std::chrono::hours(1);
    const auto fill = [&](const char* version, int weight) {
        fs::create_directory(directory_ / version);
        write(directory_ / version / "a.yaml", item("a", 1, weight));
        write(directory_ / version / "b.yaml", item("b", 2, weight));
    };
    fill("..2026_01", 1);
    fs::create_directory_symlink("..2026_01", directory_ / "..data");
    fs::create_symlink("..data/a.yaml", directory_ / "a.yaml");
    fs::create_symlink("..data/b.yaml", directory_ / "b.yaml");
    start();
    EXPECT_EQ(weight_of("b"), 1);

    fill("..2026_02", 7);
    fs::create_directory_symlink("..2026_02", directory_ / "..data_tmp");
    fs::rename(directory_ / "..data_tmp", directory_ / "..data");
    fs::remove_all(directory_ / "..2026_01");
    wait_for_weight("a", 7);
    EXPECT_EQ(weight_of("b"), 7);
    ASSERT_THAT(changes_, SizeIs(2));
    EXPECT_THAT(changes_[1].upsert, SizeIs(2));
    EXPECT_THAT(changes_[1].remove, IsEmpty());
}

TEST_F(FileSourceTest, CanBeDestroyedWithWorkPending) {
    write("a.yaml", item("a", 1));
    start();
    write("a.yaml", item("a", 1, 2));
    io_.run_one_for(std::chrono::seconds(1));
    source_.reset();
    io_.restart();
    io_.run();
    EXPECT_THAT(changes_, SizeIs(1));
}

}  // namespace
}  // namespace meshd::registry
