// SPDX-License-Identifier: Apache-2.0
// What one map holds, brought into another of the same name whose keys or values are laid out otherwise, while programs write the
// one and later the other.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bpf/btf.h>
#include <linux/bpf.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kernel/layout.hpp"

namespace meshd::kernel {

// Gives each socket of this host's processes, once for each descriptor of it, borrowed while the visit lasts.
using VisitSocket = std::function<void(int descriptor)>;
using SocketWalk = std::function<void(const VisitSocket& visit)>;

// What an inner map of a map of maps is made like when there is none yet to be seen.
struct InnerShape {
    __u32 value_size = 0;
    __u32 flags = 0;
    int btf_fd = -1;
    __u32 key_type = 0;  // ids in that BTF
    __u32 value_type = 0;
    const btf* types = nullptr;
};

// A pinned map, opened, and what its types say of it.
struct OpenMap {
    base::UniqueFd fd;
    bpf_map_info info{};
    std::shared_ptr<btf> types;  // null: it has none

    // Nothing: no such pin.
    static base::Result<std::optional<OpenMap>> pinned(const std::string& path);
    static base::Result<OpenMap> of(base::UniqueFd fd, const std::string& name);
};

// Whether what maps of this type hold can be carried at all.
bool can_carry(__u32 type);

class Carry {
public:
    static base::Result<Carry> make(const std::string& name, OpenMap from, OpenMap to, std::optional<InnerShape> inner = {});

    // Writes what the other does not hold; what it holds stays. A second pass, when no program writes the first any more, brings
    // what came in between, and takes out what went.
    base::Result<void> pass(const SocketWalk& sockets);
    // First of all: what the other holds is of an earlier time. It is made to hold what this one does.
    base::Result<void> make_equal(const SocketWalk& sockets);

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::size_t entries() const { return entries_; }  // that were written

private:
    using Bytes = std::vector<std::byte>;
    using Visit = std::function<base::Result<void>(const std::byte* key, const std::byte* value)>;

    Carry(std::string name, OpenMap from, OpenMap to, std::optional<InnerShape> inner);

    base::Result<void> run(const SocketWalk& sockets, bool overwrite);
    base::Result<void> for_each(const OpenMap& map, const Visit& visit) const;
    base::Result<void> entry(const std::byte* key, const std::byte* value, bool overwrite);
    base::Result<void> array_of(const std::byte* key, const std::byte* value, bool overwrite);
    void socket(int descriptor, bool overwrite);
    base::Result<base::UniqueFd> convert_inner(const OpenMap& inner);
    base::Result<void> take_out_what_went();
    std::vector<Bytes> keys(const OpenMap& map) const;
    [[nodiscard]] Bytes converted_key(const std::byte* key) const;
    [[nodiscard]] Bytes converted_value(const std::byte* value) const;
    [[nodiscard]] bool has_parts() const;  // a value for each CPU

    std::string name_;
    OpenMap from_;
    OpenMap to_;
    std::optional<InnerShape> inner_;
    std::vector<Move> key_moves_;
    std::vector<Move> value_moves_;
    std::vector<Bytes> brought_;  // keys of `from_`, in order
    std::size_t entries_ = 0;
};

}  // namespace meshd::kernel
