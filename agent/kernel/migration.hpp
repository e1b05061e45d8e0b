// SPDX-License-Identifier: Apache-2.0
// From the maps and programs that an agent of an older ABI version left at work to those of this one, and back.
//
// What both versions lay out alike is the same map for both. The others are made anew beside the old ones and filled; then the
// programs change in their links, one after the other; then what came in between is brought as well. Until finish() the old
// version is in its place, whole: whatever fails, and whoever is killed, an agent of that version begins as if nothing had been.
// After it what only the old one has (maps, programs) stays pinned aside for roll_back().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kernel/carry.hpp"
#include "kernel/pins.hpp"

namespace meshd::kernel {

// The oldest version that this agent can take over from.
inline constexpr int oldest_version = 1;

// What became of one map.
struct Carried {
    std::string map;
    std::size_t entries = 0;
};

class Migration {
public:
    // Null: no older version is there. An error: a newer one is, or more than one. `pins` work aside until finish().
    static base::Result<std::unique_ptr<Migration>> begin(const Pins& pins);

    // Gives up, unless it is finished: the old programs are back in their links.
    ~Migration();
    Migration(const Migration&) = delete;
    Migration& operator=(const Migration&) = delete;

    // Before programs are loaded, for each map. An error: what it holds cannot be carried.
    base::Result<void> offer(const bpf_object* object, bpf_map* map);
    // When they are loaded. `slots`: what the arrays of md_tables are made like.
    base::Result<void> carry(const bpf_object* object, const InnerShape& slots, const SocketWalk& sockets);
    // When no program of the old version is attached any more.
    base::Result<std::vector<Carried>> finish(const SocketWalk& sockets);

    [[nodiscard]] int from() const { return from_; }

private:
    struct OldLink {
        base::UniqueFd link;
        base::UniqueFd program;
    };

    Migration(const Pins& pins, int from);
    [[nodiscard]] std::string old_pin(const std::string& kind, const std::string& name) const;
    base::Result<void> share_links();
    void give_up();

    const Pins pins_;
    int from_;
    std::map<std::string, OldLink> links_;    // by name of the pin
    base::UniqueFd redirect_;                 // the program of md_sockets; invalid: none, or this kernel does not tell
    base::UniqueFd sockets_;                  // md_sockets
    std::map<std::string, OpenMap> changed_;  // maps that are laid out otherwise
    std::vector<Carry> carries_;
    bool finished_ = false;
};

// Whether the maps of an older version could be taken over: their names, of those that would be made anew. Touches nothing.
base::Result<std::vector<std::string>> maps_to_carry(const Pins& pins, const bpf_object* object);

struct RolledBack {
    int version = 0;
    std::vector<Carried> carried;
};

// Brings back what was before the last migration, as an agent of that version expects to find it. No agent may run, and nothing
// may be attached that the older version knows nothing of, but links, which are taken off.
base::Result<RolledBack> roll_back(const Pins& pins, const SocketWalk& sockets);
// Whether the version that roll_back() would bring back has this map, and it is the same as this version's.
bool is_shared_with_previous(const Pins& pins, const std::string& map);
// Nothing: there is none to go back to.
std::optional<int> previous_version(const Pins& pins);

}  // namespace meshd::kernel
