// SPDX-License-Identifier: Apache-2.0
// Packets as bytes: built from a description, read back into one, and their checksums computed anew.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "meshd/abi.h"

namespace meshd::packet {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t fin = 1, syn = 2, rst = 4, push = 8, ack = 16;
inline constexpr std::size_t ethernet = 14;

struct Description {
    std::string source = "192.0.2.10";
    std::string destination = "10.96.0.1";
    std::uint16_t source_port = 40000;
    std::uint16_t destination_port = 80;
    std::uint8_t protocol = IPPROTO_TCP;
    std::uint8_t flags = syn;
    std::uint32_t seq = 1000;
    std::uint32_t ack_seq = 0;
    Bytes payload{};
    Bytes options{};                                           // of IPv4, a multiple of 4
    std::vector<std::pair<std::uint8_t, Bytes>> extensions{};  // of IPv6: type and all bytes; the first becomes the next type
    std::uint16_t fragment = 0;                                // flags and offset of IPv4
    std::uint8_t hops = 64;
    bool has_checksum = true;  // UDP over IPv4 may go without
    int vlan = -1;             // a tag inside the frame

    [[nodiscard]] bool is_v6() const { return source.find(':') != std::string::npos; }
};

inline md_address address(const std::string& text) {
    md_address value{};
    if (text.find(':') != std::string::npos) {
        if (::inet_pton(AF_INET6, text.c_str(), value.bytes) != 1) throw std::invalid_argument(text);
    } else {
        value.bytes[10] = value.bytes[11] = 0xff;
        if (::inet_pton(AF_INET, text.c_str(), value.bytes + 12) != 1) throw std::invalid_argument(text);
    }
    return value;
}

inline void put16(Bytes& bytes, std::size_t at, std::uint32_t value) {
    bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
    bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

inline void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
    put16(bytes, at, value >> 16);
    put16(bytes, at + 2, value);
}

inline std::uint32_t get16(const Bytes& bytes, std::size_t at) {
    return static_cast<std::uint32_t>(bytes.at(at)) << 8 | bytes.at(at + 1);
}

inline std::uint32_t get32(const Bytes& bytes, std::size_t at) { return get16(bytes, at) << 16 | get16(bytes, at + 2); }

inline void append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

// RFC 1071, two bytes at a time, as it is written there.
inline std::uint32_t sum(const Bytes& bytes, std::size_t from, std::size_t to) {
    std::uint64_t total = 0;
    for (; from + 1 < to; from += 2) total += get16(bytes, from);
    if (from < to) total += static_cast<std::uint32_t>(bytes.at(from)) << 8;
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return static_cast<std::uint32_t>(total);
}

inline std::uint16_t folded(std::uint64_t total) {
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return static_cast<std::uint16_t>(~total);
}

// Where things are in a packet; transport 0: none that is known.
struct Layout {
    std::size_t network = ethernet, transport = 0, end = 0, checksum = 0;
    std::uint8_t protocol = 0;
    bool is_v6 = false;
};

inline Layout layout(const Bytes& bytes, std::size_t network = ethernet) {
    Layout found;
    found.network = network;
    found.is_v6 = bytes.at(network) >> 4 == 6;
    if (found.is_v6) {
        found.end = network + 40 + get16(bytes, network + 4);
        found.transport = network + 40;
        found.protocol = bytes.at(network + 6);
        while (found.protocol == 0 || found.protocol == 43 || found.protocol == 60 || found.protocol == 44) {
            const auto length = found.protocol == 44 ? 8U : 8U + bytes.at(found.transport + 1) * 8U;
            found.protocol = bytes.at(found.transport);
            found.transport += length;
        }
    } else {
        found.end = network + get16(bytes, network + 2);
        found.transport = network + (bytes.at(network) & 15U) * 4U;
        found.protocol = bytes.at(network + 9);
    }
    switch (found.protocol) {
        case IPPROTO_TCP:
            found.checksum = found.transport + 16;
            break;
        case IPPROTO_UDP:
            found.checksum = found.transport + 6;
            break;
        default:
            found.checksum = found.transport + 2;
    }
    return found;
}

inline std::uint16_t transport_checksum(const Bytes& bytes, const Layout& at) {
    std::uint64_t total = 0;
    if (at.protocol != IPPROTO_ICMP) {
        const auto addresses = at.network + (at.is_v6 ? 8U : 12U);
        total += sum(bytes, addresses, addresses + (at.is_v6 ? 32U : 8U));
        total += at.protocol + at.end - at.transport;
    }
    total += sum(bytes, at.transport, at.checksum) + sum(bytes, at.checksum + 2, at.end);
    const auto value = folded(total);
    return at.protocol == IPPROTO_UDP && value == 0 ? 0xffff : value;
}

inline void write_checksums(Bytes& bytes, const Layout& at, bool has_checksum = true) {
    if (!at.is_v6) {
        put16(bytes, at.network + 10, 0);
        put16(bytes, at.network + 10, folded(sum(bytes, at.network, at.transport)));
    }
    put16(bytes, at.checksum, has_checksum ? transport_checksum(bytes, at) : 0U);
}

// Empty: all is right; else what is not.
inline std::string wrong_checksums(const Bytes& bytes, std::size_t network = ethernet) {
    const auto at = layout(bytes, network);
    std::string wrong;
    if (!at.is_v6 && folded(sum(bytes, at.network, at.transport)) != 0) wrong += " IP header";
    if (at.end > bytes.size()) return wrong;  // cut, as packets inside ICMP errors are
    const auto found = get16(bytes, at.checksum);
    if (at.protocol == IPPROTO_UDP && found == 0 && !at.is_v6) return wrong;
    if (found != transport_checksum(bytes, at)) wrong += " protocol " + std::to_string(at.protocol);
    return wrong;
}

inline Bytes build(const Description& what) {
    Bytes bytes(ethernet, 0);
    for (std::size_t i = 0; i < 12; ++i) bytes[i] = static_cast<std::uint8_t>(i < 6 ? 2 : 4);
    if (what.vlan >= 0) {
        bytes.resize(ethernet + 4);
        put16(bytes, 12, 0x8100);
        put16(bytes, 14, static_cast<std::uint32_t>(what.vlan));
    }
    put16(bytes, bytes.size() - 2, what.is_v6() ? 0x86ddU : 0x0800U);
    const auto network = bytes.size();
    const auto source = address(what.source);
    const auto destination = address(what.destination);
    Bytes transport(what.protocol == IPPROTO_TCP ? 20U : 8U, 0);
    const auto length = transport.size() + what.payload.size();
    if (what.protocol == IPPROTO_TCP || what.protocol == IPPROTO_UDP) {
        put16(transport, 0, what.source_port);
        put16(transport, 2, what.destination_port);
    }
    if (what.protocol == IPPROTO_TCP) {
        put32(transport, 4, what.seq);
        put32(transport, 8, what.ack_seq);
        transport[12] = 5 << 4;
        transport[13] = what.flags;
        put16(transport, 14, 64000);
    } else if (what.protocol == IPPROTO_UDP) {
        put16(transport, 4, static_cast<std::uint32_t>(length));
    }
    if (what.is_v6()) {
        Bytes header(40, 0);
        Bytes extensions;
        header[0] = 6 << 4;
        header[6] = what.extensions.empty() ? what.protocol : what.extensions.front().first;
        for (std::size_t i = 0; i < what.extensions.size(); ++i) {
            auto extension = what.extensions[i].second;
            extension.at(0) = i + 1 < what.extensions.size() ? what.extensions[i + 1].first : what.protocol;
            append(extensions, extension);
        }
        put16(header, 4, static_cast<std::uint32_t>(extensions.size() + length));
        header[7] = what.hops;
        std::memcpy(&header[8], source.bytes, 16);
        std::memcpy(&header[24], destination.bytes, 16);
        append(bytes, header);
        append(bytes, extensions);
    } else {
        Bytes header(20, 0);
        append(header, what.options);
        header[0] = static_cast<std::uint8_t>(4 << 4 | header.size() / 4);
        put16(header, 2, static_cast<std::uint32_t>(header.size() + length));
        put16(header, 6, what.fragment);
        header[8] = what.hops;
        header[9] = what.protocol;
        std::memcpy(&header[12], source.bytes + 12, 4);
        std::memcpy(&header[16], destination.bytes + 12, 4);
        append(bytes, header);
    }
    const auto at = bytes.size();
    append(bytes, transport);
    append(bytes, what.payload);
    if (what.protocol == IPPROTO_TCP || what.protocol == IPPROTO_UDP) {
        auto where = layout(bytes, network);
        where.transport = at;
        write_checksums(bytes, where, what.has_checksum);
    }
    return bytes;
}

// An ICMP error from `source` to the sender of `inside`, a frame, of which it carries at most `carried` bytes of the IP packet.
inline Bytes icmp_error(const std::string& source, const Bytes& inside, std::uint8_t type, std::uint8_t code, std::uint32_t rest,
                        std::size_t carried = 128) {
    const auto inner = layout(inside);
    Bytes body(8, 0);
    body[0] = type;
    body[1] = code;
    put32(body, 4, rest);
    body.insert(body.end(), inside.begin() + ethernet,
                inside.begin() + static_cast<std::ptrdiff_t>(std::min(inside.size(), ethernet + carried)));
    Bytes bytes(inside.begin(), inside.begin() + ethernet);
    const auto from = address(source);
    if (inner.is_v6) {
        Bytes header(40, 0);
        header[0] = 6 << 4;
        put16(header, 4, static_cast<std::uint32_t>(body.size()));
        header[6] = IPPROTO_ICMPV6;
        header[7] = 64;
        std::memcpy(&header[8], from.bytes, 16);
        std::memcpy(&header[24], &inside[ethernet + 8], 16);
        append(bytes, header);
    } else {
        Bytes header(20, 0);
        header[0] = 0x45;
        put16(header, 2, static_cast<std::uint32_t>(header.size() + body.size()));
        header[8] = 64;
        header[9] = IPPROTO_ICMP;
        std::memcpy(&header[12], from.bytes + 12, 4);
        std::memcpy(&header[16], &inside[ethernet + 12], 4);
        append(bytes, header);
    }
    append(bytes, body);
    write_checksums(bytes, layout(bytes));
    return bytes;
}

inline std::string text(const Bytes& bytes, std::size_t at, bool is_v6) {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    return ::inet_ntop(is_v6 ? AF_INET6 : AF_INET, &bytes.at(at), buffer.data(), buffer.size());
}

// "192.0.2.10:40000 > 10.96.0.1:80"
inline std::string ends(const Bytes& bytes, std::size_t network = ethernet) {
    const auto at = layout(bytes, network);
    const auto addresses = at.network + (at.is_v6 ? 8U : 12U);
    const auto end = [&](std::size_t where, std::size_t port) {
        const auto address = text(bytes, where, at.is_v6);
        if (at.protocol != IPPROTO_TCP && at.protocol != IPPROTO_UDP) return address;
        return (at.is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(get16(bytes, port));
    };
    return end(addresses, at.transport) + " > " + end(addresses + (at.is_v6 ? 16U : 4U), at.transport + 2);
}

}  // namespace meshd::packet
