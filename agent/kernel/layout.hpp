// SPDX-License-Identifier: Apache-2.0
// What the values of a pinned map look like, by the BTF that the kernel keeps with it.
#pragma once

#include <optional>
#include <string>

#include <bpf/btf.h>
#include <linux/bpf.h>

namespace meshd::kernel {

// How a struct is laid out otherwise than `ours`: a field that both name stands elsewhere, or has another size. Nothing: all that
// both name is in the same place. A name that only one of them has is no difference: fields are taken from reserved ones.
std::optional<std::string> difference(const btf* theirs, __u32 their_type, const btf* ours, __u32 our_type);

// The same of a pinned map. Nothing, too, where the map has no BTF or this process may not read it.
std::optional<std::string> difference(const bpf_map_info& pinned, const btf* ours, __u32 our_type);

}  // namespace meshd::kernel
