// SPDX-License-Identifier: Apache-2.0
#include "sockets/diag_message.hpp"

#include <cerrno>
#include <cstring>
#include <random>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "reconcile/encode.hpp"

namespace meshd::sockets {
namespace {

using Bytes = std::vector<std::byte>;

// As the kernel builds an answer: each part padded to four bytes.
void append(Bytes& bytes, const void* data, std::size_t size) {
    const auto at = bytes.size();
    bytes.resize(at + NLMSG_ALIGN(size));
    std::memcpy(bytes.data() + at, data, size);
}

Bytes attribute(unsigned type, const Bytes& content) {
    Bytes bytes;
    const nlattr head{static_cast<__u16>(NLA_HDRLEN + content.size()), static_cast<__u16>(type)};
    append(bytes, &head, sizeof head);
    append(bytes, content.data(), content.size());
    return bytes;
}

template <typename T>
Bytes bytes_of(const T& value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Bytes message(unsigned type, const Bytes& payload) {
    nlmsghdr header{};
    header.nlmsg_type = static_cast<__u16>(type);
    header.nlmsg_len = static_cast<__u32>(NLMSG_HDRLEN + payload.size());
    Bytes bytes;
    append(bytes, &header, sizeof header);
    append(bytes, payload.data(), payload.size());
    return bytes;
}

md_sock_peer remembered() {
    md_sock_peer peer{};
    peer.peer.service_id = 3;
    peer.peer.backend_id = 14;
    return peer;
}

Bytes storages(const Bytes& value, unsigned flags = NLA_F_NESTED) {
    return attribute(INET_DIAG_SK_BPF_STORAGES | flags,
                     attribute(SK_DIAG_BPF_STORAGE | flags, attribute(SK_DIAG_BPF_STORAGE_MAP_ID, bytes_of(std::uint32_t{9})) +
                                                                attribute(SK_DIAG_BPF_STORAGE_PAD, {}) +
                                                                attribute(SK_DIAG_BPF_STORAGE_MAP_VALUE, value)));
}

inet_diag_msg v4() {
    inet_diag_msg socket{};
    socket.idiag_family = AF_INET;
    socket.idiag_inode = 77;
    socket.id.idiag_dport = htons(8080);
    socket.id.idiag_dst[0] = inet_addr("10.0.0.1");
    socket.id.idiag_cookie[0] = 5;
    socket.id.idiag_cookie[1] = 1;
    return socket;
}

struct Read {
    std::vector<DiagSocket> sockets;
    Answered answered;
};

Read read(std::span<const std::byte> bytes) {
    Read result;
    result.answered = read_answer(bytes, [&](const DiagSocket& socket) { result.sockets.push_back(socket); });
    return result;
}

TEST(DiagMessage, TellsWhatASocketRemembers) {
    for (const unsigned flags : {0U, static_cast<unsigned>(NLA_F_NESTED)}) {
        const auto other = attribute(INET_DIAG_SHUTDOWN, bytes_of(std::uint8_t{0}));
        const auto all = read(message(SOCK_DIAG_BY_FAMILY, bytes_of(v4()) + other + storages(bytes_of(remembered()), flags)));
        ASSERT_EQ(all.sockets.size(), 1U);
        const auto& socket = all.sockets[0];
        ASSERT_TRUE(socket.peer);
        EXPECT_EQ(socket.peer->peer.backend_id, 14U);
        EXPECT_EQ(socket.inode, 77U);
        EXPECT_EQ(cookie_of(socket.id), (1ULL << 32) + 5);
        EXPECT_EQ(reconcile::text(socket.destination(IPPROTO_TCP)), "10.0.0.1:8080/tcp");
        EXPECT_FALSE(all.answered.ended);
    }
}

TEST(DiagMessage, ReadsBothFamiliesAndMappedAddresses) {
    auto v6 = v4();
    v6.idiag_family = AF_INET6;
    for (const auto& [address, text] :
         {std::pair("fd00::1", "[fd00::1]:8080/udp"), std::pair("::ffff:10.0.0.1", "10.0.0.1:8080/udp")}) {
        ::inet_pton(AF_INET6, address, v6.id.idiag_dst);
        const auto all = read(message(SOCK_DIAG_BY_FAMILY, bytes_of(v6)));
        ASSERT_EQ(all.sockets.size(), 1U);
        EXPECT_FALSE(all.sockets[0].peer);
        EXPECT_EQ(reconcile::text(all.sockets[0].destination(IPPROTO_UDP)), text);
    }
}

TEST(DiagMessage, BelievesNoStorageOfAnotherSize) {
    auto value = bytes_of(remembered());
    for (const auto size : {std::size_t{0}, value.size() - 1, value.size() + 1}) {
        auto other = value;
        other.resize(size);
        const auto all = read(message(SOCK_DIAG_BY_FAMILY, bytes_of(v4()) + storages(other)));
        ASSERT_EQ(all.sockets.size(), 1U);
        EXPECT_FALSE(all.sockets[0].peer) << size;
    }
}

TEST(DiagMessage, EndsWithTheKernelsWord) {
    const auto end = [](unsigned type, const Bytes& payload) { return read(message(type, payload)).answered; };
    EXPECT_TRUE(end(NLMSG_DONE, bytes_of(std::int32_t{0})).ended);
    EXPECT_EQ(end(NLMSG_DONE, bytes_of(std::int32_t{0})).error, 0);
    EXPECT_EQ(end(NLMSG_DONE, {}).error, 0);
    EXPECT_EQ(end(NLMSG_DONE, bytes_of(std::int32_t{-EPERM})).error, EPERM);
    EXPECT_EQ(end(NLMSG_ERROR, bytes_of(std::int32_t{-ENOENT})).error, ENOENT);
    EXPECT_EQ(end(NLMSG_ERROR, {}).error, EBADMSG);
    EXPECT_EQ(end(NLMSG_ERROR, bytes_of(INT32_MIN)).error, EBADMSG);
    const auto both = read(message(SOCK_DIAG_BY_FAMILY, bytes_of(v4())) + message(NLMSG_DONE, bytes_of(std::int32_t{0})));
    EXPECT_EQ(both.sockets.size(), 1U);
    EXPECT_TRUE(both.answered.ended);
}

TEST(DiagMessage, EndsWhereLengthsDoNotFit) {
    const auto whole = message(SOCK_DIAG_BY_FAMILY, bytes_of(v4()) + storages(bytes_of(remembered())));
    for (std::size_t size = sizeof(nlmsghdr); size < whole.size(); ++size)
        EXPECT_EQ(read(std::span(whole).first(size)).answered.error, EBADMSG) << size;
    auto zero = whole;
    std::memset(zero.data(), 0, 4);
    EXPECT_EQ(read(zero).answered.error, EBADMSG);
    EXPECT_TRUE(read(message(SOCK_DIAG_BY_FAMILY, {})).sockets.empty());
}

// Whatever comes, reading it ends and touches nothing else: under AddressSanitizer this is a proof, the fuzzer goes further.
TEST(DiagMessage, SurvivesBytesThatWereChanged) {
    const auto whole = message(SOCK_DIAG_BY_FAMILY, bytes_of(v4()) + storages(bytes_of(remembered()))) +
                       message(NLMSG_DONE, bytes_of(std::int32_t{0}));
    std::mt19937 random(1);
    for (int round = 0; round < 20000; ++round) {
        auto bytes = whole;
        for (int change = 0; change < 3; ++change) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        bytes.resize(random() % (bytes.size() + 1));
        bytes.shrink_to_fit();
        for (const auto& socket : read(bytes).sockets) EXPECT_TRUE(socket.family == AF_INET || socket.family == AF_INET6);
    }
}

TEST(DiagMessage, ReadsThePriority) {
    const nlattr head{NLA_HDRLEN + sizeof(std::uint32_t), INET_DIAG_CLASS_ID};
    const auto told = message(SOCK_DIAG_BY_FAMILY, bytes_of(v4()) + bytes_of(head) + bytes_of(std::uint32_t{6}));
    ASSERT_EQ(read(told).sockets.size(), 1U);
    EXPECT_EQ(read(told).sockets[0].priority, 6U);
    EXPECT_EQ(read(message(SOCK_DIAG_BY_FAMILY, bytes_of(v4()))).sockets[0].priority, 0U);
}

TEST(DiagMessage, AsksForTheStorageOfOneMap) {
    const auto plain = list_request(AF_INET, IPPROTO_TCP, 2, std::nullopt);
    const auto with = list_request(AF_INET, IPPROTO_TCP, 2, 11);
    EXPECT_EQ(plain.size(), sizeof(nlmsghdr) + sizeof(inet_diag_req_v2));
    ASSERT_EQ(with.size(), plain.size() + 12);
    nlmsghdr header{};
    std::memcpy(&header, with.data(), sizeof header);
    EXPECT_EQ(header.nlmsg_len, with.size());
    EXPECT_EQ(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
    std::uint32_t fd = 0;
    std::memcpy(&fd, with.data() + with.size() - 4, 4);
    EXPECT_EQ(fd, 11U);
}

TEST(DiagMessage, NamesOneSocketByItsCookie) {
    const auto id = v4().id;
    const auto bytes = destroy_request(AF_INET, IPPROTO_TCP, id);
    ASSERT_EQ(bytes.size(), sizeof(nlmsghdr) + sizeof(inet_diag_req_v2));
    inet_diag_req_v2 request{};
    std::memcpy(&request, bytes.data() + sizeof(nlmsghdr), sizeof request);
    EXPECT_EQ(std::memcmp(&request.id, &id, sizeof id), 0);
}

}  // namespace
}  // namespace meshd::sockets
