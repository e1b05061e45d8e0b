// SPDX-License-Identifier: Apache-2.0
#include "announce/consul_requests.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "wanted.hpp"

namespace meshd::announce {
namespace {

using namespace std::chrono_literals;
using test::web;

TEST(ConsulRequests, RegistersAServiceWithItsCheck) {
    auto wanted = web();
    wanted.locality = "eu/a/n1";
    wanted.what.weight = 7;
    wanted.what.labels = {{"version", "v2"}};
    wanted.what.tags = {"canary"};
    wanted.what.virtual_address = {{*base::IpAddress::parse("10.96.0.10"), 80}, base::Protocol::udp};
    EXPECT_EQ(boost::json::parse(registration(wanted, true)), boost::json::parse(R"({
        "ID": "meshd/web/10.0.0.5:8080", "Name": "web", "Address": "10.0.0.5", "Port": 8080, "Tags": ["canary"],
        "Weights": {"Passing": 7, "Warning": 7},
        "Check": {"CheckID": "meshd/web/10.0.0.5:8080", "Name": "announced by meshd", "TTL": "15000ms", "Status": "passing",
                  "DeregisterCriticalServiceAfter": "60000ms"},
        "TaggedAddresses": {"virtual": {"Address": "10.96.0.10", "Port": 80}},
        "Meta": {"version": "v2", "region": "eu", "zone": "a", "meshd-protocol": "udp"}})"));
}

TEST(ConsulRequests, LeavesOutWhatIsNotKnown) {
    auto wanted = web();
    wanted.what.labels = {{"region", "us"}};
    wanted.locality = "eu";
    const auto sent = boost::json::parse(registration(wanted, false));
    EXPECT_EQ(sent.at("Meta"), (boost::json::value{{"region", "us"}})) << "a label is a person's word";
    EXPECT_EQ(sent.at("Check").at("Status"), "critical");
    EXPECT_FALSE(sent.as_object().contains("TaggedAddresses"));
}

TEST(ConsulRequests, IsForgottenAfterAMinuteAtLeast) {
    EXPECT_EQ(forgotten_after(5s), 1min);
    EXPECT_EQ(forgotten_after(1min), 4min);
}

TEST(ConsulRequests, SaysWhyItIsWellOrNot) {
    auto wanted = web();
    EXPECT_EQ(check_update(wanted), R"({"Status":"passing","Output":"success"})");
    wanted.is_drained = true;
    EXPECT_EQ(check_update(wanted), R"({"Status":"passing","Output":"success"})") << "that is not the check's matter";
    wanted.is_well = false;
    wanted.why = "refused";
    EXPECT_EQ(check_update(wanted), R"({"Status":"critical","Output":"refused"})");
}

TEST(ConsulRequests, AsksTheAgentItself) {
    model::ConsulRegistry registry;
    registry.url = "http://127.0.0.1:8500";
    registry.datacenter = "dc2";
    registry.partition_ns = "team";
    registry.reads = model::ConsulReads::stale;
    EXPECT_EQ(agent_url(registry, "/v1/agent/service/register"), "http://127.0.0.1:8500/v1/agent/service/register?ns=team");
}

TEST(ConsulRequests, TellsWhatIsUnknownFromWhatIsWrong) {
    EXPECT_TRUE(is_unknown(500, "CheckID \"x\" does not have associated TTL"));
    EXPECT_TRUE(is_unknown(500, "Unknown service \"x\""));
    EXPECT_TRUE(is_unknown(404, "Unknown check ID \"x\". Ensure that the check ID is passed, not the check name."));
    EXPECT_FALSE(is_unknown(404, "404 page not found"));
    EXPECT_FALSE(is_unknown(403, "Unknown service"));
    EXPECT_FALSE(is_unknown(500, "No cluster leader"));
}

}  // namespace
}  // namespace meshd::announce
