// SPDX-License-Identifier: Apache-2.0
// Packets that are left alone: named, untouched, and counted once.
#include <random>

#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

using LeftAloneTest = PacketTest;

TEST_F(LeftAloneTest, SaysWhatAPacketIsThatItDoesNotTouch) {
    lab().serve({});
    lab().serve({.id = 3, .protocol = IPPROTO_UDP, .backends = {{31, "10.1.0.11", 8080}}});
    lab().serve(service_v6());
    const auto extended = [](std::vector<std::pair<std::uint8_t, Bytes>> extensions) {
        auto what = v6();
        what.extensions = std::move(extensions);
        return build(what);
    };
    const Bytes eight(8, 0);
    auto source_route = eight;
    source_route[3] = 1;
    auto first_fragment = eight;
    first_fragment[3] = 1;
    auto arp = build({});
    put16(arp, 12, 0x0806);
    auto version = build({});
    version[ethernet] = 0x55;
    auto short_header = build({});
    short_header[ethernet] = 0x44;
    auto short_offset = build({});
    short_offset[ethernet + 32] = 4 << 4;
    auto too_long = build({});
    put16(too_long, ethernet + 2, 1000);
    auto no_room = build({});
    put16(no_room, ethernet + 2, 30);
    auto cut = build({});
    cut.resize(ethernet + 25);
    put16(cut, ethernet + 2, 25);
    const struct {
        const char* name;
        const char* reason;
        Bytes bytes;
    } rows[] = {
        {"another port", "packet_not_ours", build({.destination_port = 81})},
        {"another address", "packet_not_ours", build({.destination = "10.96.0.2"})},
        {"ARP", "packet_unparsed", arp},
        {"GRE", "packet_unparsed", build({.protocol = 47})},
        {"another version", "packet_unparsed", version},
        {"header of four words", "packet_unparsed", short_header},
        {"TCP header of four words", "packet_unparsed", short_offset},
        {"longer than the frame", "packet_unparsed", too_long},
        {"no room for TCP", "packet_unparsed", no_room},
        {"cut in TCP", "packet_unparsed", cut},
        {"VLAN", "packet_vlan", build({.vlan = 5})},
        {"first fragment", "packet_fragment", build({.protocol = IPPROTO_UDP, .payload = eight, .fragment = 0x2000})},
        {"later fragment", "packet_fragment", build({.protocol = IPPROTO_UDP, .payload = eight, .fragment = 100})},
        {"IPv6 fragment", "packet_fragment", extended({{44, first_fragment}})},
        {"source route", "packet_extension", extended({{43, source_route}})},
        {"too many headers", "packet_extension",
         extended({{0, eight}, {60, eight}, {60, eight}, {60, eight}, {60, eight}, {60, eight}, {60, eight}})},
        {"signed", "packet_unparsed", extended({{51, eight}})},
    };
    for (const auto& row : rows)
        for (const char* program : {"md_ingress", "md_egress"}) {
            const auto outcome = lab().run(program, row.bytes, lab().clients());
            EXPECT_EQ(outcome.verdict, next) << row.name;
            EXPECT_EQ(outcome.reason, row.reason) << row.name;
            EXPECT_EQ(outcome.bytes, row.bytes) << row.name;
        }
}

TEST_F(LeftAloneTest, LooksAtNothingAtOtherDevices) {
    lab().serve({});
    const auto outcome = lab().incoming(build({}), 1);
    EXPECT_EQ(outcome.verdict, next);
    EXPECT_EQ(outcome.reason, "");
    EXPECT_EQ(outcome.bytes, build({}));
}

TEST_F(LeftAloneTest, ReadsHeadersBehindManyExtensions) {
    lab().serve(service_v6());
    auto what = v6();
    Bytes large(200, 0);
    large[1] = 24;
    what.extensions = {{60, large}};
    EXPECT_EQ(lab().incoming(build(what), lab().clients()).reason, "forward_new");
}

// Whatever comes: no verdict but the next one's, and not a byte changed.
TEST_F(LeftAloneTest, SurvivesGarbage) {
    lab().follow(true);
    lab().serve({});
    lab().serve({.id = 3, .protocol = IPPROTO_UDP, .backends = {{31, "10.1.0.11", 8080}}});
    lab().serve(service_v6());
    open({});
    open(v6());
    std::mt19937 random(99);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    // None is for a service or of a connection: destination and source are strangers, also where the packet is mutated,
    // for those bytes stay.
    std::vector<Bytes> seeds;
    for (auto what : {Description{.source = "198.51.100.1", .destination = "203.0.113.1", .options = Bytes(8, 1)}, v6()}) {
        if (what.is_v6()) {
            what.source = "2001:db8:ffff::1";
            what.destination = "2001:db8:fffe::1";
            what.extensions = {{0, Bytes(8, 0)}, {60, Bytes(8, 0)}};
        }
        what.payload = Bytes(40, 'g');
        seeds.push_back(build(what));
        seeds.push_back(icmp_error(what.is_v6() ? "2001:db8:fffd::1" : "198.51.100.9", seeds.back(), what.is_v6() ? 1 : 3, 3, 0));
        what.protocol = IPPROTO_UDP;
        seeds.push_back(build(what));
    }
    const int program[] = {lab().program("md_ingress"), lab().program("md_egress")};
    Bytes out(2048);
    int looked_at = 0;
    for (int i = 0; looked_at < 100'000; ++i) {
        Bytes bytes;
        if (below(4) == 0) {
            bytes.resize(34 + below(200));
            for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
            put16(bytes, 12, below(2) == 0 ? 0x0800U : 0x86ddU);
            bytes[ethernet] = static_cast<std::uint8_t>((below(2) == 0 ? 0x40U : 0x60U) | below(16));
        } else {
            bytes = seeds[below(static_cast<std::uint32_t>(seeds.size()))];
            const bool is_v6 = bytes[12] == 0x86;
            const auto first = ethernet + (is_v6 ? 8U : 12U);
            const auto last = first + (is_v6 ? 32U : 8U);
            for (auto count = 1 + below(6); count > 0; --count) {
                const auto at = ethernet + below(static_cast<std::uint32_t>(bytes.size() - ethernet));
                if (at < first || at >= last) bytes[at] = static_cast<std::uint8_t>(random());
            }
            if (below(8) == 0) bytes.resize(34 + below(static_cast<std::uint32_t>(bytes.size() - 34)));
        }
        __sk_buff context{};
        context.ifindex = lab().clients();
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(), .data_out = out.data(),
                    .data_size_in = static_cast<__u32>(bytes.size()), .data_size_out = static_cast<__u32>(out.size()),
                    .ctx_in = &context, .ctx_size_in = sizeof context);
        if (::bpf_prog_test_run_opts(program[i % 2], &options) != 0) continue;  // what the kernel does not take for a frame
        ++looked_at;
        ASSERT_EQ(static_cast<int>(options.retval), next) << i;
        ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), out.begin(), out.begin() + options.data_size_out)) << i;
    }
}

}  // namespace
}  // namespace meshd::packet
