// SPDX-License-Identifier: Apache-2.0
#include "store/carry_out.hpp"

#include <gmock/gmock.h>

#include "fakes.hpp"

namespace meshd::store {
namespace {

using testing::HasSubstr;

class CarryOut : public testing::Test {
protected:
    base::Result<Plan> apply() {
        return carry_out(store_, [this](const std::vector<Item>& items) -> base::Result<Plan> {
            ++plans_;
            return plan_apply(wanted_, items);
        });
    }

    FakeStore store_;
    std::vector<Declared> wanted_ = declared(service_text("web", "10.96.0.10"));
    int plans_ = 0;
};

TEST_F(CarryOut, WritesOnceAndThenNothing) {
    ASSERT_EQ(apply()->at(0).effect, Effect::created);
    EXPECT_EQ(store_.objects.at("services/web").text, wanted_[0].text);
    ASSERT_EQ(apply()->at(0).effect, Effect::unchanged);
    EXPECT_EQ(store_.writes, 1);
}

TEST_F(CarryOut, PlansAnewWhenOthersWriteOtherObjects) {
    // As etcd has it: any object that was written since the store was read.
    int times = 2;
    store_.before_write = [&](FakeStore& store) {
        if (times-- > 0) store.put("services/web", wanted_[0].text);
    };
    ASSERT_EQ(apply()->at(0).effect, Effect::created);
    EXPECT_EQ(plans_, 2);
    EXPECT_EQ(store_.writes, 0);  // it was there as wanted already
}

TEST_F(CarryOut, DoesNotOverwriteWhatSomebodyElseWritesAtTheSameMoment) {
    store_.before_write = [](FakeStore& store) { store.put("services/web", "theirs"); };
    const auto plan = apply();
    ASSERT_FALSE(plan);
    EXPECT_THAT(plan.error().message(), HasSubstr("cannot write service/web: somebody else has changed it at this moment"));
    EXPECT_EQ(store_.objects.at("services/web").text, "theirs");
}

TEST_F(CarryOut, WritesNothingThatWasNotPlanned) {
    const auto refused = carry_out(store_, [](const auto&) -> base::Result<Plan> {
        return base::fail({"accept", "x", 0, "no", {}});
    });
    EXPECT_FALSE(refused);
    EXPECT_EQ(store_.writes, 0);
}

}  // namespace
}  // namespace meshd::store
