// SPDX-License-Identifier: Apache-2.0
#include "acceleration/checks/checks.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace meshd::acceleration {

namespace {

// `accounting` and `leaving` find out what later checks rest on.
constexpr std::array rows{
    CheckRow{"path", "sent by the short way both ways, and read", check_path},
    CheckRow{"accounting", "bytes that wait are charged to the reader, or counted", check_accounting},
    CheckRow{"order", "every byte once and in order while ways change", check_order},
    CheckRow{"bound", "a reader that stands still stops its sender", check_bound},
    CheckRow{"messages", "a limited number of messages waits", check_messages},
    CheckRow{"large_message", "1 MiB in one message comes whole", check_large_message},
    CheckRow{"edges", "one edge of epoll for each message, by either way", check_edges},
    CheckRow{"non_blocking", "EAGAIN when full, writable again when read", check_non_blocking},
    CheckRow{"half_close", "bytes, then the end, then an answer", check_half_close},
    CheckRow{"unread_answer", "an answer outlives both ends' FIN", check_unread_answer},
    CheckRow{"ipv6", "sent by the short way both ways, and read", check_ipv6},
    CheckRow{"splice_in", "bytes from a pipe come whole", check_splice_in},
    CheckRow{"sendfile", "a file comes whole", check_sendfile},
    CheckRow{"leaving", "taken out once empty, then plain TCP", check_leaving},
    CheckRow{"fionread", "1000 by either way", check_fionread},
    CheckRow{"reset", "ECONNRESET, at once", check_reset},
    CheckRow{"peer_gone", "EPIPE or ECONNRESET, at once", check_peer_gone},
    CheckRow{"peek", "the same bytes twice", check_peek},
    CheckRow{"splice_out", "bytes into a pipe, by either way", check_splice_out},
    CheckRow{"wait_for_all", "both messages in one call", check_wait_for_all},
    CheckRow{"waiting_signal", "recv() goes on after a signal with SA_RESTART", check_waiting_signal},
    CheckRow{"waiting_reset", "ECONNRESET from the recv() that waits", check_waiting_reset},
    CheckRow{"waiting_writer", "recv() waits on while another thread's send() goes on", check_waiting_writer},
    CheckRow{"zero_copy", "the kernel tells when the buffer is free", check_zero_copy},
};

}  // namespace

std::span<const CheckRow> all_checks() { return rows; }

std::string errno_name(int code) {
    const auto* const text = ::strerrorname_np(code);
    return text != nullptr ? text : std::to_string(code);
}

std::string outcome_name(ssize_t outcome) { return outcome < 0 ? errno_name(errno) : std::to_string(outcome) + " bytes"; }

}  // namespace meshd::acceleration
