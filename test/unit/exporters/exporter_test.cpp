// SPDX-License-Identifier: Apache-2.0
#include "exporters/exporter.hpp"

#include <condition_variable>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::exporters {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// Takes records only when it is let.
class GatedSink : public Sink {
public:
    explicit GatedSink(Records& taken) : taken_(taken) {}

    [[nodiscard]] std::string render(const json::object& event) const override { return std::string(event.at("id").as_string()); }
    void run(RecordQueue& queue, Outcome&) override {
        while (queue.pause(1h)) {
        }
    }
    void finish(Records records, Outcome&) override { taken_ = std::move(records); }

private:
    Records& taken_;
};

json::object event(std::string_view what, std::string_view id) { return {{"event", what}, {"id", id}}; }

constexpr std::string_view low = "0000000000000001";
constexpr std::string_view high = "f000000000000001";

class ExporterTest : public testing::Test {
protected:
    Exporter& make(const model::FlowChoice& choice, std::size_t queue = 10) {
        return exporter.emplace(choice, queue, std::make_unique<GatedSink>(taken), counts, [] {});
    }

    Records taken;
    std::shared_ptr<Counts> counts = std::make_shared<Counts>();
    std::optional<Exporter> exporter;
};

TEST_F(ExporterTest, PutsWhatItsChoiceWantsIntoTheQueue) {
    auto& one = make({{false, true, true}, 1});
    one.put(channel::FlowEvents{{event("opened", low), event("ended", low), event("refused", high), event("nonsense", low)}});
    EXPECT_THAT(one.halt(), ElementsAre(low, high));
    EXPECT_EQ(counts->left_out, 0U);
}

TEST_F(ExporterTest, KeepsOrLeavesOutAllEventsOfAFlow) {
    auto& one = make({{true, true, true}, 0.5});
    one.put(channel::FlowEvents{
        {event("opened", low), event("opened", high), event("ended", high), event("ended", low), event("refused", high)}});
    EXPECT_THAT(one.halt(), ElementsAre(low, low));
    EXPECT_EQ(counts->left_out, 3U);
}

TEST_F(ExporterTest, CountsWhatTheAgentLeftOutOrLost) {
    auto& one = make({{false, true, false}, 1});
    one.put(channel::FlowEvents{{}, 7, {1, 20, 300}});
    EXPECT_EQ(counts->untold, 7U);
    EXPECT_EQ(counts->left_out, 20U) << "of the events that it wants";
}

TEST_F(ExporterTest, CountsWhatFindsNoRoom) {
    auto& one = make({}, 1);
    one.put(channel::FlowEvents{{event("ended", low), event("ended", high), event("ended", high)}});
    EXPECT_EQ(counts->queue_full, 2U);
    EXPECT_THAT(one.halt(), ElementsAre(low));
}

TEST_F(ExporterTest, HandsOnWhatIsLeftToItsSuccessor) {
    auto left = Records{"a", "b"};
    auto& one = make({}, 1);
    one.put(std::move(left));
    EXPECT_EQ(counts->queue_full, 1U);
    EXPECT_THAT(one.halt(), ElementsAre("a"));
    EXPECT_THAT(one.halt(), IsEmpty());
}

TEST_F(ExporterTest, GetsALastAttempt) {
    auto& one = make({});
    one.put(channel::FlowEvents{{event("ended", low)}});
    one.finish();
    EXPECT_THAT(taken, ElementsAre(low));
}

TEST(Outcome, TellsOfChangesOnly) {
    int changes = 0;
    Outcome outcome(std::make_shared<Counts>(), [&] { ++changes; });
    outcome.went_well();
    outcome.failed({"write to", "/x", 28, {}, "make room"});
    outcome.failed({"write to", "/x", 28, {}, "make room"});
    ASSERT_TRUE(outcome.problem());
    EXPECT_EQ(outcome.problem()->reason, "cannot write to /x: No space left on device");
    EXPECT_EQ(outcome.problem()->remedy, "make room");
    EXPECT_GT(outcome.counts().last_error_s, 0);
    outcome.went_well();
    EXPECT_FALSE(outcome.problem());
    EXPECT_EQ(changes, 2);
}

}  // namespace
}  // namespace meshd::exporters
