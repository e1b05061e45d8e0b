// SPDX-License-Identifier: Apache-2.0
// What every check has: the trial datapath, a switch between the two ways, and connections that are on the short way.
#pragma once

#include <cstdint>

#include "acceleration/connection.hpp"
#include "acceleration/verdict.hpp"
#include "kernel/trial.hpp"

namespace meshd::acceleration {

// Found by checks beside passing or failing.
struct Facts {
    Fionread fionread = Fionread::none;
    Accounting accounting = Accounting::none;
    std::uint16_t idle_refs = 0;
};

class Rig {
public:
    explicit Rig(kernel::Trial trial);

    // A connection with both ends enrolled.
    base::Result<Connection> connect(int family);

    // From the next message on. Checks begin with the short way.
    void take_tcp() { set_stopped(~std::uint64_t{0}); }
    void take_short_way() { set_stopped(0); }
    // Whether the programs are to believe md_consumed instead of what the kernel charges.
    void set_counted(bool counted);
    void set_idle_refs(std::uint16_t references);

    // Bytes and messages that went by the short way, from the client (MD_CLIENT) or to it (MD_SERVER).
    [[nodiscard]] md_way way(const Connection& connection, md_side from) const;

    kernel::Trial trial;
    Facts facts;

private:
    void set_stopped(std::uint64_t until_ns);
    void decide();

    md_acceleration decided_{};
};

}  // namespace meshd::acceleration
