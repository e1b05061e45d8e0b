// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The maps of the first layout, and programs that do with them what those of then did: connect() to a service is led to the first
 * backend of its table, and getpeername() says the service.
 */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "first.h"

#define FIRST_REASONS 13

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
    __type(key, struct md_endpoint);
    __type(value, struct md_frontend);
} md_frontends SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
    __type(key, __u32);
    __type(value, struct md_service);
} md_services SEC(".maps");

const volatile struct md_slot md_slot_type = {};

struct md_slots_type {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_INNER_MAP | BPF_F_RDONLY_PROG);
    __type(key, __u32);
    __type(value, struct md_slot);
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 64);
    __type(key, __u32);
    __array(values, struct md_slots_type);
} md_tables SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
    __type(key, __u32);
    __type(value, struct md_backend);
} md_backends SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, struct md_cursor);
} md_cursors SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(max_entries, 128);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct md_connects_key);
    __type(value, struct md_connects);
} md_connects SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FIRST_REASONS);
    __type(key, __u32);
    __type(value, __u64);
} md_reasons SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct md_sock_peer);
} md_sock_peer SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct md_sock_udp);
} md_sock_udp SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_RDONLY_PROG);
    __type(key, __u32);
    __type(value, struct md_meta);
} md_meta SEC(".maps");

static __always_inline void read_v4(const struct bpf_sock_addr* ctx, struct md_endpoint* endpoint) {
    __u32 address = ctx->user_ip4;

    __builtin_memset(endpoint, 0, sizeof(*endpoint));
    endpoint->address.bytes[10] = endpoint->address.bytes[11] = 0xff;
    __builtin_memcpy(&endpoint->address.bytes[12], &address, sizeof(address));
    endpoint->port = ctx->user_port;
    endpoint->protocol = ctx->protocol;
}

static __always_inline void write_v4(struct bpf_sock_addr* ctx, const struct md_endpoint* endpoint) {
    __u32 address;

    __builtin_memcpy(&address, &endpoint->address.bytes[12], sizeof(address));
    ctx->user_ip4 = address;
    ctx->user_port = endpoint->port;
}

SEC("cgroup/connect4")
int md_connect4(struct bpf_sock_addr* ctx) {
    struct md_endpoint asked;
    struct md_frontend* frontend;
    struct md_sock_peer* memory;
    struct md_slot* slot;
    __u32 first = 0;
    void* table;

    read_v4(ctx, &asked);
    frontend = bpf_map_lookup_elem(&md_frontends, &asked);
    if (!frontend) return 1;
    table = bpf_map_lookup_elem(&md_tables, &frontend->service_id);
    if (!table) return 0;
    slot = bpf_map_lookup_elem(table, &first);
    memory = bpf_sk_storage_get(&md_sock_peer, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!slot || !slot->backend_id || !memory) return 0;
    memory->peer.service = asked;
    memory->peer.backend = slot->backend;
    memory->peer.service_id = frontend->service_id;
    memory->peer.backend_id = slot->backend_id;
    write_v4(ctx, &slot->backend);
    return 1;
}

SEC("cgroup/getpeername4")
int md_peername4(struct bpf_sock_addr* ctx) {
    struct md_sock_peer* memory = bpf_sk_storage_get(&md_sock_peer, ctx->sk, NULL, 0);

    if (memory && memory->peer.backend_id) write_v4(ctx, &memory->peer.service);
    return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
