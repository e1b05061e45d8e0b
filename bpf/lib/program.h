/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every .bpf.c includes first: kernel types, helpers, the contract, the maps. */
#ifndef MESHD_LIB_PROGRAM_H
#define MESHD_LIB_PROGRAM_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "meshd/abi.h"
#include "maps.bpf.h"

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

#define MD_SECOND_NS 1000000000ULL

/* errno values, which vmlinux.h does not carry (include/uapi/asm-generic/errno.h). */
#define EPERM        1
#define EEXIST       17
#define ECONNABORTED 103
#define ECONNRESET   104
#define ETIMEDOUT    110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113

/* Address families (include/linux/socket.h). */
#define AF_INET 2

/* Verdicts of cgroup hooks on addresses. */
#define MD_ALLOW  1
#define MD_REFUSE 0

/* Verdicts at a device: as the next program there, or the stack, decides; and TC_ACT_SHOT. */
#define MD_NEXT (-1)
#define MD_DROP 2

/* Last in a function that returns nothing: the verifier refuses one that leaves a pointer to the stack in r0. */
#define MD_RETURN_NOTHING() asm volatile("r0 = 0" : : : "r0")

#endif
