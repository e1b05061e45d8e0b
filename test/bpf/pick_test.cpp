// SPDX-License-Identifier: Apache-2.0
// The core of the choice in the kernel against the same core compiled for this machine: equal input, equal choice.
#include <random>

#include "bpf/datapath_fixture.hpp"
#include "reconcile/guidance.hpp"
#include "reconcile/reconciler.hpp"
#include "reconcile/shares.hpp"
#include "unit/balancing/native_choice.hpp"

namespace meshd::kernel {
namespace {

constexpr std::uint64_t now = 1000000000000;

class PickTest : public DatapathTest {
protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (IsSkipped()) return;
        datapath_.emplace(load());
        maps_.emplace(*datapath_);
        reconciler_.emplace(*maps_, 1024U);
        reconciler_->set_forwarding({false, model::Forward::nat, "eu/a/n1"});
    }

    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

    model::Service random_service() {
        static constexpr std::array<const char*, 4> localities{"eu/a/n1", "eu/a/n2", "eu/b/n3", ""};
        auto service = reconcile::service("web", "10.96.0.1", {});
        const auto count = 1 + below(below(4) == 0 ? 60 : 6);
        for (std::uint32_t i = 0; i < count; ++i) {
            auto backend =
                reconcile::backend("10.0.0." + std::to_string(i + 1) + ":80", static_cast<std::uint16_t>(1 + below(4)));
            backend.locality = localities[below(4)];
            backend.labels = {{"version", below(2) == 0 ? "v1" : "v2"}};
            service.ports.front().backends.push_back(std::move(backend));
        }
        service.balancing = static_cast<model::Balancing>(below(6));
        auto& options = service.balancing_options;
        options.failure_penalty_ms = below(3) * 500;
        options.slow_start_ms = below(2) * 30000;
        options.prefer = static_cast<model::Near>(below(4));
        options.spill_open = static_cast<std::uint16_t>(below(2) * 5);
        if (below(2) == 0) service.health.eject = model::Ejection{};
        if (below(3) == 0) service.subsets = {{"a", {{"version", "v1"}}, 9}, {"b", {{"version", "v2"}}, 1}};
        return service;
    }

    md_vitals random_vitals() {
        md_vitals vitals{};
        vitals.open = static_cast<std::int32_t>(below(12)) - 1;
        vitals.connect_us = below(3) == 0 ? 0 : below(100000);
        vitals.response_us = below(2) == 0 ? 0 : below(1000000);
        vitals.failures = static_cast<std::uint16_t>(below(2) == 0 ? 0 : below(65536));
        vitals.connect_ns = now - random_() % 40000000000;
        vitals.response_ns = now - random_() % 40000000000;
        vitals.judged_ns = now - random_() % 40000000000;
        vitals.ejected_until_ns = below(3) == 0 ? now - 1000 + below(2000) : 0;
        vitals.ready_since_ns = below(2) == 0 ? 0 : now - random_() % 40000000000;
        return vitals;
    }

    // Serves it, and knows what the kernel knows.
    reconcile::NativeMaps serve(const model::Service& service) {
        reconcile::Change change;
        change.full = change.complete = true;
        change.upsert = {reconcile::shared(service)};
        reconciler_->change(change);
        EXPECT_TRUE(reconciler_->pending().empty());
        const auto& kernel = reconciler_->realized().services().begin()->second;
        reconcile::NativeMaps native;
        native.table = kernel.table;
        native.maglev = reconcile::build_maglev(maglev_input(service, kernel));
        EXPECT_EQ(native.maglev.front().fingerprint, kernel.maglev == 0 ? native.maglev.front().fingerprint : kernel.maglev);
        for (const auto& [id, backend] : kernel.backends) {
            native.vitals[id] = random_vitals();
            EXPECT_TRUE(datapath_->map("md_vitals").update(&id, &native.vitals[id]));
        }
        return native;
    }

    static reconcile::MaglevInput maglev_input(const model::Service& service, const reconcile::KernelService& kernel) {
        const auto& port = service.ports.front();
        std::vector<reconcile::Candidate> candidates;
        for (std::size_t i = 0; i < port.backends.size(); ++i) {
            const auto& backend = port.backends[i];
            for (const auto& [id, value] : kernel.backends)
                if (reconcile::decode(value.endpoint) == backend.endpoint)
                    candidates.push_back({id, value.endpoint, backend.weight, backend.weight, i});
        }
        auto shared = reconcile::share_out(std::move(candidates), service, port, "eu/a/n1");
        const auto is_near = [](const auto& candidate) { return candidate.is_near; };
        if (std::any_of(shared.begin(), shared.end(), is_near))
            std::erase_if(shared, [&](const auto& one) { return !is_near(one); });
        return {std::move(shared), port.backends.size(), 0};
    }

    std::uint32_t ask(const md_draw& draw) {
        md_explain question{};
        question.destination = reconcile::encode(*base::SocketAddress::parse("10.96.0.1:80"), base::Protocol::tcp);
        question.reach = MD_REACH_V4;
        question.draw = draw.seed;
        question.hash = draw.hash;
        question.now_ns = draw.now_ns;
        const auto id = reconciler_->realized().services().begin()->first;
        const md_cursor cursor{draw.position};
        EXPECT_TRUE(datapath_->map("md_cursors").update(&id, &cursor));
        const auto answer = datapath_->ask(question);
        if (!answer) throw std::runtime_error(answer.error().message());
        return answer->backend_id;
    }

    std::optional<Datapath> datapath_;
    std::optional<KernelMaps> maps_;
    std::optional<reconcile::Reconciler> reconciler_;
    std::mt19937_64 random_{20261121};
};

TEST_F(PickTest, KernelAndNativeBuildChooseTheSame) {
    for (int round = 0; round < 300; ++round) {
        const auto service = random_service();
        auto native = serve(service);
        const auto balancing = reconciler_->realized().services().begin()->second.balancing;
        for (int i = 0; i < 40; ++i) {
            md_draw draw{};
            draw.seed = 1 + below(~0U - 1);
            draw.hash = 1 + below(~0U - 1);
            draw.position = random_();
            draw.now_ns = now;
            ASSERT_EQ(ask(draw), reconcile::choose_natively(native, draw, balancing ? &*balancing : nullptr))
                << model::name(service.balancing) << ", round " << round << ", seed " << draw.seed;
        }
    }
}

TEST_F(PickTest, MakesABackendNewWithoutForgettingItsConnections) {
    auto native = serve(random_service());
    const auto id = native.vitals.begin()->first;
    const auto answer = datapath_->ask(md_warm{.backend_id = id, .found = 0});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->found, 1U);
    md_vitals after{};
    ASSERT_TRUE(*datapath_->map("md_vitals").lookup(&id, &after));
    EXPECT_EQ(after.open, native.vitals[id].open);
    EXPECT_NE(after.ready_since_ns, native.vitals[id].ready_since_ns);
    EXPECT_EQ(datapath_->ask(md_warm{.backend_id = ~0U, .found = 0})->found, 0U);
}

TEST_F(PickTest, RemovesWhatItMadeWithTheBackend) {
    const auto native = serve(random_service());
    reconcile::Change none;
    none.full = none.complete = true;
    reconciler_->change(none);
    for (const auto* const name : {"md_vitals", "md_balancing", "md_eject_state"}) {
        int left = 0;
        ASSERT_TRUE(datapath_->map(name).for_each([&](const std::byte*, const std::byte*) { ++left; }));
        EXPECT_EQ(left, 0) << name;
    }
}

}  // namespace
}  // namespace meshd::kernel
