// SPDX-License-Identifier: Apache-2.0
// What is remembered of forwarded connections, for how long, and what of it is counted.
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "bpf/packet_fixture.hpp"
#include "bpf/packet_samples.hpp"

namespace meshd::packet {
namespace {

class TrackTest : public PacketTest {};

void age(const Lab& lab, std::uint64_t seconds) {
    for (const char* map : {"md_tracks", "md_opening"})
        for (auto [key, track] : lab.tracks(map)) {
            track.seen_ns -= seconds * 1'000'000'000;
            lab.set(map, key, track);
        }
}

TEST_F(TrackTest, GivesALostConnectionTheSameBackendAgain) {
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

TEST_F(TrackTest, RemembersALostConnectionForGoodOnceBothSidesSpeak) {
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

TEST_F(TrackTest, KeepsAClientsBackendForAWhile) {
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

TEST_F(TrackTest, LetsAFloodOfSynsTouchNoConnection) {
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

TEST_F(TrackTest, FollowsAConnectionToItsEnd) {
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

TEST_F(TrackTest, BelievesAResetOnlyWhereItMayBeTrue) {
    lab().serve({});
    Description client;
    const auto first = open(client);
    to_client(build(answer_to(first, rst, 7001 + (1U << 24))));
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_ESTABLISHED);
    to_client(build(answer_to(first, rst, 7001)));
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_CLOSED);
    EXPECT_NE(request_track(client).value().fins & MD_TRACK_RESET, 0);
}

TEST_F(TrackTest, CountsEachByteOnce) {
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

TEST_F(TrackTest, CountsThePacketsThatTheKernelCarriesAsOne) {
    lab().serve({});
    Description client;
    open(client);
    client.flags = ack;
    client.seq = 1001;
    client.payload = payload(300);
    lab().run("md_ingress", build(client), lab().clients(), lab().clients(), 3);
    EXPECT_EQ(request_track(client).value().packets, 5U);
}

TEST_F(TrackTest, RemembersUdpOnceBothSidesGoOn) {
    lab().serve({.protocol = IPPROTO_UDP});
    const auto client = udp();
    const auto sent = to_backend(client);
    to_client(build(answer_to(sent, 0)));
    EXPECT_FALSE(request_track(client)) << "one answer, as a flood with invented sources brings it about";
    to_backend(client);
    EXPECT_EQ(request_track(client).value().state, MD_TRACK_UDP);
}

TEST_F(TrackTest, TakesATrackForAMissAfterItsTime) {
    lab().serve({});
    Description client;
    open(client);
    client.flags = ack;
    age(lab(), 7300);
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_request");
    age(lab(), 7500);
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_new");
}

TEST_F(TrackTest, KeepsADirectionThatIsSilentWhileTheOtherIsNot) {
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

TEST_F(TrackTest, LetsConnectionsGoOnWhoseServiceAndBackendAreGone) {
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

TEST_F(TrackTest, LeadsASynThatNobodyAnsweredToABackendThatIsLeft) {
    lab().serve({});
    EXPECT_EQ(ends(to_backend({})), "192.0.2.10:40000 > 10.1.0.11:8080");
    EXPECT_EQ(lab().incoming(build({}), lab().clients()).reason, "forward_request");
    const std::uint32_t gone = 11;
    ::bpf_map_delete_elem(lab().map("md_backends"), &gone);
    lab().serve({.backends = {{12, "10.1.0.12", 8080}}});
    EXPECT_EQ(ends(to_backend({})), "192.0.2.10:40000 > 10.1.0.12:8080");
}

}  // namespace
}  // namespace meshd::packet
