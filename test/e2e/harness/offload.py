# SPDX-License-Identifier: Apache-2.0
"""Who completes checksums: a switch of devices, and what receivers have found wrong."""

import ctypes
import fcntl
import socket
import struct

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17


def switch(host, device, command, on):
    """What ethtool does with `-K`."""
    value = ctypes.create_string_buffer(struct.pack("II", command, on))
    with host.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", device.encode(), ctypes.addressof(value)))


def wrong_checksums(host):
    """What a host's stack has thrown away for a wrong checksum."""
    text = host.run("cat", "/proc/net/snmp").stdout
    rows = [line.split() for line in text.splitlines()]
    counted = {name[0] + key: int(value) for name, values in zip(rows[::2], rows[1::2]) for key, value in zip(name[1:], values[1:])}
    six = dict(line.split() for line in host.run("cat", "/proc/net/snmp6").stdout.splitlines())
    return sum(counted[name] for name in ("Tcp:InCsumErrors", "Udp:InCsumErrors", "Icmp:InCsumErrors")) + \
        int(six["Udp6InCsumErrors"]) + int(six["Icmp6InCsumErrors"])
