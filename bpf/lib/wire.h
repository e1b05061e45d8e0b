/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers that stand in packets. */
#ifndef MESHD_LIB_WIRE_H
#define MESHD_LIB_WIRE_H

/* include/uapi/linux/if_ether.h, in.h, ipv6.h, icmp.h, icmpv6.h: vmlinux.h carries no macros. */
#define MD_ETH_IPV4          0x0800
#define MD_ETH_IPV6          0x86dd
#define MD_ETH_VLAN          0x8100
#define MD_ETH_SERVICE_VLAN  0x88a8
#define MD_VLAN_ID           0x0fff
#define MD_IPV4_FRAGMENT     0x3fff /* "more fragments" and the offset */
#define MD_IPV4_OFFSET       0x1fff
#define MD_IPV6_FRAGMENT     0xfff9
#define MD_IPV6_OFFSET       0xfff8
#define MD_NEXT_HOP_BY_HOP   0
#define MD_NEXT_ROUTING      43
#define MD_NEXT_FRAGMENT     44
#define MD_NEXT_DESTINATION  60
#define MD_NEXT_ICMPV6       58
#define MD_ICMP_UNREACHABLE  3
#define MD_ICMP_TIME         11
#define MD_ICMP_PARAMETER    12
#define MD_ICMP6_UNREACHABLE 1
#define MD_ICMP6_PARAMETER   4 /* and between them "packet too big" and "time exceeded" */

/* TCP's flags, as they stand in byte 13 of its header. */
#define MD_TCP_FIN 0x01
#define MD_TCP_SYN 0x02
#define MD_TCP_RST 0x04
#define MD_TCP_ACK 0x10

#endif
