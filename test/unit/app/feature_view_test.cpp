// SPDX-License-Identifier: Apache-2.0
#include "app/feature_view.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "kernel/links.hpp"
#include "model/kernel_features.hpp"

namespace meshd::app {
namespace {

Decisions everything() {
    Decisions all;
    all.has_errno = all.has_coarse_clock = all.are_sockets_tried = true;
    for (const auto& hook : kernel::hooks) all.attached.insert(hook.program);
    all.attached.insert({"md_getsockopt", "md_guard"});
    all.devices = {{"eth0", true}};
    all.mode = all.verdict.best = config::AccelerationMode::on;
    all.verdict.accounting = acceleration::Accounting::charged;
    all.verdict.fionread = acceleration::Fionread::both;
    all.kernel_tls = model::KernelTls::automatic;
    all.kernel_tls_verdict = ktls::Verdict{true, true, true, true};
    return all;
}

std::string text(const Decisions& decisions, std::string_view name, std::string_view member) {
    for (const auto& row : feature_rows(decisions))
        if (row.at("name").as_string() == name) return std::string(row.at(member).as_string());
    return "none";
}
std::string state(const Decisions& decisions, std::string_view name) { return text(decisions, name, "state"); }

TEST(FeatureRows, HaveEachFeatureOfTheListAndNoCostWhereAllIsUsed) {
    const auto rows = feature_rows(everything());
    EXPECT_EQ(rows.size(), model::kernel_features.size());
    for (const auto& row : rows) {
        EXPECT_EQ(row.at("state").as_string(), "used") << row;
        EXPECT_EQ(row.at("cost").as_string(), "") << row;
    }
}

TEST(FeatureRows, SayWhatIsUsedInsteadAndWhatItCosts) {
    auto old = everything();
    old.has_errno = old.has_coarse_clock = false;
    old.devices = {{"eth0", false}, {"eth1", true}};
    old.verdict.accounting = acceleration::Accounting::counted;
    old.verdict.fionread = acceleration::Fionread::tcp;
    old.mode = old.verdict.best = config::AccelerationMode::named;
    old.no_lists = old.no_destroy = "no such thing";
    old.walked = {"md_flows"};
    for (const auto* const name :
         {"errno", "coarse_clock", "device_links", "accounting", "fionread", "short_way", "socket_lists", "batches"}) {
        EXPECT_EQ(state(old, name), "replaced") << name;
        EXPECT_EQ(text(old, name, "cost"), model::kernel_feature(name)->without) << name;
    }
    EXPECT_EQ(state(old, "socket_destroy"), "missing");
    EXPECT_EQ(text(old, "device_links", "detail"), "filters of clsact at eth0; tcx links at eth1");
}

TEST(FeatureRows, SayWhetherKernelTlsServesWhatIsAskedFor) {
    auto some = everything();
    some.kernel_tls_verdict = ktls::Verdict{true, true, false, true, "no new keys"};
    EXPECT_EQ(state(some, "kernel_tls"), "replaced");
    EXPECT_EQ(text(some, "kernel_tls", "detail"), "transmit and receive; no new keys");
    some.kernel_tls = model::KernelTls::on;
    EXPECT_EQ(state(some, "kernel_tls"), "used");
    some.kernel_tls_verdict = ktls::Verdict{false, false, false, false, "no module"};
    EXPECT_EQ(state(some, "kernel_tls"), "replaced");
    some.kernel_tls_verdict.reset();
    EXPECT_EQ(state(some, "kernel_tls"), "idle");
}

TEST(FeatureRows, AreIdleWhereNothingAsksForThem) {
    auto plain = everything();
    plain.devices.clear();
    plain.are_sockets_tried = false;
    plain.attached.erase("md_getsockopt");
    plain.attached.erase("md_guard");
    plain.mode = config::AccelerationMode::off;
    for (const auto* const name : {"device_links", "socket_lists", "socket_destroy", "getsockopt", "listener_guard", "short_way"})
        EXPECT_EQ(state(plain, name), "idle") << name;
}

TEST(FeatureRows, MissAShortWayThatTheKernelDoesNotAllowAndProgramsThatAreNotThere) {
    auto broken = everything();
    broken.verdict.best = config::AccelerationMode::off;
    broken.attached.erase("md_connect6");
    EXPECT_EQ(state(broken, "short_way"), "missing");
    EXPECT_EQ(state(broken, "cgroup_hooks"), "missing");
    EXPECT_EQ(text(broken, "cgroup_hooks", "detail"), "not attached: md_connect6");
}

}  // namespace
}  // namespace meshd::app
