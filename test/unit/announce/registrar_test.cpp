// SPDX-License-Identifier: Apache-2.0
#include "announce/registrar.hpp"

#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "wanted.hpp"

namespace meshd::announce {
namespace {

using test::web;

// A registry that writes down what it is told and answers what the test wants: well, when that is nothing.
struct FakeRegistry {
    std::vector<std::string> told;
    std::deque<Protocol::Outcome> answers;

    class Way : public Protocol {
    public:
        explicit Way(FakeRegistry& registry) : registry_(registry) {}
        void perform(const Step& step, Done done) override {
            const auto* const task = step.task == Task::announce ? "announce "
                                     : step.task == Task::renew  ? "renew "
                                                                 : "withdraw ";
            registry_.told.push_back(task + std::to_string(step.wanted.what.endpoint.port));
            Outcome outcome;
            if (!registry_.answers.empty()) {
                outcome = registry_.answers.front();
                registry_.answers.pop_front();
            }
            done(outcome);
        }

    private:
        FakeRegistry& registry_;
    };
};

struct RegistrarTest : testing::Test {
    boost::asio::io_context io;
    FakeRegistry registry;
    Registrar registrar{io, "consul:one", std::make_unique<FakeRegistry::Way>(registry), [] {}};

    void want(const Wanted& wanted) { registrar.want(wanted.what.id(), wanted, false); }
    void answer(Problem::Kind kind, const char* why) {
        registry.answers.push_back(tl::make_unexpected(Problem{kind, {"tell", "it", 0, why, {}}}));
    }
    void run_until(const std::function<bool()>& condition) {
        while (!condition() && io.run_one() != 0) {
        }
        ASSERT_TRUE(condition());
    }
    bool is_announced(const Wanted& wanted) { return registrar.is_announced(wanted.what.id()); }
};

using Told = std::vector<std::string>;

TEST_F(RegistrarTest, TellsTheRegistryOneAfterTheOther) {
    want(web(1));
    want(web(2));
    run_until([&] { return is_announced(web(1)) && is_announced(web(2)); });
    EXPECT_EQ(registry.told, (Told{"announce 1", "announce 2"}));
}

TEST_F(RegistrarTest, OneThatIsRefusedHoldsUpNoOther) {
    answer(Problem::Kind::refused, "no right");
    want(web(1));
    want(web(2));
    run_until([&] { return is_announced(web(2)); });
    EXPECT_EQ(registrar.error(web(1).what.id()), "cannot tell it: no right");
    EXPECT_EQ(registrar.error(web(2).what.id()), "");
    EXPECT_EQ(registrar.failures(), 1U);
    run_until([&] { return is_announced(web(1)); });
    EXPECT_EQ(registrar.error(web(1).what.id()), "");
}

TEST_F(RegistrarTest, ARegistryThatDoesNotAnswerIsTriedAgain) {
    answer(Problem::Kind::server, "gone");
    answer(Problem::Kind::server, "gone");
    want(web(1));
    want(web(2));
    run_until([&] { return registrar.failures() == 1; });
    EXPECT_EQ(registrar.error(web(2).what.id()), "cannot tell it: gone") << "others would not be taken either";
    run_until([&] { return is_announced(web(1)) && is_announced(web(2)); });
    EXPECT_EQ(registry.told, (Told{"announce 1", "announce 1", "announce 1", "announce 2"}));
    EXPECT_EQ(registrar.error(web(2).what.id()), "");
}

TEST_F(RegistrarTest, LeavesAtOnceAlsoARegistryThatDidNotAnswer) {
    want(web(1));
    run_until([&] { return is_announced(web(1)); });
    answer(Problem::Kind::server, "gone");
    auto drained = web(1);
    drained.is_drained = true;
    want(drained);
    run_until([&] { return registrar.failures() == 1; });
    bool gone = false;
    registrar.leave([&] { gone = true; });
    run_until([&] { return gone; });
    EXPECT_EQ(registry.told.back(), "withdraw 1");
    EXPECT_TRUE(registrar.is_empty());
}

TEST_F(RegistrarTest, HasLeftWhenThereWasNothing) {
    bool gone = false;
    registrar.leave([&] { gone = true; });
    run_until([&] { return gone; });
    EXPECT_TRUE(registry.told.empty());
}

}  // namespace
}  // namespace meshd::announce
