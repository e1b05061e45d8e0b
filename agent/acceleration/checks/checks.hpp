// SPDX-License-Identifier: Apache-2.0
// What the self-test tries out, each on a connection of its own that is on the short way.
#pragma once

#include <span>
#include <string>

#include "acceleration/rig.hpp"

namespace meshd::acceleration {

struct Seen {
    bool passed = false;
    std::string text;
};

struct CheckRow {
    const char* name;  // stable: decision.cpp, people and scripts know it
    const char* expected;
    Seen (*run)(Rig& rig, Connection& connection);
};

// Essential ones first: what a crash or the deadline leaves untried is then a matter of fewer system calls.
std::span<const CheckRow> all_checks();

// path.cpp
Seen check_path(Rig& rig, Connection& connection);
Seen check_ipv6(Rig& rig, Connection& connection);
Seen check_order(Rig& rig, Connection& connection);
Seen check_large_message(Rig& rig, Connection& connection);

// bound.cpp
Seen check_accounting(Rig& rig, Connection& connection);
Seen check_bound(Rig& rig, Connection& connection);
Seen check_messages(Rig& rig, Connection& connection);
Seen check_non_blocking(Rig& rig, Connection& connection);

// readiness.cpp
Seen check_edges(Rig& rig, Connection& connection);
Seen check_fionread(Rig& rig, Connection& connection);

// closing.cpp
Seen check_half_close(Rig& rig, Connection& connection);
Seen check_unread_answer(Rig& rig, Connection& connection);
Seen check_reset(Rig& rig, Connection& connection);
Seen check_peer_gone(Rig& rig, Connection& connection);

// calls.cpp
Seen check_splice_in(Rig& rig, Connection& connection);
Seen check_splice_out(Rig& rig, Connection& connection);
Seen check_sendfile(Rig& rig, Connection& connection);
Seen check_peek(Rig& rig, Connection& connection);
Seen check_zero_copy(Rig& rig, Connection& connection);

// blocking.cpp
Seen check_wait_for_all(Rig& rig, Connection& connection);
Seen check_waiting_signal(Rig& rig, Connection& connection);
Seen check_waiting_reset(Rig& rig, Connection& connection);
Seen check_waiting_writer(Rig& rig, Connection& connection);

// leaving.cpp
Seen check_leaving(Rig& rig, Connection& connection);

// Name of an errno: "EPIPE".
std::string errno_name(int code);
// What a system call answered, with errno as it left it: "4096 bytes", "EAGAIN".
std::string outcome_name(ssize_t outcome);

}  // namespace meshd::acceleration
