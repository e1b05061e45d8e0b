// SPDX-License-Identifier: Apache-2.0
#include "channel/channel.hpp"

#include <chrono>
#include <optional>

#include <fcntl.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "frames.hpp"

namespace meshd::channel {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::pair<base::UniqueFd, base::UniqueFd> socket_pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

class ChannelTest : public testing::Test {
protected:
    struct Side {
        std::optional<Channel> channel;
        std::vector<json::object> messages;
        std::optional<base::Error> error;

        void start() {
            channel->start([this](json::object message) { messages.push_back(std::move(message)); },
                           [this](base::Error why) { error = std::move(why); });
        }
    };

    ChannelTest() {
        auto [left_fd, right_fd] = socket_pair();
        left.channel.emplace(context, std::move(left_fd));
        right.channel.emplace(context, std::move(right_fd));
    }

    template <typename Condition>
    bool run_until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            context.restart();
            context.run_one_for(20ms);
        }
        return true;
    }

    void run_ready() {
        context.restart();
        context.poll();
    }

    boost::asio::io_context context;
    Side left;
    Side right;
};

TEST_F(ChannelTest, CarriesMessagesBothWaysInOrder) {
    ASSERT_TRUE(left.channel->send({{"n", 0}}));  // before start()
    left.start();
    right.start();
    for (int i = 1; i < 100; ++i) ASSERT_TRUE(left.channel->send({{"n", i}}));
    ASSERT_TRUE(right.channel->send({{"hello", "left"}}));
    ASSERT_TRUE(run_until([&] { return right.messages.size() == 100 && left.messages.size() == 1; }));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(right.messages[static_cast<std::size_t>(i)].at("n"), i);
    EXPECT_EQ(left.channel->queued_bytes(), 0U);
}

TEST_F(ChannelTest, QueuesAndCountsWhatTheSocketDoesNotTake) {
    left.start();
    const json::object large{{"text", std::string(500000, 'x')}};
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(left.channel->send(large));
    EXPECT_GT(left.channel->queued_bytes(), 9000000U);
    right.start();
    ASSERT_TRUE(run_until([&] { return right.messages.size() == 20; }));
    EXPECT_EQ(right.messages.back().at("text").as_string().size(), 500000U);
    EXPECT_EQ(left.channel->queued_bytes(), 0U);
}

TEST_F(ChannelTest, RefusesAMessageLargerThanAFrame) {
    const auto sent = left.channel->send({{"text", std::string(max_frame, 'x')}});
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().message(), "cannot send message: it has 1048587 bytes, a frame takes 1048576");
    EXPECT_EQ(left.channel->queued_bytes(), 0U);
    EXPECT_TRUE(left.channel->is_open());
}

TEST_F(ChannelTest, MakesBytesThatAreNotUtf8Readable) {
    right.start();
    ASSERT_TRUE(left.channel->send({{"file", "a\xff.yaml"}}));
    ASSERT_TRUE(run_until([&] { return !right.messages.empty(); }));
    EXPECT_EQ(right.messages[0].at("file").as_string(), "a?.yaml");
}

TEST_F(ChannelTest, TellsWhenThePeerCloses) {
    left.start();
    right.channel.reset();
    ASSERT_TRUE(run_until([&] { return left.error.has_value(); }));
    EXPECT_EQ(left.error->message(), "cannot read from channel: the peer closed it");
    EXPECT_FALSE(left.channel->is_open());
    EXPECT_EQ(left.channel->send({}).error().message(), "cannot send message: the channel is closed");
}

TEST_F(ChannelTest, ReadsWhatAPeerSentBeforeItClosedEvenWhenWritingFailsFirst) {
    ASSERT_TRUE(right.channel->send({{"last", "words"}}));
    right.channel.reset();
    left.start();
    ASSERT_TRUE(left.channel->send({{"too", "late"}}));
    ASSERT_TRUE(run_until([&] { return left.error.has_value(); }));
    ASSERT_EQ(left.messages.size(), 1U);
    EXPECT_EQ(left.error->message(), "cannot read from channel: the peer closed it");
}

TEST_F(ChannelTest, ClosesOnABadFrameAndSaysWhere) {
    left.start();
    ASSERT_TRUE(right.channel->send_text("{}"));
    ASSERT_TRUE(right.channel->send_text("{\"a\":tru}"));
    ASSERT_TRUE(right.channel->send_text("{}"));
    ASSERT_TRUE(run_until([&] { return left.error.has_value(); }));
    EXPECT_EQ(left.error->message(), "cannot read frame 2 at byte 5: syntax error");
    EXPECT_EQ(left.messages.size(), 1U);
    EXPECT_FALSE(left.channel->is_open());
}

TEST_F(ChannelTest, TellsOfAStreamThatEndsInAFrame) {
    auto [ours, theirs] = socket_pair();
    left.channel.emplace(context, std::move(ours));
    left.start();
    ASSERT_EQ(::write(theirs.get(), "\0\0\0\5{", 5), 5);
    theirs.reset();
    ASSERT_TRUE(run_until([&] { return left.error.has_value(); }));
    EXPECT_EQ(left.error->message(), "cannot read from channel: the peer closed it in the middle of a frame");
}

TEST_F(ChannelTest, CallsNobodyAfterClose) {
    left.start();
    ASSERT_TRUE(right.channel->send({{"n", 1}}));
    left.channel->close();
    right.channel->close();
    run_ready();
    EXPECT_TRUE(left.messages.empty());
    EXPECT_FALSE(left.error.has_value());
}

TEST_F(ChannelTest, MayBeDestroyedByItsOwnHandlers) {
    auto witness = std::make_shared<int>(0);
    left.channel->start(
        [this, witness](const json::object&) {
            ++*witness;
            left.channel.reset();
            ++*witness;
        },
        [](const base::Error&) { FAIL(); });
    ASSERT_TRUE(right.channel->send({{"n", 1}}));
    ASSERT_TRUE(right.channel->send({{"n", 2}}));
    ASSERT_TRUE(run_until([&] { return !left.channel; }));
    run_ready();
    EXPECT_EQ(*witness, 2);

    right.channel->start([](const json::object&) {}, [this](const base::Error&) { right.channel.reset(); });
    ASSERT_TRUE(run_until([&] { return !right.channel; }));
    run_ready();
    EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(ChannelTest, TellsOfASocketThatIsNone) {
    left.channel.emplace(context, base::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
    left.start();
    EXPECT_FALSE(left.error.has_value());
    ASSERT_TRUE(run_until([&] { return left.error.has_value(); }));
    left.channel.emplace(context, base::UniqueFd());
    left.error.reset();
    left.start();
    ASSERT_TRUE(run_until([&] { return left.error.has_value(); }));
    EXPECT_EQ(left.error->message(), "cannot use socket of channel: Bad file descriptor");
}

}  // namespace
}  // namespace meshd::channel
