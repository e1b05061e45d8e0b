// SPDX-License-Identifier: Apache-2.0
#include "kernel/kernel_types.hpp"

#include <bpf/btf.h>

namespace meshd::kernel {

void KernelTypes::Free::operator()(btf* types) const { ::btf__free(types); }

KernelTypes KernelTypes::load() { return KernelTypes(::btf__load_vmlinux_btf()); }

bool KernelTypes::has_helper(std::string_view enumerator) const {
    const auto id = types_ ? ::btf__find_by_name_kind(types_.get(), "bpf_func_id", BTF_KIND_ENUM) : -1;
    const auto* const type = id > 0 ? ::btf__type_by_id(types_.get(), static_cast<__u32>(id)) : nullptr;
    for (__u16 i = 0; type != nullptr && i < btf_vlen(type); ++i)
        if (enumerator == ::btf__name_by_offset(types_.get(), btf_enum(type)[i].name_off)) return true;
    return false;
}

}  // namespace meshd::kernel
