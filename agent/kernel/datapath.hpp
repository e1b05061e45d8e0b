// SPDX-License-Identifier: Apache-2.0
// The kernel half, from userspace: programs and maps are loaded or taken over, attached, pinned, asked. The only owner of the
// skeleton.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "config/settings.hpp"
#include "kernel/cgroup.hpp"
#include "kernel/map.hpp"
#include "kernel/migration.hpp"
#include "kernel/pins.hpp"
#include "meshd/abi.h"

struct meshd_bpf;

namespace meshd::kernel {

struct ProgramStatus {
    std::string name;    // "md_connect4"
    std::string attach;  // "cgroup/connect4"
    std::uint32_t id = 0;
    bool attached = false;
};

// Something that this kernel does in a lesser way.
struct Degraded {
    std::string feature;
    std::string reason;
    std::string remedy;
};

// The programs at devices (bpf/tc.bpf.c).
inline constexpr auto ingress_program = "md_ingress";
inline constexpr auto egress_program = "md_egress";

// What was taken over from an older ABI version.
struct Migrated {
    int from = 0;
    std::vector<Carried> maps;  // those that are laid out otherwise now
};

// Order of calls: load(), then maps are written, then attach(). Destroying it leaves everything pinned and working.
class Datapath {
public:
    // Makes the maps, or takes over those that are pinned, and loads the programs. The caller holds the lock on pins.top().
    // `count_consumed`: also what readers take from the short way is counted, for kernels that do not charge it to them.
    // `worker_user`: uid whose sockets reach what they ask for, services or not; 0: none.
    // `sockets`: where an older ABI version is taken over from, what it remembers of them is carried over, too.
    static base::Result<Datapath> load(const Pins& pins, const config::Limits& limits, bool count_consumed = false,
                                       std::uint32_t worker_user = 0, SocketWalk sockets = {});

    Datapath(Datapath&&) noexcept;
    Datapath& operator=(Datapath&&) noexcept;
    ~Datapath();

    // Attaches each program to the cgroup and pins the link; where a link is pinned already, its program is replaced in place, so
    // that no connect() ever meets neither. On an error what this call attached is detached again.
    // With `times_responses` the programs that see each packet of local sockets, too; without, those are detached.
    base::Result<void> attach(const Cgroup& cgroup, bool times_responses = false);

    // When all that serves is attached: the older version whose maps were taken over, if one was, is put aside. Until then it
    // would be back with the destructor.
    base::Result<std::optional<Migrated>> finish_migration();
    [[nodiscard]] bool migrates() const { return migration_ != nullptr; }

    // Gives the maps of tracks, which had one entry, the room of `limits`, while nothing is attached to devices.
    base::Result<void> make_room_for_tracks(const config::Limits& limits);

    // Of a program at devices. Borrowed; none before make_room_for_tracks() where load() had a limit of one track.
    [[nodiscard]] int program_fd(const char* name) const;
    [[nodiscard]] bool has_device_programs() const { return program_fd(ingress_program) >= 0; }
    // Of any other program. Borrowed.
    [[nodiscard]] int program_of(const char* name) const;
    [[nodiscard]] std::uint32_t program_id(const char* name) const;  // 0: there is none

    // False when every map was made anew.
    [[nodiscard]] bool adopted() const { return adopted_; }
    // True when programs of an earlier agent run on other maps than these: they must serve until these are filled.
    [[nodiscard]] bool must_fill_before_attach() const { return !adopted_ && linked_; }

    [[nodiscard]] Map map(const std::string& name) const;  // one of MD_MAPS
    [[nodiscard]] std::vector<Map> maps() const;           // all that userspace can look at, in the order of MD_MAPS
    [[nodiscard]] std::vector<ProgramStatus> programs() const;
    [[nodiscard]] std::vector<Degraded> degraded() const;
    [[nodiscard]] const Pins& pins() const { return pins_; }

    // A new inner array of md_tables that holds these slots. It lives as long as the descriptor or the table it is put in.
    [[nodiscard]] base::Result<base::UniqueFd> make_slots(const std::vector<md_slot>& slots) const;
    // A new inner array of md_maglevs, likewise. It cannot be written any more.
    [[nodiscard]] base::Result<base::UniqueFd> make_maglev(const std::vector<md_maglev>& rows) const;

    // Asks one of the programs of bpf/inspect.bpf.c, bpf/leave.bpf.c and bpf/flows.bpf.c.
    [[nodiscard]] base::Result<md_explain> ask(const md_explain& question) const;
    [[nodiscard]] base::Result<md_find_tables> ask(const md_find_tables& question) const;
    [[nodiscard]] base::Result<md_read_table> ask(const md_read_table& question) const;
    [[nodiscard]] base::Result<md_find_maglevs> ask(const md_find_maglevs& question) const;
    [[nodiscard]] base::Result<md_look_at_pair> ask(const md_look_at_pair& question) const;
    [[nodiscard]] base::Result<md_look_at_sockets> ask(const md_look_at_sockets& question) const;
    [[nodiscard]] base::Result<md_ask_policy> ask(const md_ask_policy& question) const;
    [[nodiscard]] base::Result<md_release_open> ask(const md_release_open& question) const;
    [[nodiscard]] base::Result<md_release_track> ask(const md_release_track& question) const;
    [[nodiscard]] base::Result<md_warm> ask(const md_warm& question) const;
    [[nodiscard]] base::Result<md_recount> ask(const md_recount& question) const;
    [[nodiscard]] base::Result<md_readmit> ask(const md_readmit& question) const;
    // Marks a pair as leaving the short way. No such pair: fine.
    [[nodiscard]] base::Result<void> leave(std::uint64_t pair) const;

private:
    struct Close {
        void operator()(meshd_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<meshd_bpf, Close>;

    Datapath(Pins pins, Skeleton skeleton);
    [[nodiscard]] InnerShape slot_shape() const;
    [[nodiscard]] base::Result<void> attach_redirect() const;
    [[nodiscard]] base::Result<void> count_consumed() const;
    [[nodiscard]] bool redirect_is_attached(std::uint32_t id) const;
    [[nodiscard]] int map_of(const char* name) const;
    template <typename Value>
    [[nodiscard]] base::Result<base::UniqueFd> make_inner(const char* name, int type, const std::vector<Value>& values) const;

    Pins pins_;
    SocketWalk sockets_;
    std::unique_ptr<Migration> migration_;
    Skeleton skeleton_;
    Skeleton forwarding_;  // of the programs at devices, when their maps were made later than the others
    bool adopted_ = false;
    bool linked_ = false;
    bool times_responses_ = false;
    int index_type_ = 0;  // ids in the object's BTF, for inner arrays
    int slot_type_ = 0;
    int maglev_type_ = 0;
};

// Sends libbpf's own messages to the log. Once, before the first load().
void redirect_libbpf_log();

}  // namespace meshd::kernel
