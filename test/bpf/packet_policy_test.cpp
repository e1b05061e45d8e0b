// SPDX-License-Identifier: Apache-2.0
// The policy and the limits at devices: what is asked about, what follows it, and what cannot be read.
#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

constexpr std::uint16_t allowed = 53, denied = 54;
constexpr const char* own = "192.0.2.1";
constexpr const char* own6 = "2001:db8::1";

class PacketPolicyTest : public PacketTest {
protected:
    void SetUp() override {
        PacketTest::SetUp();
        if (IsSkipped()) return;
        for (const char* address_of_node : {own, own6, "10.1.0.1"})
            lab().set("md_locals", address(address_of_node), std::uint32_t{MD_LOCAL_OWN});
        lab().set("md_locals", address("192.0.2.255"), std::uint32_t{MD_LOCAL_NETWORK});
    }
    void TearDown() override {
        if (IsSkipped()) return;
        for (const char* name : {"md_verdicts", "md_limits", "md_limit_state", "md_open_tracks"}) lab().empty(name);
        allow_without_policy();
    }

    static void allow_without_policy() {
        const std::uint32_t zero = 0;
        ::bpf_map_delete_elem(lab().map("md_policies"), &zero);
    }

    // Denies all but one port, of any protocol and address.
    static void deny(bool audit = false, std::uint16_t port = allowed) {
        md_policy head{};
        head.generation = 1;
        head.default_verdict = MD_VERDICT_DENY;
        head.denies_packets = 1;
        head.audit = audit ? 1 : 0;
        put(head, port);
    }
    // Allows all, by default and by a rule.
    static void allow() {
        md_policy head{};
        head.generation = 1;
        put(head, allowed);
    }

    static Description datagram(std::uint16_t port, const char* to = own) {
        Description what;
        if (std::string(to).find(':') != std::string::npos) what.source = "2001:db8::10";
        what.destination = to;
        what.destination_port = port;
        what.protocol = IPPROTO_UDP;
        what.payload = Bytes(24, 'x');
        return what;
    }

    static Outcome in(const Bytes& bytes) { return lab().incoming(bytes, lab().clients()); }
    static std::string fate(const Bytes& bytes) {
        const auto outcome = in(bytes);
        return (outcome.verdict == drop ? "drop " : "pass ") + outcome.reason;
    }

    // `place`: offset in units of eight bytes, and whether more follow.
    static Bytes part_v4(std::uint16_t port, std::uint16_t id, std::uint16_t offset, bool more) {
        auto what = datagram(port);
        what.fragment = static_cast<std::uint16_t>(offset | (more ? 0x2000U : 0U));
        auto bytes = build(what);
        put16(bytes, ethernet + 4, id);
        return bytes;
    }
    static Bytes part_v6(std::uint16_t port, std::uint16_t id, std::uint16_t offset, bool more) {
        auto what = datagram(port, own6);
        Bytes header(8, 0);
        put16(header, 2, offset * 8U | (more ? 1U : 0U));
        put16(header, 6, id);
        what.extensions = {{44, header}};
        return build(what);
    }

private:
    static void put(md_policy head, std::uint16_t port) {
        md_verdict_key key{};
        key.generation = 1;
        key.port = htons(port);
        key.pattern = MD_PATTERN(MD_SOURCE_ANY, MD_DESTINATION_ANY, 1, 0);
        head.patterns = std::uint64_t{1} << key.pattern;
        lab().set("md_verdicts", key, md_verdict{1, 0, MD_VERDICT_ALLOW, {}});
        LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
        const int trie =
            ::bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", sizeof(md_prefix), sizeof(md_policy), MD_MAX_PREFIXES, &options);
        check(trie >= 0, "make a trie");
        for (const auto kind : {MD_PREFIX_SOURCE, MD_PREFIX_DESTINATION}) {
            md_prefix empty{};
            empty.length = MD_PREFIX_HEAD;
            empty.kind = static_cast<__u8>(kind);
            check(::bpf_map_update_elem(trie, &empty, &head, BPF_ANY) == 0, "fill the trie");
        }
        const std::uint32_t zero = 0;
        const int error = ::bpf_map_update_elem(lab().map("md_policies"), &zero, &trie, BPF_ANY);
        ::close(trie);
        check(error == 0, "write md_policies");
    }
};

TEST_F(PacketPolicyTest, LaterFragmentsFollowTheFirst) {
    deny();
    for (const auto part : {part_v4, part_v6}) {
        EXPECT_EQ(fate(part(allowed, 1, 0, true)), "pass packet_fragment");
        EXPECT_EQ(fate(part(allowed, 1, 3, true)), "pass packet_fragment");
        EXPECT_EQ(fate(part(denied, 1, 6, false)), "pass packet_fragment");  // its bytes are no ports
        EXPECT_EQ(fate(part(allowed, 2, 3, false)), "drop policy_unread");   // before its first
        EXPECT_EQ(fate(part(denied, 3, 0, true)), "drop policy_denied");
        EXPECT_EQ(fate(part(denied, 3, 3, false)), "drop policy_unread");
        EXPECT_EQ(fate(part(denied, 1, 0, true)), "drop policy_denied");  // a number that is used again
        EXPECT_EQ(fate(part(denied, 1, 3, false)), "drop policy_unread");
    }
}

TEST_F(PacketPolicyTest, AFirstFragmentWithoutItsPortsIsDropped) {
    deny();
    auto what = datagram(allowed);
    what.protocol = IPPROTO_TCP;
    what.payload.clear();
    what.fragment = 0x2000;
    auto bytes = build(what);
    bytes.resize(ethernet + 20 + 8);  // flags are in the next
    put16(bytes, ethernet + 2, 28);
    EXPECT_EQ(fate(bytes), "drop policy_unread");
}

TEST_F(PacketPolicyTest, WhatIsNotOursOrOfAnotherProtocolPasses) {
    deny();
    auto ping = datagram(0);
    ping.protocol = IPPROTO_ICMP;
    ping.fragment = 3;
    EXPECT_EQ(fate(build(ping)), "pass packet_fragment");
    auto strange = datagram(denied, "203.0.113.1");
    strange.fragment = 3;
    EXPECT_EQ(fate(build(strange)), "pass packet_fragment");
    EXPECT_EQ(fate(build({.destination = own, .protocol = 47})), "pass packet_unparsed");
    auto arp = build({});
    put16(arp, 12, 0x0806);
    EXPECT_EQ(fate(arp), "pass packet_unparsed");
}

TEST_F(PacketPolicyTest, WhatCannotBeReadIsDroppedWhereAnythingIsDenied) {
    auto what = datagram(allowed, own6);
    for (int i = 0; i < 7; ++i) what.extensions.emplace_back(std::uint8_t{60}, Bytes(8, 0));
    auto routed = datagram(allowed, own6);
    Bytes route(8, 0);
    route[3] = 1;
    routed.extensions = {{43, route}};
    auto tagged = datagram(allowed);
    tagged.vlan = 0;
    const std::pair<Bytes, const char*> rows[] = {
        {build(what), "packet_extension"}, {build(routed), "packet_extension"}, {build(tagged), "packet_vlan"}};
    for (const auto& [bytes, reason] : rows) {
        allow_without_policy();
        EXPECT_EQ(fate(bytes), std::string("pass ") + reason);
        allow();
        EXPECT_EQ(fate(bytes), std::string("pass ") + reason);
        deny(true);
        const auto audited = in(bytes);
        EXPECT_EQ(audited.verdict, next);
        EXPECT_TRUE(audited.reason == reason + std::string(" policy_audited")) << audited.reason;
        deny();
        EXPECT_EQ(fate(bytes), "drop policy_unread");
        EXPECT_EQ(lab().leaving(bytes, lab().clients()).verdict, next);
    }
    tagged.vlan = 5;
    EXPECT_EQ(fate(build(tagged)), "pass packet_vlan");
}

TEST_F(PacketPolicyTest, WhatIsForManyIsAsked) {
    deny();
    for (const char* to : {"224.0.0.251", "255.255.255.255", "192.0.2.255", "0.0.0.0", "ff02::fb"}) {
        EXPECT_EQ(fate(build(datagram(denied, to))), "drop policy_denied") << to;
        EXPECT_EQ(in(build(datagram(allowed, to))).verdict, next) << to;
    }
    EXPECT_EQ(in(build(datagram(denied, "192.0.2.77"))).verdict, next);  // another host's
    // A port of a bridge: it may be for the others there.
    lab().look_at(lab().clients(), own, own6, MD_BELOW_MASTER);
    EXPECT_EQ(in(build(datagram(denied, "224.0.0.251"))).verdict, next);
    EXPECT_EQ(fate(build(datagram(denied))), "drop policy_denied");
}

TEST_F(PacketPolicyTest, ASynIsAskedAboutThoughATrackIsThere) {
    lab().serve({});
    Description bare{.flags = ack};
    EXPECT_EQ(in(build(bare)).reason, "forward_new");
    deny();
    EXPECT_EQ(fate(build({})), "drop policy_denied");
    EXPECT_EQ(in(build(bare)).reason, "forward_request");  // a connection that exists is not cut
}

TEST_F(PacketPolicyTest, WhatWasTranslatedIsNotAskedAgain) {
    lab().serve({.backends = {{11, "10.1.0.1", 8080}}});
    deny(false, 80);
    const auto first = in(build({}));
    ASSERT_EQ(first.reason, "forward_new");
    const auto second = lab().incoming(first.bytes, lab().backends());
    EXPECT_EQ(second.verdict, next) << second.reason;
    // The same packet, had nobody translated it.
    EXPECT_EQ(fate(build({.source = "192.0.2.66", .destination = "10.1.0.1", .destination_port = 8080})), "drop policy_denied");
}

class PacketLimitTest : public PacketPolicyTest {
protected:
    static void limit(md_limit value) {
        lab().set("md_limit_state", std::uint32_t{1}, md_limit_state{});
        lab().set("md_limits", std::uint32_t{1}, value);
        lab().serve({});
    }
    static void connections(std::uint32_t count) {
        md_limit value{};
        value.connections = count;
        limit(value);
    }
    static Description client(std::uint16_t port) { return {.source_port = port}; }
    static bool enters(const Description& what) { return in(build(what)).reason == "forward_new"; }
    static unsigned open_ones() { return lab().get<md_limit_state>("md_limit_state", std::uint32_t{1})->open; }
};

TEST_F(PacketLimitTest, SoManyForwardedConnectionsAtOnce) {
    connections(2);
    open(client(1));
    open(client(2));
    EXPECT_EQ(open_ones(), 2U);
    EXPECT_EQ(in(build(client(3))).reason, "limit_connections");
    EXPECT_EQ(open_ones(), 2U);
    EXPECT_EQ(in(build({.source_port = 1, .flags = ack, .seq = 1001})).reason, "forward_request");
}

TEST_F(PacketLimitTest, ASynThatIsSentAgainTakesNoSecondPlace) {
    connections(2);
    for (int i = 0; i < 3; ++i) in(build(client(1)));
    EXPECT_EQ(open_ones(), 1U);
}

TEST_F(PacketLimitTest, ResetsAndFinsGivePlacesBackOnce) {
    connections(2);
    const auto request = open(client(1));
    auto reset = client(1);
    reset.flags = rst;
    reset.seq = 1001;
    for (int i = 0; i < 2; ++i) in(build(reset));
    EXPECT_EQ(open_ones(), 0U);

    const auto other = open(client(2));
    EXPECT_EQ(open_ones(), 1U);
    to_client(build(answer_to(other, fin | ack, 7001)));
    EXPECT_EQ(open_ones(), 1U);
    auto end = client(2);
    end.flags = fin | ack;
    end.seq = 1001;
    end.ack_seq = 7002;
    for (int i = 0; i < 2; ++i) in(build(end));
    EXPECT_EQ(open_ones(), 0U);
    // The same ports again.
    open(client(2));
    EXPECT_EQ(open_ones(), 1U);
    static_cast<void>(request);
}

TEST_F(PacketLimitTest, ABackendThatRefusesGivesThePlaceBack) {
    connections(1);
    const auto request = to_backend(client(1));
    EXPECT_EQ(open_ones(), 1U);
    to_client(build(answer_to(request, rst | ack, 0)));
    EXPECT_EQ(open_ones(), 0U);
}

TEST_F(PacketLimitTest, ASynIsHeldToTheRateThoughATrackIsThere) {
    md_limit rate{};
    rate.interval_ns = 3'600'000'000'000ULL;
    rate.burst_ns = rate.interval_ns;
    limit(rate);
    EXPECT_TRUE(enters(client(1)));
    Description bare{.source_port = 2, .flags = ack, .seq = 1001};
    EXPECT_EQ(in(build(bare)).reason, "forward_new");
    EXPECT_EQ(in(build(client(2))).reason, "limit_rate");
    EXPECT_EQ(in(build(client(1))).reason, "forward_request");  // the one that was let in, sent again
}

}  // namespace
}  // namespace meshd::packet
