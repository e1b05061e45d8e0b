// SPDX-License-Identifier: Apache-2.0
// What the values of a pinned map look like, by the BTF that the kernel keeps with it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <bpf/btf.h>
#include <linux/bpf.h>

namespace meshd::kernel {

// How a struct is laid out otherwise than `ours`: a field that both name stands elsewhere, or has another size. Nothing: all that
// both name is in the same place. A name that only one of them has is no difference: fields are taken from reserved ones.
std::optional<std::string> difference(const btf* theirs, __u32 their_type, const btf* ours, __u32 our_type);

// The same of a pinned map. Nothing, too, where the map has no BTF or this process may not read it.
std::optional<std::string> difference(const bpf_map_info& pinned, const btf* ours, __u32 our_type);

// "ends[0].cookie 8 at 16, …" in the order of their places; of a plain number "4 at 0".
std::string described(const btf* types, __u32 type);

// Bytes of one layout that mean the same as bytes of another.
struct Move {
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t size = 0;
};

// What turns a value of one layout into one of another: each field that both name, whatever its place; of a number that has grown
// or shrunk the low bytes (programs run on little-endian machines alone). What only the new one names stays zero.
std::vector<Move> moves(const btf* from, __u32 from_type, const btf* to, __u32 to_type);

}  // namespace meshd::kernel
