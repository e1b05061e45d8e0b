// SPDX-License-Identifier: Apache-2.0
// ICMP errors about forwarded connections reach who can act on them, about the packet that they have sent.
#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

class IcmpTest : public PacketTest {
protected:
    static constexpr std::size_t inner_v4 = ethernet + 20 + 8, inner_v6 = ethernet + 40 + 8;

    static void serve(std::uint8_t protocol) {
        for (auto service : {Service{}, service_v6()}) {
            service.protocol = protocol;
            lab().serve(service);
        }
    }

    struct Kind {
        std::uint8_t type, code;
        std::uint32_t rest;
    };
    static std::vector<Kind> kinds(bool is_v6) {
        if (is_v6) return {{1, 4, 0}, {2, 0, 1280}, {3, 0, 0}, {4, 0, 40}};
        return {{3, 3, 0}, {3, 4, 1400}, {11, 0, 0}, {12, 0, 0}};
    }

    // "outer ends | inner ends", after both devices.
    static std::string through(const Bytes& error, std::uint32_t from, std::uint32_t to) {
        const auto passage = pass(error, from, to);
        const bool is_v6 = layout(error).is_v6;
        const auto inner = is_v6 ? inner_v6 : inner_v4;
        EXPECT_EQ(wrong_checksums(passage.out.bytes, inner), "") << "of the packet inside";
        EXPECT_EQ(passage.out.bytes.size(), error.size());
        return ends(passage.out.bytes) + " | " + ends(passage.out.bytes, inner);
    }
};

TEST_F(IcmpTest, ErrorsAboutRequestsReachTheClient) {
    for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP})
        for (const std::uint8_t masquerade : {MD_MASQUERADE_NEVER, MD_MASQUERADE_ALWAYS}) {
            lab().reset();
            lab().configure(masquerade);
            serve(protocol);
            for (auto client : {Description{}, v6()}) {
                client.protocol = protocol;
                client.payload = Bytes(50, 'p');
                const auto request = build(client);
                const auto sent = to_backend(client);
                const std::string router = client.is_v6() ? "fd01::fe" : "10.1.0.254";
                const std::string own = client.is_v6() ? "fd01::11" : "10.1.0.11";
                for (const auto& kind : kinds(client.is_v6()))
                    for (const std::size_t carried : {std::size_t{client.is_v6() ? 48U : 28U}, std::size_t{400}}) {
                        EXPECT_EQ(through(icmp_error(router, sent, kind.type, kind.code, kind.rest, carried), lab().backends(),
                                          lab().clients()),
                                  router + " > " + client.source + " | " + ends(request));
                        EXPECT_EQ(through(icmp_error(own, sent, kind.type, kind.code, kind.rest, carried), lab().backends(),
                                          lab().clients()),
                                  client.destination + " > " + client.source + " | " + ends(request));
                    }
            }
        }
}

TEST_F(IcmpTest, ErrorsAboutAnswersReachTheBackend) {
    for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP})
        for (const std::uint8_t masquerade : {MD_MASQUERADE_NEVER, MD_MASQUERADE_ALWAYS}) {
            lab().reset();
            lab().configure(masquerade);
            serve(protocol);
            for (auto client : {Description{}, v6()}) {
                client.protocol = protocol;
                const auto sent = to_backend(client);
                const auto answer = build(answer_to(sent, ack, 7001, Bytes(80, 'a')));
                const auto seen = to_client(answer);
                const std::string router = client.is_v6() ? "2001:db8::fe" : "192.0.2.254";
                const auto backend = client.is_v6() ? "fd01::11" : "10.1.0.11";
                for (const auto& kind : kinds(client.is_v6()))
                    EXPECT_EQ(
                        through(icmp_error(router, seen, kind.type, kind.code, kind.rest), lab().clients(), lab().backends()),
                        router + " > " + backend + " | " + ends(answer));
                const auto refused = through(icmp_error(client.source, seen, kinds(client.is_v6())[0].type, 3, 0),
                                             lab().clients(), lab().backends());
                EXPECT_EQ(refused.substr(0, refused.find(" >")), masquerade == MD_MASQUERADE_NEVER ? client.source
                                                                 : client.is_v6()                  ? "fd01::1"
                                                                                                   : "10.1.0.1");
            }
        }
}

// The stack of this node itself finds the packet too large for the device that leads to the backend.
TEST_F(IcmpTest, ErrorsOfThisNodeAreAboutThePacketThatTheClientSent) {
    serve(IPPROTO_TCP);
    const Description client;
    const auto request = build(client);
    const auto routed = lab().incoming(request, lab().clients());
    const auto error = icmp_error("192.0.2.1", routed.bytes, 3, 4, 1400);
    const auto out = lab().leaving(error, lab().clients());
    EXPECT_EQ(out.reason, "forward_icmp");
    EXPECT_EQ(wrong_checksums(out.bytes), "");
    EXPECT_EQ(ends(out.bytes) + " | " + ends(out.bytes, inner_v4), "192.0.2.1 > 192.0.2.10 | " + ends(request));
}

TEST_F(IcmpTest, ErrorsForADirectServiceGoToItsBackend) {
    lab().serve({.backends = {{11, "10.1.0.11", 80}}, .forward = MD_FORWARD_DSR});
    const Description client;
    lab().incoming(build(client), lab().clients());
    const auto answer = build(answer_to(build(client), ack));
    const auto error = lab().incoming(icmp_error("192.0.2.254", answer, 3, 4, 1400), lab().clients());
    EXPECT_EQ(error.verdict, redirect);
    EXPECT_EQ(error.reason, "forward_dsr");
    EXPECT_EQ(wrong_checksums(error.bytes), "");
}

TEST_F(IcmpTest, OtherErrorsAndEchoesPassUntouched) {
    serve(IPPROTO_TCP);
    to_backend({});
    const auto stranger = icmp_error("10.1.0.254", build({.source_port = 41000, .destination_port = 81}), 3, 3, 0);
    auto echo = icmp_error("10.1.0.254", build({}), 8, 0, 0);
    for (const auto& bytes : {stranger, echo}) {
        const auto outcome = lab().incoming(bytes, lab().backends());
        EXPECT_EQ(outcome.verdict, next);
        EXPECT_EQ(outcome.reason, "packet_not_ours");
        EXPECT_EQ(outcome.bytes, bytes);
    }
}

}  // namespace
}  // namespace meshd::packet
