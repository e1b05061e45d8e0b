// SPDX-License-Identifier: Apache-2.0
#include "wait_in_force.hpp"

#include <gmock/gmock.h>

#include "../store/fakes.hpp"
#include "fake_server.hpp"

namespace meshd::meshctl {
namespace {

using store::declared;
using store::service_text;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

// Keys stand right behind the name of the registry.
class Named : public store::FakeStore {
public:
    [[nodiscard]] std::string where(const store::Object& object) const override {
        return object.kind == store::Kind::service ? "fake:/" + object.key() : "fake:" + object.key();
    }
};

class WaitInForce : public testing::Test {
protected:
    Result<void> wait(const std::string& text, std::chrono::seconds time = 0s) {
        return wait_in_force(Agent(server_.socket()), store_, declared(text), time, 0ms);
    }

    FakeServer server_{Answers{{"GET /v1/registries", {"wait_registries"}},
                               {"GET /v1/policy", {"wait_policy"}},
                               {"GET /v1/services/web", {"wait_web"}},
                               {"GET /v1/services/none", {"not_found", 404}}}};
    store::FakeStore store_;
};

TEST_F(WaitInForce, RulesAndSettingsAreFoundByTheirPlace) {
    EXPECT_TRUE(wait("policies:\n  - {name: shut, action: deny, to: {service: web}}\n"));
    EXPECT_TRUE(wait("service_settings:\n  - {service: web, balancing: latency}\n"));
    // Settings may come before their service.
    EXPECT_TRUE(wait("service_settings:\n  - {service: none, balancing: latency}\n"));
    const auto changed = wait("policies:\n  - {name: shut, action: allow, to: {service: web}}\n");
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ExitCode::not_healthy);
    EXPECT_THAT(changed.error().details, ElementsAre("policy/shut: it is not in force"));
}

TEST_F(WaitInForce, TellsWhatIsInTheWayOfAService) {
    const auto missing = wait(service_text("none", "10.96.0.9"));
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().details, ElementsAre("service/none: it is not there"));
    const auto others = wait(service_text("web", "10.96.0.10"));
    ASSERT_FALSE(others);
    EXPECT_THAT(others.error().details, ElementsAre(HasSubstr("service/web: fake:web + fake:settings/web has it")));
}

TEST_F(WaitInForce, TellsARefusalLongBeforeTheTimeIsOver) {
    const Agent agent(server_.socket());
    const Named store;
    const auto refused = wait_in_force(agent, store, declared(service_text("db", "10.96.0.9")), 1h, 0ms);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ExitCode::not_healthy);
    EXPECT_THAT(refused.error().details, ElementsAre("service/db: it is refused: cannot accept it: too many"));
}

TEST(WaitInForceAlone, NeedsAnAgent) {
    const store::FakeStore store;
    const auto waited = wait_in_force(Agent("/nonexistent/s"), store, declared(service_text("web", "10.96.0.9")), 1h, 0ms);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ExitCode::not_reachable);
    EXPECT_THAT(waited.error().message, testing::StartsWith("it is written, but "));
}

}  // namespace
}  // namespace meshd::meshctl
