// SPDX-License-Identifier: Apache-2.0
// The reconciler against the kernel's own maps: what it wrote is what it reads.
#include "bpf/datapath_fixture.hpp"
#include "reconcile/reconciler.hpp"

namespace meshd::kernel {
namespace {

class KernelMapsTest : public DatapathTest {};

reconcile::Change whole(const model::DesiredState& state) {
    reconcile::Change change;
    change.full = change.complete = true;
    for (const auto& [name, service] : state.services) change.upsert.push_back(service);
    return change;
}

TEST_F(KernelMapsTest, HoldWhatWasPlannedThroughRandomChanges) {
    auto datapath = load();
    KernelMaps maps(datapath);
    reconcile::Reconciler reconciler(maps, 1024);
    std::mt19937 random(20);
    for (int round = 0; round < 12; ++round) {
        reconciler.change(whole(reconcile::random_desired(random)));
        ASSERT_TRUE(reconciler.pending().empty()) << reconciler.pending().begin()->second;
        const auto found = maps.read();
        ASSERT_TRUE(found) << found.error().message();
        ASSERT_TRUE(reconcile::broken_promises(*found).empty());
        const auto rest = reconcile::plan(*found, reconciler.desired(), {}).operations;
        ASSERT_TRUE(rest.empty()) << text(rest.front());
    }
    reconciler.change(whole({}));
    EXPECT_TRUE(maps.read()->services().empty());
    std::size_t counters = 0;
    ASSERT_TRUE(datapath.map("md_connects").for_each([&](const std::byte*, const std::byte*) { ++counters; }));
    EXPECT_EQ(counters, 0U) << "counters of removed backends stayed";
}

TEST_F(KernelMapsTest, TellWhichLimitIsReachedAndKeepServing) {
    auto datapath = load({.services = 8, .frontends = 2, .backends = 64});
    KernelMaps maps(datapath);
    reconcile::Reconciler reconciler(maps, 8);
    std::vector<model::Service> services;
    for (int i = 1; i <= 3; ++i)
        services.push_back(
            reconcile::service("s" + std::to_string(i), "10.96.0." + std::to_string(i), {reconcile::backend("10.0.0.1:80")}));
    reconciler.change(whole(reconcile::desired(services)));
    ASSERT_EQ(reconciler.pending().size(), 1U);
    EXPECT_NE(reconciler.pending().begin()->second.find("md_frontends"), std::string::npos)
        << reconciler.pending().begin()->second;
    services.erase(services.begin());
    reconciler.change(whole(reconcile::desired(services)));
    reconciler.retry();
    EXPECT_TRUE(reconciler.pending().empty());
}

TEST_F(KernelMapsTest, ShowNamedFieldsInADump) {
    auto datapath = load();
    KernelMaps maps(datapath);
    reconcile::Reconciler reconciler(maps, 1024);
    reconciler.change(whole(reconcile::desired({reconcile::service("web", "10.96.0.1", {reconcile::backend("10.0.0.1:80")})})));
    const auto id = *reconciler.realized().id_of({"web", 80, base::Protocol::tcp});
    std::uint32_t inner = 0;
    ASSERT_TRUE(*datapath.map("md_tables").lookup(&id, &inner));
    const auto dump = [](const std::string& what) {
        std::string text;
        std::FILE* const pipe = ::popen(("PATH=$PATH:/usr/sbin bpftool map dump " + what + " 2>&1").c_str(), "r");
        for (char buffer[4096]; const auto size = std::fread(buffer, 1, sizeof buffer, pipe);) text.append(buffer, size);
        ::pclose(pipe);
        return text;
    };
    EXPECT_NE(dump("pinned " + pins_->map("md_services")).find("\"name\": \"web\""), std::string::npos);
    EXPECT_NE(dump("pinned " + pins_->map("md_frontends")).find("\"service_id\": "), std::string::npos);
    EXPECT_NE(dump("id " + std::to_string(inner)).find("\"slots_v4\": 1"), std::string::npos)
        << dump("id " + std::to_string(inner));
}

}  // namespace
}  // namespace meshd::kernel
