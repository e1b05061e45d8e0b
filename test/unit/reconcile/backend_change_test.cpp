// SPDX-License-Identifier: Apache-2.0
#include "reconcile/backend_change.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/reconciler.hpp"
#include "unit/reconcile/builders.hpp"
#include "unit/reconcile/memory_maps.hpp"

namespace meshd::reconcile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class BackendChanges : public testing::Test {
protected:
    BackendChanges() {
        reconciler_.on_backends([this](const std::vector<BackendChange>& changes) {
            for (const auto& change : changes) told_.push_back(line(change));
        });
    }

    static std::string line(const BackendChange& change) {
        const auto name = [](std::optional<std::uint8_t> state) { return state ? std::to_string(*state) : "-"; };
        return change.service + " " + text(change.endpoint) + " " + name(change.before) + ">" + name(change.after);
    }

    std::vector<std::string> serve(std::vector<model::Backend> backends) {
        told_.clear();
        Change change;
        change.full = change.complete = true;
        change.upsert = {shared(service("web", "10.96.0.1", std::move(backends)))};
        reconciler_.change(std::move(change));
        return told_;
    }

    MemoryMaps maps_;
    Reconciler reconciler_{maps_, 256};
    std::vector<std::string> told_;
};

TEST_F(BackendChanges, AreToldOnceForEachBackendAndState) {
    EXPECT_THAT(serve({backend("10.0.0.1:80")}), ElementsAre("web:80/tcp 10.0.0.1:80/tcp ->0"));
    EXPECT_THAT(serve({backend("10.0.0.1:80", 5)}), IsEmpty());
    EXPECT_THAT(serve({backend("10.0.0.1:80", 5, model::BackendState::drain)}), ElementsAre("web:80/tcp 10.0.0.1:80/tcp 0>1"));
    EXPECT_THAT(serve({}), ElementsAre("web:80/tcp 10.0.0.1:80/tcp 1>-"));
    EXPECT_THAT(serve({}), IsEmpty());
}

TEST_F(BackendChanges, AreNotToldBeforeTheyAreMade) {
    serve({backend("10.0.0.1:80"), backend("10.0.0.2:80")});
    maps_.fail_when = [](const Operation& operation) { return operation.kind == OperationKind::remove_backend; };
    EXPECT_THAT(serve({backend("10.0.0.1:80")}), IsEmpty());
    maps_.fail_when = nullptr;
    reconciler_.retry();
    EXPECT_THAT(told_, ElementsAre("web:80/tcp 10.0.0.2:80/tcp 0>-"));
}

}  // namespace
}  // namespace meshd::reconcile
