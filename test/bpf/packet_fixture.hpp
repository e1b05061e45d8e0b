// SPDX-License-Identifier: Apache-2.0
// One laboratory for all tests of a process, empty again before each.
#pragma once

#include <gtest/gtest.h>

#include "bpf/packet_lab.hpp"

namespace meshd::packet {

class PacketTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        if (::geteuid() != 0 || lab_) return;
        enter_own_network();
        lab_ = std::make_unique<Lab>(MESHD_TC_OBJECT);
    }

    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        lab_->reset();
    }

    static Lab& lab() { return *lab_; }

    // A packet on its way through this node, coming in by one device and leaving by another.
    struct Passage {
        Outcome in, out;
    };
    static Passage pass(const Bytes& bytes, std::uint32_t from, std::uint32_t to) {
        Passage passage;
        passage.in = lab().incoming(bytes, from);
        EXPECT_EQ(passage.in.verdict, next) << passage.in.reason;
        EXPECT_EQ(wrong_checksums(passage.in.bytes), "") << passage.in.reason;
        passage.out = lab().leaving(passage.in.bytes, to, from);
        EXPECT_EQ(passage.out.verdict, next) << passage.out.reason;
        EXPECT_EQ(wrong_checksums(passage.out.bytes), "") << passage.out.reason;
        return passage;
    }
    static Bytes to_backend(const Description& what) { return pass(build(what), lab().clients(), lab().backends()).out.bytes; }
    static Bytes to_client(const Bytes& bytes) { return pass(bytes, lab().backends(), lab().clients()).out.bytes; }

    // What the receiver of a packet answers with.
    static Description answer_to(const Bytes& bytes, std::uint8_t flags, std::uint32_t seq = 7000, Bytes payload = {}) {
        const auto at = layout(bytes);
        Description answer;
        const auto addresses = at.network + (at.is_v6 ? 8U : 12U);
        answer.destination = text(bytes, addresses, at.is_v6);
        answer.source = text(bytes, addresses + (at.is_v6 ? 16U : 4U), at.is_v6);
        answer.source_port = static_cast<std::uint16_t>(get16(bytes, at.transport + 2));
        answer.destination_port = static_cast<std::uint16_t>(get16(bytes, at.transport));
        answer.protocol = at.protocol;
        answer.flags = flags;
        answer.seq = seq;
        answer.payload = std::move(payload);
        if (at.protocol == IPPROTO_TCP) answer.ack_seq = get32(bytes, at.transport + 4) + 1;
        return answer;
    }

    // SYN, SYN-ACK, ACK. What the backend was sent first.
    static Bytes open(Description what) {
        what.flags = syn;
        const auto request = to_backend(what);
        to_client(build(answer_to(request, syn | ack)));
        what.flags = ack;
        ++what.seq;
        what.ack_seq = 7001;
        to_backend(what);
        return request;
    }

    static std::optional<md_track> request_track(const Description& what, const char* map = "md_tracks") {
        md_track_key key{};
        key.source = address(what.source);
        key.destination = address(what.destination);
        key.source_port = htons(what.source_port);
        key.destination_port = htons(what.destination_port);
        key.protocol = what.protocol;
        return lab().get<md_track>(map, key);
    }

private:
    static inline std::unique_ptr<Lab> lab_;
};

inline Description v6(Description what = {}) {
    what.source = "2001:db8::10";
    what.destination = "fd00:96::1";
    return what;
}

inline Service service_v6() {
    Service service;
    service.id = 2;
    service.address = "fd00:96::1";
    service.backends = {{21, "fd01::11", 8080}};
    return service;
}

}  // namespace meshd::packet
