# SPDX-License-Identifier: Apache-2.0
"""Frames of Ethernet as bytes, right and wrong ones."""

import socket
import struct

IPV4, IPV6, VLAN = 0x0800, 0x86dd, 0x8100
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
SYN = 2
FRAGMENT = 44


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def udp(source, destination, ports, payload):
    header = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
    pseudo = packed(source) + packed(destination) + struct.pack("!IHH", 8 + len(payload), 0, UDP)
    return header[:6] + struct.pack("!H", checksum(pseudo + header + payload) or 0xffff) + payload


def tcp(source, destination, ports, flags=SYN, payload=b""):
    header = struct.pack("!HHIIBBHHH", *ports, 1000, 0, 5 << 4, flags, 65535, 0, 0)
    pseudo = packed(source) + packed(destination) + struct.pack("!IHH", len(header) + len(payload), 0, TCP)
    return header[:16] + struct.pack("!H", checksum(pseudo + header + payload)) + header[18:] + payload


def ipv4(source, destination, protocol, payload, number=0, place=0, options=b""):
    """`place`: the flags and the offset of a fragment."""
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), number, place, 64, protocol, 0)
    header += packed(source) + packed(destination) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, following, payload):
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + packed(source) + packed(destination) + payload


def extended(headers, protocol, payload):
    """Payload behind extension headers, given as (type, the bytes behind the first); the type of the first, and all bytes."""
    for kind, rest in reversed(headers):
        payload, protocol = bytes([protocol]) + rest + payload, kind
    return protocol, payload


def fragment_header(offset, more, number):
    """What stands behind the type of the next header. `offset` in bytes."""
    return struct.pack("!BHI", 0, offset | more, number)


def cut(payload, sizes):
    """(offset, whether more follow, bytes) of each part; all sizes but the last are multiples of eight."""
    parts, offset = [], 0
    for size in sizes:
        parts.append((offset, payload[offset:offset + size]))
        offset += size
    parts.append((offset, payload[offset:]))
    return [(at, number + 1 < len(parts), part) for number, (at, part) in enumerate(parts)]


def fragments4(source, destination, protocol, payload, number, sizes):
    return [ipv4(source, destination, protocol, part, number, at // 8 | (0x2000 if more else 0)) for at, more, part in cut(payload, sizes)]


def fragments6(source, destination, protocol, payload, number, sizes):
    return [ipv6(source, destination, FRAGMENT, bytes([protocol]) + fragment_header(at, more, number) + part)
            for at, more, part in cut(payload, sizes)]


def ethernet(destination, source, packet, tags=()):
    """`tags`: VLAN ids, the outermost first."""
    kind = IPV4 if packet[:1] and packet[0] >> 4 == 4 else IPV6
    inside = b"".join(struct.pack("!HH", VLAN, tag) for tag in tags)
    return destination + source + inside + struct.pack("!H", kind) + packet
