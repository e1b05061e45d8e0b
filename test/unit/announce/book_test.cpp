// SPDX-License-Identifier: Apache-2.0
#include "announce/book.hpp"

#include <gtest/gtest.h>

#include "wanted.hpp"

namespace meshd::announce {
namespace {

using namespace std::chrono_literals;
using test::web;

struct BookTest : testing::Test {
    Book::Clock::time_point now{1h};
    Book book;

    void want(const Wanted& wanted, bool may_be_known = false) { book.want(wanted.what.id(), wanted, may_be_known, now); }
    // What is due, done.
    std::string perform() {
        const auto step = book.next(now);
        if (!step) return "nothing";
        book.done(*step, now, 1);
        return text(*step);
    }
    static std::string text(const Step& step) {
        const auto task = step.task == Task::announce ? "announce " : step.task == Task::renew ? "renew " : "withdraw ";
        return task + std::to_string(step.wanted.what.endpoint.port);
    }
};

TEST_F(BookTest, AnnouncesOnceAndThenGivesSignsOfLife) {
    want(web());
    EXPECT_EQ(perform(), "announce 8080");
    EXPECT_TRUE(book.is_announced(web().what.id()));
    want(web());
    EXPECT_EQ(perform(), "nothing");
    EXPECT_EQ(book.due(), now + 5s);
    now += 5s;
    EXPECT_EQ(perform(), "renew 8080");
    EXPECT_EQ(book.due(), now + 5s);
}

TEST_F(BookTest, SaysAllOfItAgainNowAndThen) {
    auto rarely = web();
    rarely.what.ttl = 1h;
    want(rarely);
    perform();
    EXPECT_EQ(book.due(), now + Book::look_again);
    now += Book::look_again;
    EXPECT_EQ(perform(), "announce 8080");
}

TEST_F(BookTest, TellsOfAChangeAtOnce) {
    want(web());
    perform();
    auto drained = web();
    drained.is_drained = true;
    want(drained);
    EXPECT_EQ(perform(), "announce 8080");
    EXPECT_EQ(perform(), "nothing");
}

TEST_F(BookTest, SaysNothingOfWhatWasNeverWell) {
    auto failing = web();
    failing.is_well = false;
    want(failing);
    EXPECT_EQ(perform(), "nothing");
    EXPECT_EQ(book.due(), std::nullopt);
    book.drop(failing.what.id());
    EXPECT_TRUE(book.empty());
}

TEST_F(BookTest, TellsOnceOfWhatIsNotWellAnyMore) {
    want(web());
    perform();
    auto failing = web();
    failing.is_well = false;
    want(failing);
    EXPECT_EQ(perform(), "announce 8080");
    EXPECT_FALSE(book.is_announced(failing.what.id()));
    EXPECT_EQ(book.due(), std::nullopt) << "it needs no sign of life";
}

TEST_F(BookTest, WithdrawsWhatWasTold) {
    want(web());
    perform();
    book.drop(web().what.id());
    EXPECT_EQ(perform(), "withdraw 8080");
    EXPECT_TRUE(book.empty());
}

TEST_F(BookTest, WithdrawsWhatIsUnderWayAndWhatAnEarlierWorkerTold) {
    want(web());
    const auto step = book.next(now);
    ASSERT_TRUE(step);
    book.drop(web().what.id());
    book.done(*step, now, 1);
    EXPECT_EQ(perform(), "withdraw 8080");

    auto failing = web(81);
    failing.is_well = false;
    want(failing, true);
    EXPECT_EQ(perform(), "announce 81") << "it may be known as well";
    want(web(82), true);
    book.drop_all();
    EXPECT_EQ(perform(), "withdraw 81");
    EXPECT_EQ(perform(), "withdraw 82");
    EXPECT_TRUE(book.empty());
}

TEST_F(BookTest, IsWantedAgainWhileItLeaves) {
    want(web());
    perform();
    book.drop(web().what.id());
    const auto step = book.next(now);
    want(web());
    book.done(*step, now, 1);
    EXPECT_EQ(perform(), "announce 8080");
}

TEST_F(BookTest, WhatOthersMustNotConnectToComesFirst) {
    want(web(1));
    perform();
    now += 5s;  // its sign of life is due
    want(web(2));
    want(web(3));
    perform();
    EXPECT_TRUE(book.is_announced(web(2).what.id()));
    auto failing = web(2);
    failing.is_well = false;
    want(failing);
    EXPECT_EQ(perform(), "announce 2");
    EXPECT_EQ(perform(), "announce 3");
    EXPECT_EQ(perform(), "renew 1");
}

TEST_F(BookTest, AnnouncesAgainWhatTheRegistryHasForgotten) {
    want(web());
    perform();
    now += 5s;
    const auto step = book.next(now);
    ASSERT_EQ(text(*step), "renew 8080");
    book.forgotten(*step);
    EXPECT_FALSE(book.is_announced(web().what.id()));
    EXPECT_EQ(perform(), "announce 8080");
}

TEST_F(BookTest, TriesWhatWasRefusedAgainAtGrowingIntervalsAndOthersMeanwhile) {
    want(web(1));
    want(web(2));
    auto step = book.next(now);
    ASSERT_EQ(text(*step), "announce 1");
    book.refused(*step, "denied", now, 1);
    EXPECT_EQ(book.error(web(1).what.id()), "denied");
    EXPECT_EQ(perform(), "announce 2");
    EXPECT_EQ(perform(), "nothing");
    EXPECT_EQ(book.due(), now + registry::Backoff::first);
    now += registry::Backoff::first;
    step = book.next(now);
    ASSERT_EQ(text(*step), "announce 1");
    book.refused(*step, "denied", now, 1);
    EXPECT_EQ(book.due(), now + 2 * registry::Backoff::first);
    // Another word is tried at once.
    auto other = web(1);
    other.what.weight = 2;
    want(other);
    EXPECT_EQ(perform(), "announce 1");
    EXPECT_EQ(book.error(web(1).what.id()), "");
}

TEST_F(BookTest, SaysAgainWhatNobodyKnowsTheOutcomeOf) {
    want(web());
    const auto step = book.next(now);
    book.unanswered(*step);
    EXPECT_EQ(perform(), "announce 8080");
    now += 5s;
    const auto sign = book.next(now);
    book.unanswered(*sign);
    EXPECT_EQ(perform(), "renew 8080") << "what was told before is not doubted";
}

}  // namespace
}  // namespace meshd::announce
