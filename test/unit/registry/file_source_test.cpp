// SPDX-License-Identifier: Apache-2.0
// Files of a directory that stays.
#include "registry/file_source.hpp"

#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "base/unique_fd.hpp"
#include "registry/directory.hpp"
#include "source_fixture.hpp"

namespace meshd::registry {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// A writer that has not closed its file.
class Writer {
public:
    explicit Writer(const fs::path& path) : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {}
    void write(std::string_view text) {
        EXPECT_EQ(::write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void close() { fd_.reset(); }

private:
    base::UniqueFd fd_;
};

TEST_F(FileSourceTest, TellsAllThereIsAtTheStart) {
    write("a.yaml", item("a", 1, 3));
    write("b.yml", item("b", 2));
    start();
    ASSERT_THAT(changes_, SizeIs(1));
    EXPECT_THAT(changes_[0].upsert, SizeIs(2));
    EXPECT_TRUE(changes_[0].complete);
    EXPECT_EQ(weight_of("a"), 3);
    EXPECT_EQ(source_->state().services.at("a")->source, "file:" + (directory_ / "a.yaml").string());
    EXPECT_EQ(statuses_told_, 1);
    EXPECT_EQ(source_->directory_error(), "");
}

TEST_F(FileSourceTest, TellsOfAnEmptyDirectoryToo) {
    start();
    ASSERT_THAT(changes_, SizeIs(1));
    EXPECT_TRUE(changes_[0].empty());
    EXPECT_TRUE(changes_[0].complete);
}

TEST_F(FileSourceTest, IgnoresWhatIsNoRegistryFile) {
    for (const auto* name : {".hidden.yaml", "a.yaml~", ".a.yaml.swp", "#a.yaml#", "a.yaml.bak", "README", "4913", ".yaml"})
        write(name, item("no", 1));
    fs::create_directory(directory_ / "subdirectory.yaml");
    start();
    EXPECT_THAT(source_->statuses(), IsEmpty());
    EXPECT_TRUE(source_->state().complete);
}

TEST_F(FileSourceTest, ReadsANewFile) {
    start();
    write("a.yaml", item("a", 1, 3));
    wait_for_weight("a", 3);
}

TEST_F(FileSourceTest, ReadsAFileThatWasRewrittenInPlace) {
    write("a.yaml", item("a", 1) + item("b", 2));
    write("c.yaml", item("c", 3));
    start();
    write("a.yaml", item("a", 1, 9) + item("b", 2));
    wait_for_weight("a", 9);
    ASSERT_THAT(changes_, SizeIs(2));
    ASSERT_THAT(changes_[1].upsert, SizeIs(1));
    EXPECT_EQ(changes_[1].upsert[0]->name, "a");
    EXPECT_THAT(changes_[1].remove, IsEmpty());
}

TEST_F(FileSourceTest, ReadsAFileThatWasReplacedByARename) {
    write("a.yaml", item("a", 1));
    start();
    write(".a.yaml.new", item("a", 1, 9));
    fs::rename(directory_ / ".a.yaml.new", directory_ / "a.yaml");
    wait_for_weight("a", 9);
    EXPECT_FALSE(was_ever_removed("a"));
}

TEST_F(FileSourceTest, KeepsServicesWhileAnEditorHasMovedTheFileAway) {
    times_.vanish = std::chrono::seconds(10);
    write("a.yaml", item("a", 1));
    write("b.yaml", item("b", 2));
    start();
    fs::rename(directory_ / "a.yaml", directory_ / "a.yaml~");
    write("b.yaml", item("b", 2, 5));
    wait_for_weight("b", 5);
    EXPECT_EQ(weight_of("a"), 1);
    write("a.yaml", item("a", 1, 9));
    wait_for_weight("a", 9);
    EXPECT_FALSE(was_ever_removed("a"));
}

TEST_F(FileSourceTest, ReadsAFileOnlyWhenItsWriterHasClosedIt) {
    write("a.yaml", item("a", 1));
    start();
    Writer writer(directory_ / "a.yaml");
    writer.write(file_of(item("a", 1, 5)));
    write("b.yaml", item("b", 2));
    wait_for_weight("b", 1);
    EXPECT_EQ(weight_of("a"), 1);
    writer.write(item("c", 3));
    writer.close();
    wait_for_weight("a", 5);
    EXPECT_EQ(weight_of("c"), 1);
    EXPECT_FALSE(was_ever_removed("a"));
}

TEST_F(FileSourceTest, NeverTakesTheEmptyFileBetweenTwoWritesForTheContent) {
    times_.settle = std::chrono::seconds(2);
    write("a.yaml", item("a", 1, 1));
    start();
    std::thread writer([this] {
        for (int weight = 2; weight <= 900; ++weight) {
            write("a.yaml", item("a", 1, weight));
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    wait_until([&] { return weight_of("a") == 900; }, "the last write is not there");
    writer.join();
    EXPECT_FALSE(was_ever_removed("a"));
}

TEST_F(FileSourceTest, BelievesAnEmptyFileWhenItHasBeenLeftAloneForAWhile) {
    write("a.yaml", item("a", 1));
    start();
    std::ofstream(directory_ / "a.yaml").flush();
    wait_for_removal("a");
}

TEST_F(FileSourceTest, IsNotCompleteWhileAFileThatItHasNeverReadMayBeHalfWritten) {
    std::ofstream(directory_ / "a.yaml").flush();
    start();
    EXPECT_FALSE(changes_[0].complete);
    wait_until([&] { return source_->state().complete; }, "it is still not complete");
}

TEST_F(FileSourceTest, LeavesAFileThatIsBeingWrittenAloneAtARescan) {
    times_.rescan = std::chrono::milliseconds(5);
    times_.settle = std::chrono::seconds(3600);
    write("a.yaml", item("a", 1));
    const auto outside = root_ / "outside.yaml";
    write(outside, item("b", 2));
    fs::create_symlink(outside, directory_ / "b.yaml");
    start();
    Writer writer(directory_ / "a.yaml");  // empty now, which would be no services
    write(outside, item("b", 2, 5));
    fs::last_write_time(outside, fs::file_time_type::clock::now() - std::chrono::hours(5));
    wait_for_weight("b", 5);
    EXPECT_EQ(weight_of("a"), 1);
    EXPECT_FALSE(was_ever_removed("a"));
}

TEST_F(FileSourceTest, FindsAtARescanWhatNoEventTold) {
    times_.rescan = std::chrono::milliseconds(20);
    const auto outside = root_ / "outside.yaml";
    write(outside, item("a", 1));
    fs::create_symlink(outside, directory_ / "a.yaml");
    start();
    EXPECT_EQ(weight_of("a"), 1);
    write(outside, item("a", 1, 9));
    wait_for_weight("a", 9);
}

TEST_F(FileSourceTest, ReadsAFileThatWasLinkedIntoPlace) {
    start();
    write(".whole", item("a", 1));
    fs::create_hard_link(directory_ / ".whole", directory_ / "a.yaml");
    fs::create_symlink(directory_ / ".other", directory_ / "b.yaml");
    wait_for_weight("a", 1);
}

TEST_F(FileSourceTest, RemovesTheServicesOfAFileThatIsGone) {
    write("a.yaml", item("a", 1));
    write("b.yaml", item("b", 2));
    start();
    fs::remove(directory_ / "a.yaml");
    wait_for_removal("a");
    EXPECT_EQ(changes_.back().remove, std::vector<std::string>{"a"});
    EXPECT_EQ(weight_of("b"), 1);
    EXPECT_THAT(source_->statuses(), SizeIs(1));
}

TEST_F(FileSourceTest, KeepsTheLastGoodContentOfABadFile) {
    write("a.yaml", item("a", 1));
    start();
    write("a.yaml", "  - {name: a}\n");
    wait_until([&] { return is_refused("a.yaml"); }, "the file was not refused");
    EXPECT_EQ(weight_of("a"), 1);
    EXPECT_THAT(changes_, SizeIs(1));
    EXPECT_EQ(status_of("a.yaml").error,
              (directory_ / "a.yaml").string() + ":2:5: a service needs the key \"address\" or \"addresses\"");
    EXPECT_TRUE(source_->state().complete);

    write("a.yaml", item("a", 1, 4));
    wait_for_weight("a", 4);
    EXPECT_FALSE(is_refused("a.yaml"));
    EXPECT_EQ(status_of("a.yaml").error, "");
}

TEST_F(FileSourceTest, IsNotCompleteWhileAFileWasNeverGood) {
    write("a.yaml", "  - nonsense\n");
    write("b.yaml", item("b", 2));
    start();
    ASSERT_THAT(changes_, SizeIs(1));
    EXPECT_FALSE(changes_[0].complete);
    EXPECT_EQ(weight_of("b"), 1);
    write("a.yaml", item("a", 1));
    wait_until([&] { return source_->state().complete; }, "still not complete");
    EXPECT_TRUE(changes_.back().complete);
}

TEST_F(FileSourceTest, RefusesWhatIsNoRegularFile) {
    ASSERT_EQ(::mkfifo((directory_ / "fifo.yaml").c_str(), 0644), 0);
    start();
    EXPECT_EQ(status_of("fifo.yaml").error, "cannot read " + (directory_ / "fifo.yaml").string() + ": not a regular file");
    EXPECT_FALSE(source_->state().complete);
}

TEST_F(FileSourceTest, TriesARefusedFileAgainWhenTheOtherSideOfTheConflictIsGone) {
    write("a.yaml", item("x", 1, 3));
    write("b.yaml", item("x", 2, 4));
    start();
    EXPECT_TRUE(is_refused("b.yaml"));
    EXPECT_EQ(weight_of("x"), 3);
    EXPECT_FALSE(source_->state().complete);
    fs::remove(directory_ / "a.yaml");
    wait_for_weight("x", 4);
    EXPECT_FALSE(was_ever_removed("x"));
    EXPECT_TRUE(source_->state().complete);
}

TEST_F(FileSourceTest, LetsAServiceMoveToAnotherFileInWhateverOrderTheyAreWritten) {
    write("a.yaml", item("x", 1) + item("y", 2));
    write("b.yaml", item("z", 3));
    start();
    write("b.yaml", item("z", 3) + item("y", 2, 9));
    wait_until([&] { return is_refused("b.yaml"); }, "the file was not refused");
    write("a.yaml", item("x", 1));
    wait_for_weight("y", 9);
    EXPECT_FALSE(was_ever_removed("y"));
    EXPECT_FALSE(is_refused("b.yaml"));
}

TEST_F(FileSourceTest, KeepsServicesWhenTheirFileIsRenamed) {
    times_.vanish = std::chrono::hours(1);
    write("a.yaml", item("a", 1));
    start();
    fs::rename(directory_ / "a.yaml", directory_ / "b.yaml");
    wait_until([&] { return source_->state().services.at("a")->source.ends_with("/b.yaml"); }, "still the old name");
    EXPECT_FALSE(was_ever_removed("a"));
    EXPECT_THAT(source_->statuses(), SizeIs(1));
}

TEST_F(FileSourceTest, LooksAtEverythingWhenEventsWereLost) {
    write("a.yaml", item("a", 1));
    start();
    int limit = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
    if (limit == 0 || limit > 200'000) GTEST_SKIP() << "the queue of events is too long to be filled";
    // Two names in turn, since equal events that follow each other are merged.
    write(".x", "");
    write(".y", "");
    for (int i = 0; i < limit / 2; ++i)
        for (const auto* name : {".x", ".y"}) ::chmod((directory_ / name).c_str(), i % 2 == 0 ? 0600 : 0644);
    write("b.yaml", item("b", 2));
    fs::last_write_time(directory_ / "b.yaml", fs::file_time_type::clock::now() - std::chrono::hours(1));
    wait_for_weight("b", 1);
}

}  // namespace
}  // namespace meshd::registry
