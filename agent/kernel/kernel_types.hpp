// SPDX-License-Identifier: Apache-2.0
// What the running kernel's own types say that it has. The programs ask the same when they are loaded
// (bpf_core_enum_value_exists), so both always decide alike.
#pragma once

#include <memory>
#include <string_view>

struct btf;

namespace meshd::kernel {

class KernelTypes {
public:
    // A kernel without types has nothing, as far as this tells.
    static KernelTypes load();

    [[nodiscard]] bool has_helper(std::string_view enumerator) const;  // "BPF_FUNC_set_retval"

private:
    struct Free {
        void operator()(btf* types) const;
    };
    explicit KernelTypes(btf* types) : types_(types) {}

    std::unique_ptr<btf, Free> types_;
};

}  // namespace meshd::kernel
