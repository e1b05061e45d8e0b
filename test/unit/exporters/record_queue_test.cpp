// SPDX-License-Identifier: Apache-2.0
#include "exporters/record_queue.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshd::exporters {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(RecordQueue, GivesRecordsInOrderAndNoMoreThanAskedFor) {
    RecordQueue queue(10);
    for (const auto* const record : {"a", "b", "c"}) EXPECT_TRUE(queue.put(record));
    EXPECT_THAT(queue.take(2, 0ms), ElementsAre("a", "b"));
    EXPECT_THAT(queue.take(2, 0ms), ElementsAre("c"));
}

TEST(RecordQueue, RefusesWhatItHasNoRoomFor) {
    RecordQueue queue(2);
    EXPECT_TRUE(queue.put("a") && queue.put("b"));
    EXPECT_FALSE(queue.put("c"));
    queue.give_back({"0"});
    EXPECT_EQ(queue.size(), 3U);
    EXPECT_THAT(queue.take(9, 0ms), ElementsAre("0", "a", "b"));
}

TEST(RecordQueue, WaitsForAWholeBatch) {
    RecordQueue queue(10);
    std::thread late([&] {
        for (const auto* const record : {"a", "b", "c"}) (void)queue.put(record);
    });
    EXPECT_THAT(queue.take(3, 1h), ElementsAre("a", "b", "c"));
    late.join();
}

TEST(RecordQueue, DoesNotWaitForABatchThatItCannotHold) {
    RecordQueue queue(2);
    EXPECT_TRUE(queue.put("a") && queue.put("b"));
    EXPECT_THAT(queue.take(100, 1h), ElementsAre("a", "b"));
}

TEST(RecordQueue, GivesAnIncompleteBatchWhenItsTimeHasCome) {
    RecordQueue queue(10);
    EXPECT_TRUE(queue.put("a"));
    EXPECT_THAT(queue.take(3, 1ms), ElementsAre("a"));
}

TEST(RecordQueue, EndsEveryWaitWhenItIsStopped) {
    RecordQueue queue(10);
    std::thread stopper([&] { queue.stop(); });
    EXPECT_THAT(queue.take(3, 1h), IsEmpty());
    EXPECT_FALSE(queue.pause(1h));
    stopper.join();
    EXPECT_TRUE(queue.put("left"));
    EXPECT_THAT(queue.take(1, 0ms), IsEmpty());
    EXPECT_THAT(queue.take_all(), ElementsAre("left"));
}

TEST(RecordQueue, EndsAWaitWhenItIsWoken) {
    RecordQueue queue(10);
    std::thread waker([&] { queue.wake(); });
    EXPECT_THAT(queue.take(3, 1h), IsEmpty());
    waker.join();
    queue.wake();
    EXPECT_TRUE(queue.pause(1h));
}

}  // namespace
}  // namespace meshd::exporters
