// SPDX-License-Identifier: Apache-2.0
// Packets for services: to which backend, under which addresses.
#include <random>

#include <gtest/gtest.h>

#include "bpf/packet_fixture.hpp"
#include "bpf/packet_samples.hpp"

namespace meshd::packet {
namespace {

class ForwardTest : public PacketTest {};

struct Row {
    const char* name;
    Description packet;
    const char* at_backend;
    const char* at_client;
};

Row row(const char* name, Description packet) {
    const bool is_v6 = packet.is_v6();
    return {name, std::move(packet), is_v6 ? "[2001:db8::10]:40000 > [fd01::11]:8080" : "192.0.2.10:40000 > 10.1.0.11:8080",
            is_v6 ? "[fd00:96::1]:80 > [2001:db8::10]:40000" : "10.96.0.1:80 > 192.0.2.10:40000"};
}

TEST_F(ForwardTest, LeadsAConnectionToItsBackendAndBack) {
    auto options = Description{.options = Bytes{1, 1, 1, 1, 1, 1, 1, 0}};
    auto extended = v6();
    extended.extensions = {{0, Bytes(8, 0)}, {60, Bytes(16, 0)}};
    extended.extensions[1].second[1] = 1;
    auto atomic = v6();
    atomic.extensions = {{44, Bytes(8, 0)}};
    auto bare = udp();
    bare.has_checksum = false;
    auto odd = udp({.payload = payload(33)});
    const std::vector<Row> rows{row("TCP", {}),
                                row("TCP with payload of an odd length", {.flags = ack, .payload = payload(41)}),
                                row("IPv4 options", options),
                                row("UDP", odd),
                                row("UDP without a checksum", bare),
                                row("TCP over IPv6", v6()),
                                row("UDP over IPv6", v6(udp({.payload = payload(7)}))),
                                row("IPv6 extension headers", extended),
                                row("IPv6 in one fragment", atomic)};
    for (const auto& each : rows) {
        SCOPED_TRACE(each.name);
        lab().reset();
        for (auto service : {Service{}, service_v6()}) {
            service.protocol = each.packet.protocol;
            lab().serve(service);
        }
        const auto request = build(each.packet);
        const auto passage = pass(request, lab().clients(), lab().backends());
        EXPECT_EQ(passage.in.reason, "forward_new");
        EXPECT_EQ(passage.out.reason, "packet_not_ours");
        EXPECT_EQ(ends(passage.out.bytes), each.at_backend);
        EXPECT_EQ(passage.out.bytes.size(), request.size());
        // Nothing but addresses, ports and checksums has changed.
        auto back = passage.out.bytes;
        const auto at = layout(request);
        const auto addresses = at.is_v6 ? at.network + 8 : at.network + 10;
        std::copy_n(request.begin() + static_cast<std::ptrdiff_t>(addresses), at.is_v6 ? 32 : 10,
                    back.begin() + static_cast<std::ptrdiff_t>(addresses));
        std::copy_n(request.begin() + static_cast<std::ptrdiff_t>(at.transport), 4,
                    back.begin() + static_cast<std::ptrdiff_t>(at.transport));
        std::copy_n(request.begin() + static_cast<std::ptrdiff_t>(at.checksum), 2,
                    back.begin() + static_cast<std::ptrdiff_t>(at.checksum));
        EXPECT_EQ(back, request);

        const auto reply = pass(build(answer_to(passage.out.bytes, syn | ack)), lab().backends(), lab().clients());
        EXPECT_EQ(reply.in.reason, "packet_not_ours");
        EXPECT_EQ(reply.out.reason, "forward_reply");
        EXPECT_EQ(ends(reply.out.bytes), each.at_client);
    }
}

TEST_F(ForwardTest, AnswersForABackendOfThisNode) {
    lab().serve(Service{.backends = {{11, "10.1.0.1", 8080}}});
    lab().configure(MD_MASQUERADE_ALWAYS);
    const auto request = lab().incoming(build({}), lab().clients());
    EXPECT_EQ(ends(request.bytes), "192.0.2.10:40000 > 10.1.0.1:8080") << "what stays on this node keeps its source";
    const auto reply = lab().leaving(build(answer_to(request.bytes, syn | ack)), lab().clients());
    EXPECT_EQ(ends(reply.bytes), "10.96.0.1:80 > 192.0.2.10:40000");
}

TEST_F(ForwardTest, ServesNodePortsAtAddressesOfThisNodeAlone) {
    lab().serve({.address = "0.0.0.0", .port = 30080});
    auto wildcard = service_v6();
    wildcard.address = "::";
    wildcard.port = 30080;
    lab().serve(wildcard);
    for (const char* own : {"192.0.2.1", "2001:db8::1"}) lab().set("md_locals", address(own), 1U);
    EXPECT_EQ(lab().incoming(build({.destination = "192.0.2.1", .destination_port = 30080}), lab().clients()).reason,
              "packet_not_ours");
    lab().configure(MD_MASQUERADE_AUTO, true);
    EXPECT_EQ(ends(to_backend({.destination = "192.0.2.1", .destination_port = 30080})), "192.0.2.10:40000 > 10.1.0.11:8080");
    auto client = v6();
    client.destination = "2001:db8::1";
    client.destination_port = 30080;
    EXPECT_EQ(ends(to_backend(client)), "[2001:db8::10]:40000 > [fd01::11]:8080");
    EXPECT_EQ(lab().incoming(build({.destination = "192.0.2.9", .destination_port = 30080}), lab().clients()).reason,
              "packet_not_ours");
}

TEST_F(ForwardTest, ChoosesBackendsOfThePacketsFamilyOnly) {
    lab().serve({.backends = {{21, "fd01::11", 8080}}});
    const auto outcome = lab().incoming(build({}), lab().clients());
    EXPECT_EQ(outcome.verdict, drop);
    EXPECT_EQ(outcome.reason, "forward_no_backend");
    lab().serve({.backends = {}});
    EXPECT_EQ(lab().incoming(build({}), lab().clients()).reason, "forward_no_backend");
}

TEST_F(ForwardTest, LeavesServicesAloneThatAreNotForwarded) {
    lab().serve({.forward = MD_FORWARD_NONE});
    const auto request = build({});
    const auto outcome = lab().incoming(request, lab().clients());
    EXPECT_EQ(outcome.reason, "packet_not_ours");
    EXPECT_EQ(outcome.bytes, request);
}

TEST_F(ForwardTest, HandsAPacketOverAsItIs) {
    lab().serve({.backends = {{11, "10.1.0.11", 80}}, .forward = MD_FORWARD_DSR});
    auto service = service_v6();
    service.forward = MD_FORWARD_DSR;
    service.backends[0].port = 80;
    lab().serve(service);
    for (auto client : {Description{}, v6()}) {
        for (const auto flags : {syn, ack, ack}) {
            client.flags = flags;
            const auto request = build(client);
            const auto sent = lab().incoming(request, lab().clients());
            EXPECT_EQ(sent.verdict, redirect);
            EXPECT_EQ(sent.reason, "forward_dsr");
            EXPECT_EQ(wrong_checksums(sent.bytes), "");
            auto fewer = client;
            fewer.hops = 63;
            EXPECT_EQ(sent.bytes, build(fewer));
            const auto out = lab().leaving(sent.bytes, lab().backends(), lab().clients());
            EXPECT_EQ(out.bytes, sent.bytes);
        }
        EXPECT_EQ(request_track(client).value().packets, 3U);
        client.hops = 1;
        EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_hop_limit");
    }
}

TEST_F(ForwardTest, HandsNothingToARouter) {
    lab().serve({.backends = {{11, "10.2.0.11", 80}}, .forward = MD_FORWARD_DSR});
    const auto outcome = lab().incoming(build({}), lab().clients());
    EXPECT_EQ(outcome.verdict, drop);
    EXPECT_EQ(outcome.reason, "forward_off_link");
}

TEST_F(ForwardTest, PassesDirectPacketsForABackendOfThisNodeToTheStack) {
    lab().serve({.backends = {{11, "10.1.0.1", 80}}, .forward = MD_FORWARD_DSR});
    const auto request = build({});
    const auto outcome = lab().incoming(request, lab().clients());
    EXPECT_EQ(outcome.verdict, next);
    EXPECT_EQ(outcome.bytes, request);
}

// Translated there and back, a packet has the ends it began with, whatever else is in it; and each checksum on the way is the
// one that its bytes have.
TEST_F(ForwardTest, MirrorsRandomPackets) {
    std::mt19937 random(42);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    for (int i = 0; i < 600; ++i) {
        if (i % 50 == 0) {
            lab().reset();
            lab().configure(static_cast<std::uint8_t>(below(3)));
            for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
                auto service = four_backends();
                auto other = service_v6();
                service.protocol = other.protocol = protocol;
                for (auto* each : {&service, &other}) {
                    each->id += protocol == IPPROTO_UDP ? 10 : 0;
                    for (auto& backend : each->backends) backend.id += protocol == IPPROTO_UDP ? 20 : 0;
                }
                lab().serve(service);
                lab().serve(other);
            }
        }
        Description what = below(2) == 0 ? Description{} : v6();
        const bool is_behind = below(3) == 0;
        if (what.is_v6())
            what.source = (is_behind ? "fd01::" : "2001:db8::") + std::to_string(100 + below(90));
        else
            what.source = (is_behind ? "10.1.0." : "192.0.2.") + std::to_string(100 + below(90));
        what.protocol = below(2) == 0 ? IPPROTO_TCP : IPPROTO_UDP;
        what.source_port = static_cast<std::uint16_t>(1024 + below(60000));
        what.flags = what.protocol == IPPROTO_TCP ? static_cast<std::uint8_t>(below(2) == 0 ? syn : ack) : 0;
        what.seq = static_cast<std::uint32_t>(random());
        what.ack_seq = static_cast<std::uint32_t>(random());
        what.payload.resize(below(64));
        for (auto& byte : what.payload) byte = static_cast<std::uint8_t>(random());
        if (!what.is_v6()) what.options.resize(below(5) * 4, 1);
        const auto from = is_behind ? lab().backends() : lab().clients();
        const auto request = build(what);
        const auto sent = pass(request, from, lab().backends());
        ASSERT_NE(ends(sent.out.bytes), ends(request)) << sent.in.reason;
        auto answer = build(answer_to(sent.out.bytes, ack, static_cast<std::uint32_t>(random()), payload(below(50))));
        const auto back = pass(answer, lab().backends(), from);
        ASSERT_EQ(ends(back.out.bytes), ends(build(answer_to(request, 0))))
            << ends(sent.out.bytes) << " " << back.in.reason << " " << back.out.reason;
        if (testing::Test::HasFailure()) FAIL() << ends(request);
    }
}

}  // namespace
}  // namespace meshd::packet
