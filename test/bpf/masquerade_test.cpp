// SPDX-License-Identifier: Apache-2.0
// Packets whose source is translated, too: by which address and port, and when not.
#include <map>

#include <gmock/gmock.h>

#include "bpf/packet_fixture.hpp"
#include "bpf/packet_samples.hpp"

namespace meshd::packet {
namespace {

class MasqueradeTest : public PacketTest {};

TEST_F(MasqueradeTest, PutsItsOwnAddressOnWhatLeavesByTheDeviceItCameBy) {
    lab().serve({});
    lab().serve(service_v6());
    for (auto client : {Description{.source = "10.1.0.77"}, v6()}) {
        if (client.is_v6()) client.source = "fd01::77";
        const auto request = build(client);
        const auto sent = pass(request, lab().backends(), lab().backends());
        EXPECT_EQ(sent.in.reason, "forward_new");
        EXPECT_EQ(sent.out.reason, "forward_source");
        EXPECT_THAT(ends(sent.in.bytes), testing::StartsWith(client.is_v6() ? "[fd01::77]:" : "10.1.0.77:"))
            << "the stack drops what comes in under its own address";
        EXPECT_THAT(ends(sent.out.bytes), testing::StartsWith(client.is_v6() ? "[fd01::1]:6" : "10.1.0.1:6"));
        const auto back = pass(build(answer_to(sent.out.bytes, syn | ack)), lab().backends(), lab().backends());
        EXPECT_EQ(back.in.reason, "forward_return");
        EXPECT_EQ(back.out.reason, "forward_reply");
        EXPECT_EQ(ends(back.out.bytes), ends(build(answer_to(request, 0))));
        auto third = client;
        third.flags = ack;
        third.seq = 1001;
        third.ack_seq = 7001;
        const auto settled = pass(build(third), lab().backends(), lab().backends());
        EXPECT_EQ(ends(settled.out.bytes), ends(sent.out.bytes));
    }
    EXPECT_EQ(lab().tracks().size(), 8U);
    EXPECT_TRUE(lab().tracks("md_opening").empty());
}

TEST_F(MasqueradeTest, MasqueradesAsConfigured) {
    lab().serve({});
    lab().configure(MD_MASQUERADE_ALWAYS);
    EXPECT_THAT(ends(to_backend({})), testing::StartsWith("10.1.0.1:6"));
    lab().reset();
    lab().configure(MD_MASQUERADE_NEVER);
    lab().serve({});
    const auto sent = pass(build({.source = "10.1.0.77"}), lab().backends(), lab().backends());
    EXPECT_THAT(ends(sent.out.bytes), testing::StartsWith("10.1.0.77:40000"));
}

TEST_F(MasqueradeTest, GivesEachMasqueradedConnectionAPortOfItsOwnAndSaysWhenThereIsNone) {
    lab().serve({});
    lab().configure(MD_MASQUERADE_ALWAYS, false, 61001, 61004);
    std::set<std::string> sources;
    std::map<std::string, int> reasons;
    for (std::uint16_t port = 40000; port < 40012; ++port) {
        const auto in = lab().incoming(build({.source_port = port}), lab().clients());
        ++reasons[in.reason];
        if (in.verdict != next) continue;
        const auto out = lab().leaving(in.bytes, lab().backends(), lab().clients());
        EXPECT_EQ(wrong_checksums(out.bytes), "");
        sources.insert(ends(out.bytes));
        EXPECT_EQ(ends(to_client(build(answer_to(out.bytes, syn | ack)))), "10.96.0.1:80 > 192.0.2.10:" + std::to_string(port));
    }
    EXPECT_EQ(sources.size(), 4U);
    EXPECT_EQ(reasons["forward_new"], 4);
    EXPECT_EQ(reasons["forward_no_source"], 8);
    EXPECT_EQ(lab().incoming(build({.source_port = 40000}), lab().clients()).verdict, next) << "known connections go on";
}

// A port for translated sources goes from one connection to the next. The first one's client begins anew with its own old port.
TEST_F(MasqueradeTest, LeavesAPortToItsNextOwnerWhenTheFormerBeginsAgain) {
    lab().serve({});
    lab().configure(MD_MASQUERADE_ALWAYS, false, 61001, 61001);
    Description former{.source_port = 40000};
    const auto first = open(former);
    former.flags = ack | fin;
    former.seq = 1001;
    to_backend(former);
    to_client(build(answer_to(first, ack | fin, 7001)));
    for (auto [key, track] : lab().tracks()) {
        track.seen_ns -= 60'000'000'000;
        lab().set("md_tracks", key, track);
    }
    const auto next_owner = open({.source_port = 40001});
    EXPECT_EQ(ends(next_owner), "10.1.0.1:61001 > 10.1.0.11:8080");
    former.flags = syn;
    lab().incoming(build(former), lab().clients());
    EXPECT_EQ(ends(to_client(build(answer_to(next_owner, ack, 7001)))), "10.96.0.1:80 > 192.0.2.10:40001");
}

TEST_F(MasqueradeTest, DropsWhatNeedsAnAddressThatThisNodeDoesNotHave) {
    lab().serve({});
    lab().configure(MD_MASQUERADE_ALWAYS);
    lab().look_at(lab().backends(), nullptr, nullptr);
    const auto outcome = lab().incoming(build({}), lab().clients());
    EXPECT_EQ(outcome.verdict, drop);
    EXPECT_EQ(outcome.reason, "forward_no_source");
}

TEST_F(MasqueradeTest, TellsApartConnectionsOfOnePortToOneBackendThroughTwoServices) {
    lab().serve({});
    lab().serve({.id = 3, .address = "10.96.0.3", .backends = {{31, "10.1.0.11", 8080}}});
    const auto first = to_backend({});
    const auto second = to_backend({.destination = "10.96.0.3"});
    EXPECT_NE(ends(first), ends(second)) << "the backend would see one connection";
    EXPECT_EQ(ends(to_client(build(answer_to(first, syn | ack)))), "10.96.0.1:80 > 192.0.2.10:40000");
    EXPECT_EQ(ends(to_client(build(answer_to(second, syn | ack)))), "10.96.0.3:80 > 192.0.2.10:40000");
}

}  // namespace
}  // namespace meshd::packet
