// SPDX-License-Identifier: Apache-2.0
// Asks one of the programs that are only run by BPF_PROG_TEST_RUN: the question goes in a packet, the answer comes back in its
// place (MD_QUESTION_OFFSET in meshd/abi.h).
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <type_traits>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/error.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

template <typename Question>
base::Result<Question> ask_program(const bpf_object* object, const char* name, const Question& question) {
    static_assert(std::is_trivially_copyable_v<Question>);
    std::array<char, MD_QUESTION_OFFSET + sizeof(Question)> packet{};
    std::memcpy(packet.data() + MD_QUESTION_OFFSET, &question, sizeof question);
    auto answer = packet;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_out = answer.data(),
                .data_size_in = static_cast<__u32>(packet.size()), .data_size_out = static_cast<__u32>(answer.size()),
                .repeat = 1);
    const auto* const program = ::bpf_object__find_program_by_name(object, name);
    if (::bpf_prog_test_run_opts(::bpf_program__fd(program), &options) != 0) return base::fail_errno("run BPF program", name);
    if (options.retval != 0) return base::fail({"run BPF program", name, 0, "it answered " + std::to_string(options.retval), {}});
    Question result;
    std::memcpy(&result, answer.data() + MD_QUESTION_OFFSET, sizeof result);
    return result;
}

}  // namespace meshd::kernel
