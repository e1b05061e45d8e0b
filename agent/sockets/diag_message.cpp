// SPDX-License-Identifier: Apache-2.0
#include "sockets/diag_message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

namespace meshd::sockets {

namespace {

using Bytes = std::span<const std::byte>;

template <typename T>
std::optional<T> read_as(Bytes bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

std::size_t aligned(std::size_t length) { return NLMSG_ALIGN(length); }
Bytes skip(Bytes bytes, std::size_t length) { return bytes.subspan(std::min(length, bytes.size())); }

// Attributes one after the other, each with its length before it. Stops at the first that does not fit.
void for_each_attribute(Bytes bytes, const std::function<void(unsigned type, Bytes content)>& visit) {
    while (const auto head = read_as<nlattr>(bytes)) {
        if (head->nla_len < sizeof(nlattr) || head->nla_len > bytes.size()) return;
        visit(head->nla_type & static_cast<unsigned>(NLA_TYPE_MASK), bytes.subspan(NLA_HDRLEN, head->nla_len - NLA_HDRLEN));
        bytes = skip(bytes, aligned(head->nla_len));
    }
}

// INET_DIAG_SK_BPF_STORAGES holds a SK_DIAG_BPF_STORAGE for each map that was asked for: here one.
std::optional<md_sock_peer> read_storages(Bytes storages) {
    std::optional<md_sock_peer> peer;
    for_each_attribute(storages, [&](unsigned storage, Bytes parts) {
        if (storage != SK_DIAG_BPF_STORAGE) return;
        for_each_attribute(parts, [&](unsigned part, Bytes value) {
            if (part == SK_DIAG_BPF_STORAGE_MAP_VALUE && value.size() == sizeof(md_sock_peer))
                peer = read_as<md_sock_peer>(value);
        });
    });
    return peer;
}

std::optional<DiagSocket> read_socket(Bytes payload) {
    const auto message = read_as<inet_diag_msg>(payload);
    if (!message || (message->idiag_family != AF_INET && message->idiag_family != AF_INET6)) return std::nullopt;
    DiagSocket socket{message->idiag_family, message->id, message->idiag_inode, std::nullopt, 0};
    for_each_attribute(skip(payload, aligned(sizeof(inet_diag_msg))), [&](unsigned type, Bytes content) {
        if (type == INET_DIAG_SK_BPF_STORAGES) socket.peer = read_storages(content);
        // With cgroup v2 the class is the priority: net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill().
        if (type == INET_DIAG_CLASS_ID) socket.priority = read_as<std::uint32_t>(content).value_or(0);
    });
    return socket;
}

template <typename T>
void append(std::vector<std::byte>& bytes, const T& value) {
    const auto at = bytes.size();
    bytes.resize(at + aligned(sizeof value));
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

std::vector<std::byte> begin(std::uint16_t type, std::uint16_t flags, const inet_diag_req_v2& request) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    std::vector<std::byte> bytes;
    append(bytes, header);
    append(bytes, request);
    return bytes;
}

std::vector<std::byte> end(std::vector<std::byte> bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    return bytes;
}

}  // namespace

std::uint64_t cookie_of(const inet_diag_sockid& id) { return std::uint64_t{id.idiag_cookie[1]} << 32 | id.idiag_cookie[0]; }

md_endpoint DiagSocket::destination(std::uint8_t protocol) const {
    md_endpoint endpoint{};
    endpoint.port = id.idiag_dport;
    endpoint.protocol = protocol;
    if (family == AF_INET6) {
        std::memcpy(endpoint.address.bytes, id.idiag_dst, sizeof endpoint.address.bytes);
    } else {
        endpoint.address.bytes[10] = endpoint.address.bytes[11] = 0xff;
        std::memcpy(endpoint.address.bytes + 12, id.idiag_dst, 4);
    }
    return endpoint;
}

std::vector<std::byte> list_request(std::uint8_t family, std::uint8_t protocol, std::uint32_t states,
                                    std::optional<int> storage_fd) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = protocol;
    request.idiag_states = states;
    request.idiag_ext = 1U << (INET_DIAG_TCLASS - 1U);  // INET_DIAG_CLASS_ID has no bit of its own, and comes along
    auto bytes = begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request);
    if (storage_fd) {
        append(bytes, nlattr{2 * NLA_HDRLEN + sizeof(std::uint32_t), INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED});
        append(bytes, nlattr{NLA_HDRLEN + sizeof(std::uint32_t), SK_DIAG_BPF_STORAGE_REQ_MAP_FD});
        append(bytes, static_cast<std::uint32_t>(*storage_fd));
    }
    return end(std::move(bytes));
}

std::vector<std::byte> destroy_request(std::uint8_t family, std::uint8_t protocol, const inet_diag_sockid& id) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = protocol;
    request.idiag_states = ~0U;
    request.id = id;
    return end(begin(SOCK_DESTROY, NLM_F_ACK, request));
}

Answered read_answer(std::span<const std::byte> datagram, const std::function<void(const DiagSocket&)>& visit) {
    while (const auto header = read_as<nlmsghdr>(datagram)) {
        if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) return {true, EBADMSG};
        const auto payload = datagram.subspan(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN);
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
            // Both begin with a negative errno, or 0; an old kernel's end of a list may have nothing.
            const auto code = read_as<std::int32_t>(payload).value_or(header->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG);
            return {true, code >= 0 ? 0 : code == INT32_MIN ? EBADMSG : -code};
        }
        if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
            if (const auto socket = read_socket(payload)) visit(*socket);
        datagram = skip(datagram, aligned(header->nlmsg_len));
    }
    return {};
}

}  // namespace meshd::sockets
