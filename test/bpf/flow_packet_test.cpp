// SPDX-License-Identifier: Apache-2.0
// Flows at devices, packet by packet: what is counted where, and what is told.
#include <cstring>

#include <gtest/gtest.h>

#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

class FlowTest : public PacketTest {
protected:
    void SetUp() override {
        PacketTest::SetUp();
        if (!IsSkipped() && !lab().can_come_by_device())
            GTEST_SKIP() << "this kernel runs no program for a packet that came by a device";
    }
    static std::vector<md_flow> flows() {
        std::vector<md_flow> found;
        for (const auto& [key, flow] : lab().all<md_flow_key, md_flow>("md_device_flows")) found.push_back(flow);
        return found;
    }
    static md_flow only() {
        const auto found = flows();
        EXPECT_EQ(found.size(), 1U);
        return found.empty() ? md_flow{} : found.front();
    }
    // A connection of a socket of this node: the record that its program has made.
    static md_flow_key put_socket(const Bytes& packet, std::uint8_t state = MD_FLOW_ESTABLISHED) {
        lab().leaving(packet, lab().backends());
        const auto key = lab().all<md_flow_key, md_flow>("md_device_flows").at(0).first;
        md_flow flow{};
        flow.source = MD_FLOW_SOCKET;
        flow.state = state;
        lab().set("md_flows", key, flow);
        ::bpf_map_delete_elem(lab().map("md_device_flows"), &key);
        return key;
    }
    static constexpr std::uint32_t unmanaged = 1;
};

TEST_F(FlowTest, CountsNothingUnlessAsked) {
    pass(build({}), lab().clients(), lab().backends());
    EXPECT_TRUE(flows().empty());
}

TEST_F(FlowTest, FollowsAConnection) {
    lab().follow(true);
    Description client{.source = "192.0.2.10", .destination = "10.1.0.11", .destination_port = 8080};
    pass(build(client), lab().clients(), lab().backends());
    EXPECT_EQ(only().state, MD_FLOW_OPENING);
    EXPECT_EQ(only().device, lab().clients());
    const auto low = 0U;  // 10.1.0.11 is below 192.0.2.10
    EXPECT_EQ(only().client, 1) << "the higher end has sent SYN";
    pass(build(answer_to(build(client), syn | ack)), lab().backends(), lab().clients());
    EXPECT_EQ(only().state, MD_FLOW_ESTABLISHED);
    client.flags = ack;
    client.seq = 1001;
    client.payload = Bytes(100, 'x');
    pass(build(client), lab().clients(), lab().backends());
    pass(build(client), lab().clients(), lab().backends());
    EXPECT_EQ(only().ways[!low].bytes, 100U);
    EXPECT_EQ(only().ways[!low].packets, 3U);
    EXPECT_EQ(only().ways[low].packets, 1U);
    client.flags = ack | fin;
    client.seq = 1101;
    client.payload = {};
    pass(build(client), lab().clients(), lab().backends());
    EXPECT_EQ(only().state, MD_FLOW_ESTABLISHED);
    pass(build(answer_to(build(client), ack | fin, 7001)), lab().backends(), lab().clients());
    EXPECT_EQ(only().state, MD_FLOW_CLOSED);
    // The same ends again: another connection.
    client.flags = syn;
    client.seq = 99;
    pass(build(client), lab().clients(), lab().backends());
    EXPECT_EQ(only().state, MD_FLOW_OPENING);
    EXPECT_EQ(only().ways[!low].packets, 1U);
    pass(build(answer_to(build(client), rst)), lab().backends(), lab().clients());
    EXPECT_EQ(only().state, MD_FLOW_RESET);
}

TEST_F(FlowTest, TakesTheFirstSenderOfDatagramsForTheClient) {
    const auto sender_is_client = [](std::uint16_t source, std::uint16_t destination) {
        lab().reset();
        lab().follow(true);
        // The sender is the higher end.
        pass(build({.destination = "10.1.0.11", .source_port = source, .destination_port = destination, .protocol = IPPROTO_UDP}),
             lab().clients(), lab().backends());
        return only().client == 1;
    };
    EXPECT_TRUE(sender_is_client(40000, 53));
    EXPECT_TRUE(sender_is_client(2000, 9000)) << "whatever their ports";
    EXPECT_TRUE(sender_is_client(123, 123));
    EXPECT_FALSE(sender_is_client(53, 40000)) << "an answer";
}

TEST_F(FlowTest, CountsAPacketOnceWhereverItPasses) {
    const auto bytes = build({.destination = "10.1.0.11"});
    const auto packets = [&] {
        const auto flow = only();
        return flow.ways[0].packets + flow.ways[1].packets;
    };
    const auto again = [&] {
        lab().reset();
        lab().follow(true);
    };
    again();
    pass(bytes, lab().clients(), lab().backends());
    EXPECT_EQ(packets(), 1U) << "through two devices";
    again();
    lab().leaving(bytes, lab().backends());
    EXPECT_EQ(packets(), 1U) << "sent by this node";
    again();
    lab().leaving(bytes, lab().backends(), unmanaged);
    EXPECT_EQ(packets(), 1U) << "came by a device that is not looked at";
    again();
    lab().incoming(bytes, lab().clients());
    EXPECT_EQ(packets(), 1U) << "for this node";

    // b0 is the port of a bridge, c0.
    const auto bridged = [&] {
        again();
        lab().look_at(lab().backends(), nullptr, nullptr, MD_BELOW_MASTER);
    };
    bridged();
    lab().incoming(bytes, lab().backends());
    lab().incoming(bytes, lab().clients());
    EXPECT_EQ(packets(), 1U) << "in by a port, up to the bridge";
    bridged();
    lab().leaving(bytes, lab().clients());
    lab().leaving(bytes, lab().backends());
    EXPECT_EQ(packets(), 1U) << "out by the bridge, down to a port";
    bridged();
    lab().incoming(bytes, lab().backends());
    lab().leaving(bytes, lab().backends(), lab().backends());
    EXPECT_EQ(packets(), 1U) << "from port to port";

    // b0 is a macvlan of c0.
    const auto shared = [&] {
        again();
        lab().look_at(lab().backends(), nullptr, nullptr, MD_BELOW_ITSELF);
    };
    shared();
    lab().incoming(bytes, lab().clients());
    lab().incoming(bytes, lab().backends());
    EXPECT_EQ(packets(), 1U) << "in by the device, and by its other name";
    shared();
    lab().leaving(bytes, lab().backends());
    lab().leaving(bytes, lab().clients());
    EXPECT_EQ(packets(), 1U) << "out by both";
}

TEST_F(FlowTest, LeavesTranslatedPacketsToTheirTracks) {
    lab().follow(true);
    lab().serve({});
    for (const std::uint8_t masquerade : {MD_MASQUERADE_NEVER, MD_MASQUERADE_ALWAYS}) {
        lab().configure(masquerade);
        const Description client{.source_port = static_cast<std::uint16_t>(42000 + masquerade)};
        const auto sent = open(client);
        to_client(build(answer_to(sent, ack, 7001, Bytes(10, 'r'))));
        EXPECT_TRUE(flows().empty());
        EXPECT_TRUE(request_track(client));
    }
    // Translated at a port, and seen again at its bridge.
    lab().look_at(lab().clients(), nullptr, nullptr, MD_BELOW_MASTER);
    const auto translated = lab().incoming(build({}), lab().clients());
    lab().incoming(translated.bytes, lab().backends());
    EXPECT_TRUE(flows().empty());
}

TEST_F(FlowTest, LeavesRecordsOfSocketsAlone) {
    for (const auto state : {MD_FLOW_OPENING, MD_FLOW_ESTABLISHED, MD_FLOW_CLOSED}) {
        lab().reset();
        lab().follow(true);
        const auto bytes = build({.destination = "10.1.0.11", .flags = ack, .payload = Bytes(10, 'x')});
        const auto key = put_socket(bytes, static_cast<std::uint8_t>(state));
        lab().leaving(bytes, lab().backends());
        EXPECT_TRUE(flows().empty()) << state;
        const auto record = lab().get<md_flow>("md_flows", key);
        ASSERT_TRUE(record);
        EXPECT_EQ(record->ways[0].packets + record->ways[1].packets, 0U) << state;
    }
}

TEST_F(FlowTest, CostsNoSocketItsRecordWhoeverScans) {
    lab().follow(true);
    const auto key = put_socket(build({.destination = "10.1.0.11"}));
    for (int i = 0; i < 20000; ++i)
        lab().incoming(build({.source = "192.0.2." + std::to_string(2 + i % 200),
                              .destination = "10.1.0.12",
                              .source_port = static_cast<std::uint16_t>(1024 + i),
                              .destination_port = static_cast<std::uint16_t>(1 + i / 300)}),
                       lab().clients());
    EXPECT_TRUE(lab().get<md_flow>("md_flows", key));
    EXPECT_EQ((lab().all<md_flow_key, md_flow>("md_flows").size()), 1U);
    EXPECT_LE(flows().size(), Lab::device_flows);
    EXPECT_GE(flows().size(), Lab::device_flows / 2) << "the oldest give way, and no others";
}

// A connection that was there before its address became a service's goes where it went.
TEST_F(FlowTest, LetsAnEstablishedFlowGoOnWhenItsAddressBecomesAServices) {
    lab().follow(true);
    Description client;
    pass(build(client), lab().clients(), lab().backends());
    pass(build(answer_to(build(client), syn | ack)), lab().backends(), lab().clients());
    lab().serve({});
    client.flags = ack;
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "packet_not_ours");
    client.flags = syn;
    EXPECT_EQ(lab().incoming(build(client), lab().clients()).reason, "forward_new");
}

class FlowEventTest : public FlowTest {
protected:
    void SetUp() override {
        FlowTest::SetUp();
        if (IsSkipped()) return;
        lab().follow(true, true);
        told();
    }
    // What the programs have told since the last call.
    static std::vector<md_flow_event> told() {
        std::vector<md_flow_event> events;
        const auto take = [](void* context, void* data, std::size_t size) {
            EXPECT_EQ(size, sizeof(md_flow_event));
            md_flow_event event{};
            std::memcpy(&event, data, sizeof event);
            static_cast<std::vector<md_flow_event>*>(context)->push_back(event);
            return 0;
        };
        auto* const ring = ::ring_buffer__new(lab().map("md_flow_events"), take, &events, nullptr);
        EXPECT_NE(ring, nullptr);
        ::ring_buffer__consume(ring);
        ::ring_buffer__free(ring);
        return events;
    }
    // Client to server, by the node.
    static void ask(Description& client, std::uint8_t flags, std::size_t size = 0) {
        client.flags = flags;
        client.payload = Bytes(size, 'q');
        pass(build(client), lab().clients(), lab().backends());
        client.seq += static_cast<std::uint32_t>(size) + ((flags & (syn | fin)) != 0 ? 1 : 0);
    }
    static void answer(const Description& client, std::uint8_t flags, std::uint32_t seq, std::size_t size = 0) {
        pass(build(answer_to(build(client), flags, seq, Bytes(size, 'a'))), lab().backends(), lab().clients());
    }
    static Description shake_hands() {
        Description client{.source = "192.0.2.10", .destination = "10.1.0.11", .destination_port = 8080};
        ask(client, syn);
        answer(client, syn | ack, 7000);
        ask(client, ack);
        return client;
    }
};

TEST_F(FlowEventTest, TellsOfAFlowOnceItGoesOnAfterItsHandshake) {
    auto client = shake_hands();
    EXPECT_TRUE(told().empty()) << "a socket of this node may have it";
    ask(client, ack, 100);
    const auto opened = told();
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened[0].change, MD_FLOW_OPENED);
    EXPECT_EQ(opened[0].flow.source, MD_FLOW_DEVICE);
    answer(client, ack, 7001, 200);
    EXPECT_TRUE(told().empty());
    ask(client, ack | fin);
    answer(client, ack | fin, 7201);
    ask(client, ack);
    const auto ended = told();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].change, MD_FLOW_ENDED);
    EXPECT_EQ(ended[0].reason, MD_FLOW_END_SEEN);
    EXPECT_EQ(ended[0].flow.state, MD_FLOW_CLOSED);
    EXPECT_EQ(ended[0].flow.ways[1].bytes, 100U);
    EXPECT_EQ(ended[0].flow.ways[0].bytes, 200U);
}

TEST_F(FlowEventTest, TellsOfNoneThatASocketTakesOver) {
    auto client = shake_hands();
    const auto key = lab().all<md_flow_key, md_flow>("md_device_flows").at(0).first;
    md_flow of_socket{};
    of_socket.source = MD_FLOW_SOCKET;
    of_socket.state = MD_FLOW_ESTABLISHED;
    lab().set("md_flows", key, of_socket);
    ask(client, ack, 100);
    ask(client, ack | fin);
    EXPECT_TRUE(told().empty());
}

TEST_F(FlowEventTest, TellsOfDatagramsThatAreAnswered) {
    Description client{.destination = "10.1.0.11", .protocol = IPPROTO_UDP, .payload = Bytes(5, 'q')};
    pass(build(client), lab().clients(), lab().backends());
    EXPECT_TRUE(told().empty());
    pass(build(answer_to(build(client), 0, 0, Bytes(7, 'a'))), lab().backends(), lab().clients());
    const auto opened = told();
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened[0].change, MD_FLOW_OPENED);
    EXPECT_GT(opened[0].flow.response_us, 0U);
}

TEST_F(FlowEventTest, TimesTheFirstAnswerToTheLastOfARequest) {
    auto client = shake_hands();
    ask(client, ack, 10);
    EXPECT_EQ(only().response_us, 0U);
    EXPECT_GT(only().asked_ns, 0U);
    answer(client, ack, 7001, 10);
    EXPECT_GT(only().response_us, 0U);
    EXPECT_EQ(only().asked_ns, 0U);
}

// As the kernel has seen it: connection by connection, both directions.
TEST_F(FlowEventTest, TellsOfForwardedConnections) {
    lab().serve({});
    Description client;
    open(client);
    const auto opened = told();
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened[0].change, MD_FLOW_OPENED);
    EXPECT_EQ(opened[0].flow.source, MD_FLOW_TRACK);
    EXPECT_EQ(opened[0].flow.service_id, 1U);
    EXPECT_EQ(opened[0].flow.backend_id, 11U);
    EXPECT_EQ(opened[0].flow.service.port, htons(80));
    client.flags = ack;
    client.seq = 1001;
    client.payload = Bytes(30, 'q');
    const auto asked = to_backend(client);
    EXPECT_GT(request_track(client)->asked_ns, 0U);
    to_client(build(answer_to(asked, ack, 7001, Bytes(40, 'a'))));
    EXPECT_GT(request_track(client)->response_us, 0U);
    client.seq = 1031;
    client.payload = {};
    client.flags = ack | fin;
    const auto last = to_backend(client);
    EXPECT_TRUE(told().empty());
    to_client(build(answer_to(last, ack | fin, 7041)));
    const auto ended = told();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].change, MD_FLOW_ENDED);
    EXPECT_EQ(ended[0].flow.state, MD_FLOW_CLOSED);
    const auto way = ended[0].flow.client;
    EXPECT_EQ(ended[0].flow.ways[way].bytes, 30U);
    EXPECT_EQ(ended[0].flow.ways[!way].bytes, 40U);
    EXPECT_GT(ended[0].flow.response_us, 0U);
}

TEST_F(FlowEventTest, TellsOfWhatItDropsSinceThereIsNoBackend) {
    lab().serve({.backends = {}});
    lab().incoming(build({}), lab().clients());
    const auto refused = told();
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_EQ(refused[0].change, MD_FLOW_REFUSED);
    EXPECT_EQ(refused[0].reason, MD_REASON_FORWARD_NO_BACKEND);
    EXPECT_EQ(refused[0].flow.service_id, 1U);
    EXPECT_EQ(refused[0].flow.service.port, htons(80));
}

}  // namespace
}  // namespace meshd::packet
