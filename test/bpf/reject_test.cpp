// SPDX-License-Identifier: Apache-2.0
// What a client is told of a service without a usable backend.
#include <chrono>

#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

class RejectTest : public PacketTest {
protected:
    void SetUp() override {
        PacketTest::SetUp();
        if (IsSkipped()) return;
        configure(true);
        for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP})
            for (auto service : {Service{}, service_v6()}) {
                service.protocol = protocol;
                service.backends.clear();
                lab().serve(service);
            }
    }

    static void configure(bool rejects) { lab().configure(MD_MASQUERADE_AUTO, false, 61001, 65535, rejects); }

    static Outcome send(const Bytes& bytes) { return lab().incoming(bytes, lab().clients()); }

    static std::vector<Description> of_both_families(Description what) {
        auto other = what;
        other.source = v6().source;
        other.destination = v6().destination;
        return {what, other};
    }
};

void expect_link_turned(const Bytes& answer, const Bytes& request) {
    EXPECT_TRUE(std::equal(answer.begin(), answer.begin() + 6, request.begin() + 6));
    EXPECT_TRUE(std::equal(answer.begin() + 6, answer.begin() + 12, request.begin()));
    EXPECT_TRUE(std::equal(answer.begin() + 12, answer.begin() + 14, request.begin() + 12));
}

TEST_F(RejectTest, ResetsTcpAsAHostWithoutAListenerDoes) {
    const struct {
        const char* name;
        std::uint8_t flags;
        std::size_t payload;
        std::uint8_t answer;
        std::uint32_t seq, ack_seq;
    } rows[] = {
        {"SYN", syn, 0, rst | ack, 0, 1001},
        {"SYN with data (fast open)", syn, 100, rst | ack, 0, 1101},
        {"a connection that nobody remembers", ack | push, 40, rst, 9000, 0},
        {"its end", ack | fin, 0, rst, 9000, 0},
        {"no flags", 0, 10, rst | ack, 0, 1010},
        {"FIN alone", fin, 0, rst | ack, 0, 1001},
    };
    for (const auto& row : rows)
        for (const auto& client : of_both_families({.flags = row.flags,
                                  .seq = 1000,
                                  .ack_seq = row.flags & ack ? 9000U : 0U,
                                  .payload = Bytes(row.payload, 'x')})) {
            SCOPED_TRACE(row.name);
            const auto request = build(client);
            const auto outcome = send(request);
            ASSERT_EQ(outcome.verdict, redirect);
            EXPECT_EQ(outcome.reason, "forward_refused");
            EXPECT_EQ(wrong_checksums(outcome.bytes), "");
            EXPECT_EQ(ends(outcome.bytes), ends(build(answer_to(request, 0))));
            const auto at = layout(outcome.bytes);
            EXPECT_EQ(outcome.bytes.size(), at.transport + 20U);
            EXPECT_EQ(at.end, outcome.bytes.size());
            EXPECT_EQ(outcome.bytes[at.transport + 13], row.answer);
            EXPECT_EQ(get32(outcome.bytes, at.transport + 4), row.seq);
            EXPECT_EQ(get32(outcome.bytes, at.transport + 8), row.ack_seq);
            expect_link_turned(outcome.bytes, request);
        }
}

TEST_F(RejectTest, SaysPortUnreachableAboutTheDatagram) {
    for (const std::size_t size : {0, 1, 13, 100, 1400})
        for (const auto& client : of_both_families({.protocol = IPPROTO_UDP, .flags = 0, .payload = Bytes(size, 'y')})) {
            SCOPED_TRACE(size);
            const auto request = build(client);
            const auto outcome = send(request);
            ASSERT_EQ(outcome.verdict, redirect);
            EXPECT_EQ(outcome.reason, "forward_refused");
            const auto at = layout(outcome.bytes);
            EXPECT_EQ(at.protocol, client.is_v6() ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP});
            EXPECT_EQ(outcome.bytes[at.transport], client.is_v6() ? 1 : 3);
            EXPECT_EQ(outcome.bytes[at.transport + 1], client.is_v6() ? 4 : 3);
            EXPECT_EQ(wrong_checksums(outcome.bytes), "");
            EXPECT_EQ(ends(outcome.bytes), client.destination + " > " + client.source);
            const auto carried = outcome.bytes.size() - at.transport - 8;
            EXPECT_EQ(carried, std::min<std::size_t>(128, request.size() - ethernet));
            EXPECT_TRUE(std::equal(outcome.bytes.begin() + static_cast<std::ptrdiff_t>(at.transport) + 8, outcome.bytes.end(),
                                   request.begin() + ethernet));
            expect_link_turned(outcome.bytes, request);
        }
}

TEST_F(RejectTest, CarriesHeadersWithOptions) {
    auto extended = v6({.protocol = IPPROTO_UDP, .flags = 0});
    extended.extensions = {{0, Bytes(8, 0)}, {60, Bytes(8, 0)}};
    for (const auto& client : {Description{.protocol = IPPROTO_UDP, .flags = 0, .options = Bytes(12, 1)}, extended}) {
        const auto outcome = send(build(client));
        EXPECT_EQ(outcome.reason, "forward_refused");
        EXPECT_EQ(wrong_checksums(outcome.bytes), "");
    }
    EXPECT_EQ(send(build({.options = Bytes(8, 1)})).reason, "forward_no_backend") << "TCP's header would have to move";
}

TEST_F(RejectTest, DropsWhatMustNotBeAnswered) {
    const auto expect_silence = [](const Bytes& bytes, const char* why) {
        const auto outcome = send(bytes);
        EXPECT_EQ(outcome.verdict, drop) << why;
        EXPECT_EQ(outcome.reason, "forward_no_backend") << why;
    };
    expect_silence(build({.flags = rst}), "a reset");
    expect_silence(build({.flags = rst | ack}), "a reset");
    auto another = build({});
    another[5] = 7;
    expect_silence(another, "a frame for another host");
    auto broadcast = build({});
    std::fill_n(broadcast.begin(), 6, std::uint8_t{0xff});
    expect_silence(broadcast, "a frame for all");
    for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"})
        expect_silence(build({.source = source}), source);
    for (const char* source : {"::", "::1", "ff02::1"}) {
        auto client = v6();
        client.source = source;
        expect_silence(build(client), source);
    }
    configure(false);
    expect_silence(build({}), "configured so");
}

TEST_F(RejectTest, SaysSoAThousandTimesASecondOnEachCpuAndNoMore) {
    using namespace std::chrono;
    const auto request = build({});
    const auto before = lab().count("forward_refused");
    const auto began = steady_clock::now();
    std::uint64_t silent = 0;
    for (int i = 0; i < 2000; ++i) silent += send(request).verdict == drop ? 1U : 0U;
    const auto took = duration_cast<milliseconds>(steady_clock::now() - began).count();
    const auto refused = lab().count("forward_refused") - before;
    const auto cpus = static_cast<std::uint64_t>(::libbpf_num_possible_cpus());
    EXPECT_EQ(refused + silent, 2000U);
    EXPECT_GE(refused, 50U);
    EXPECT_LE(refused, cpus * (50 + static_cast<std::uint64_t>(took) + 1));
}

TEST_F(RejectTest, LeavesNoTrack) {
    send(build({}));
    EXPECT_TRUE(lab().tracks("md_opening").empty());
    EXPECT_TRUE(lab().tracks().empty());
}

}  // namespace
}  // namespace meshd::packet
