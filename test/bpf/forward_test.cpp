// SPDX-License-Identifier: Apache-2.0
// Packets for services: to which backend, under which addresses, for how long.
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>

#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

class ForwardTest : public PacketTest {};

Bytes payload(std::size_t size) { return Bytes(size, 'x'); }

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

Description udp(Description what = {}) {
    what.protocol = IPPROTO_UDP;
    what.flags = 0;
    return what;
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

TEST_F(ForwardTest, PutsItsOwnAddressOnWhatLeavesByTheDeviceItCameBy) {
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

TEST_F(ForwardTest, MasqueradesAsConfigured) {
    lab().serve({});
    lab().configure(MD_MASQUERADE_ALWAYS);
    EXPECT_THAT(ends(to_backend({})), testing::StartsWith("10.1.0.1:6"));
    lab().reset();
    lab().configure(MD_MASQUERADE_NEVER);
    lab().serve({});
    const auto sent = pass(build({.source = "10.1.0.77"}), lab().backends(), lab().backends());
    EXPECT_THAT(ends(sent.out.bytes), testing::StartsWith("10.1.0.77:40000"));
}

TEST_F(ForwardTest, GivesEachMasqueradedConnectionAPortOfItsOwnAndSaysWhenThereIsNone) {
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
TEST_F(ForwardTest, LeavesAPortToItsNextOwnerWhenTheFormerBeginsAgain) {
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

TEST_F(ForwardTest, DropsWhatNeedsAnAddressThatThisNodeDoesNotHave) {
    lab().serve({});
    lab().configure(MD_MASQUERADE_ALWAYS);
    lab().look_at(lab().backends(), nullptr, nullptr);
    const auto outcome = lab().incoming(build({}), lab().clients());
    EXPECT_EQ(outcome.verdict, drop);
    EXPECT_EQ(outcome.reason, "forward_no_source");
}

TEST_F(ForwardTest, TellsApartConnectionsOfOnePortToOneBackendThroughTwoServices) {
    lab().serve({});
    lab().serve({.id = 3, .address = "10.96.0.3", .backends = {{31, "10.1.0.11", 8080}}});
    const auto first = to_backend({});
    const auto second = to_backend({.destination = "10.96.0.3"});
    EXPECT_NE(ends(first), ends(second)) << "the backend would see one connection";
    EXPECT_EQ(ends(to_client(build(answer_to(first, syn | ack)))), "10.96.0.1:80 > 192.0.2.10:40000");
    EXPECT_EQ(ends(to_client(build(answer_to(second, syn | ack)))), "10.96.0.3:80 > 192.0.2.10:40000");
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

Service four_backends() {
    return {.backends = {{11, "10.1.0.11", 8080}, {12, "10.1.0.12", 8080}, {13, "10.1.0.13", 8080}, {14, "10.1.0.14", 8080}}};
}

TEST_F(ForwardTest, GivesALostConnectionTheSameBackendAgain) {
    for (const bool has_maglev : {true, false}) {
        auto service = four_backends();
        service.has_maglev = has_maglev;
        std::set<std::string> backends;
        for (std::uint16_t port = 40000; port < 40032; ++port) {
            lab().reset();
            lab().serve(service);
            const auto first = ends(open({.source_port = port}));
            lab().reset();
            lab().serve(service);
            const auto again = ends(to_backend({.source_port = port, .flags = ack, .seq = 5000, .ack_seq = 9000}));
            EXPECT_EQ(first, again);
            backends.insert(first.substr(first.find('>')));
        }
        EXPECT_EQ(backends.size(), 4U) << "all backends are used";
    }
}

TEST_F(ForwardTest, RemembersALostConnectionForGoodOnceBothSidesSpeak) {
    lab().serve(four_backends());
    const Description middle{.flags = ack, .seq = 5000, .ack_seq = 9000, .payload = payload(10)};
    const auto sent = to_backend(middle);
    EXPECT_FALSE(request_track(middle));
    to_client(build(answer_to(sent, ack, 9000, payload(100))));
    auto after = middle;
    after.seq = 5010;
    after.ack_seq = 9100;
    to_backend(after);
    EXPECT_EQ(request_track(middle).value().state, MD_TRACK_ESTABLISHED);
}

TEST_F(ForwardTest, KeepsAClientsBackendForAWhile) {
    auto service = four_backends();
    service.affinity_s = 60;
    lab().serve(service);
    std::set<std::string> backends;
    for (std::uint16_t port = 40000; port < 40016; ++port) {
        const auto seen = ends(open({.source_port = port}));
        backends.insert(seen.substr(seen.find('>')));
    }
    EXPECT_EQ(backends.size(), 1U);

    const md_affinity_key key{address("192.0.2.10"), service.id};
    auto affinity = lab().get<md_affinity>("md_affinity", key).value();
    const auto given = affinity.backend_id;
    affinity.backend_id = given == 14 ? 13 : 14;
    lab().set("md_affinity", key, affinity);
    const auto backend_of = [](std::uint16_t port) {
        return request_track({.source_port = port}, "md_opening").value().backend_id;
    };
    to_backend({.source_port = 50000});
    EXPECT_EQ(backend_of(50000), affinity.backend_id) << "what was given last holds";

    auto drained = lab().get<md_backend>("md_backends", affinity.backend_id).value();
    drained.state = MD_BACKEND_DRAIN;
    lab().set("md_backends", affinity.backend_id, drained);
    to_backend({.source_port = 50001});
    EXPECT_EQ(backend_of(50001), given) << "a drained backend gets nothing new";
    drained.state = MD_BACKEND_READY;
    lab().set("md_backends", affinity.backend_id, drained);

    affinity.seen_ns -= 61'000'000'000;
    lab().set("md_affinity", key, affinity);
    to_backend({.source_port = 50002});
    EXPECT_EQ(backend_of(50002), given) << "after a while the client's hash decides";
}

TEST_F(ForwardTest, LetsAFloodOfSynsTouchNoConnection) {
    lab().serve({});
    std::vector<Description> clients;
    for (std::uint16_t port = 40000; port < 40200; ++port) {
        clients.push_back({.source_port = port});
        open(clients.back());
    }
    std::mt19937 random(7);
    for (int i = 0; i < 5000; ++i) {
        Description flood{.source = "192.0.2." + std::to_string(1 + random() % 254),
                          .source_port = static_cast<std::uint16_t>(1024 + random() % 30000),
                          .seq = static_cast<std::uint32_t>(random())};
        const auto sent = lab().incoming(build(flood), lab().clients());
        ASSERT_EQ(sent.verdict, next);
        lab().leaving(build(answer_to(sent.bytes, syn | ack, static_cast<std::uint32_t>(random()))), lab().clients(),
                      lab().backends());
        flood.flags = ack;
        flood.ack_seq = static_cast<std::uint32_t>(random());  // the source is invented, and hears no answer
        lab().incoming(build(flood), lab().clients());
    }
    for (const auto& client : clients) EXPECT_TRUE(request_track(client)) << client.source_port;
    EXPECT_EQ(lab().tracks().size(), 2 * clients.size());
    EXPECT_LE(lab().tracks("md_opening").size(), 1024U);
}

TEST_F(ForwardTest, FollowsAConnectionToItsEnd) {
    lab().serve({});
    Description client;
    const auto first = open(client);
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_ESTABLISHED);
    client.flags = ack | fin;
    client.seq = 1001;
    to_backend(client);
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_CLOSING);
    to_client(build(answer_to(first, ack | fin, 7001)));
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_CLOSED);
    for (const auto& [key, track] : lab().tracks()) EXPECT_EQ(track.state, MD_TRACK_CLOSED);
    // The port is used again: another connection.
    client.flags = syn;
    client.seq = 900000;
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_new");
    EXPECT_FALSE(request_track(client));
}

TEST_F(ForwardTest, BelievesAResetOnlyWhereItMayBeTrue) {
    lab().serve({});
    Description client;
    const auto first = open(client);
    to_client(build(answer_to(first, rst, 7001 + (1U << 24))));
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_ESTABLISHED);
    to_client(build(answer_to(first, rst, 7001)));
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_CLOSED);
    EXPECT_NE(request_track(client).value().fins & MD_TRACK_RESET, 0);
}

TEST_F(ForwardTest, CountsEachByteOnce) {
    lab().serve({});
    Description client;
    const auto first = open(client);
    client.flags = ack;
    const auto send = [&](std::uint32_t seq, std::size_t size) {
        client.seq = seq;
        client.payload = payload(size);
        to_backend(client);
    };
    send(1001, 100);
    send(1001, 100);  // sent again
    send(1301, 100);  // overtakes the next
    send(1101, 200);
    send(1400, 1);  // a probe that a connection is alive
    EXPECT_EQ(request_track(client).value().bytes, 400U);
    EXPECT_EQ(request_track(client).value().packets, 7U);
    to_client(build(answer_to(first, ack, 7001, payload(50))));
    for (const auto& [key, track] : lab().tracks()) EXPECT_EQ(track.bytes, track.kind == MD_TRACK_REPLY ? 50U : 400U);
}

TEST_F(ForwardTest, CountsThePacketsThatTheKernelCarriesAsOne) {
    lab().serve({});
    Description client;
    open(client);
    client.flags = ack;
    client.seq = 1001;
    client.payload = payload(300);
    lab().run("md_ingress", build(client), lab().clients(), lab().clients(), 3);
    EXPECT_EQ(request_track(client).value().packets, 5U);
}

TEST_F(ForwardTest, RemembersUdpOnceBothSidesGoOn) {
    lab().serve({.protocol = IPPROTO_UDP});
    const auto client = udp();
    const auto sent = to_backend(client);
    to_client(build(answer_to(sent, 0)));
    EXPECT_FALSE(request_track(client)) << "one answer, as a flood with invented sources brings it about";
    to_backend(client);
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_UDP);
}

void age(const Lab& lab, std::uint64_t seconds) {
    for (const char* map : {"md_tracks", "md_opening"})
        for (auto [key, track] : lab.tracks(map)) {
            track.seen_ns -= seconds * 1'000'000'000;
            lab.set(map, key, track);
        }
}

TEST_F(ForwardTest, TakesATrackForAMissAfterItsTime) {
    lab().serve({});
    Description client;
    open(client);
    client.flags = ack;
    age(lab(), 7300);
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_request");
    age(lab(), 7500);
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_new");
}

TEST_F(ForwardTest, KeepsADirectionThatIsSilentWhileTheOtherIsNot) {
    lab().serve({.protocol = IPPROTO_UDP});
    const auto client = udp();
    const auto sent = to_backend(client);
    to_client(build(answer_to(sent, 0)));
    to_backend(client);
    for (int i = 0; i < 5; ++i) {
        age(lab(), 200);
        to_backend(client);
    }
    EXPECT_EQ(ends(to_client(build(answer_to(sent, 0)))), "10.96.0.1:80 > 192.0.2.10:40000");
    // The table was full, and the entry for answers had to go.
    for (const auto& [key, track] : lab().tracks())
        if (track.kind == MD_TRACK_REPLY) ::bpf_map_delete_elem(lab().map("md_tracks"), &key);
    age(lab(), 2);
    to_backend(client);
    EXPECT_EQ(ends(to_client(build(answer_to(sent, 0)))), "10.96.0.1:80 > 192.0.2.10:40000");
}

TEST_F(ForwardTest, LetsConnectionsGoOnWhoseServiceAndBackendAreGone) {
    lab().serve({});
    Description client;
    const auto first = open(client);
    const md_endpoint frontend{address("10.96.0.1"), htons(80), IPPROTO_TCP, 0};
    ::bpf_map_delete_elem(lab().map("md_frontends"), &frontend);
    const std::uint32_t backend = 11;
    ::bpf_map_delete_elem(lab().map("md_backends"), &backend);
    client.flags = ack;
    EXPECT_EQ(ends(to_backend(client)), ends(first));
    EXPECT_EQ(ends(to_client(build(answer_to(first, ack)))), "10.96.0.1:80 > 192.0.2.10:40000");
}

TEST_F(ForwardTest, LeadsASynThatNobodyAnsweredToABackendThatIsLeft) {
    lab().serve({});
    EXPECT_EQ(ends(to_backend({})), "192.0.2.10:40000 > 10.1.0.11:8080");
    EXPECT_EQ(lab().incoming(build({}), lab().clients()).reason, "forward_request");
    const std::uint32_t gone = 11;
    ::bpf_map_delete_elem(lab().map("md_backends"), &gone);
    lab().serve({.backends = {{12, "10.1.0.12", 8080}}});
    EXPECT_EQ(ends(to_backend({})), "192.0.2.10:40000 > 10.1.0.12:8080");
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
