// SPDX-License-Identifier: Apache-2.0
// One look at all sockets of this host, and the end of those that shall not live on. It takes as long as there are sockets, so it
// belongs on a thread of its own; between its two halves somebody who knows the services says which connections end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "kernel/flow_maps.hpp"
#include "kernel/socket_ender.hpp"
#include "reconcile/encode.hpp"
#include "sockets/diag_message.hpp"
#include "sockets/net_namespaces.hpp"

namespace meshd::sockets {

// How a socket is known to have asked for a service: not by its peer's address, to which others may have connected directly.
enum class Finding : std::uint8_t {
    storage,  // the kernel says what the programs remember of it
    records,  // of TCP: by the cookie in the records of flows
};

// Connections that are alike: the same service, and the same backend that is not ready by its id.
struct Suspect {
    md_translation peer{};
    std::uint64_t sockets = 0;
    std::uint64_t forwarded = 0;  // connections
};

struct Scan {
    std::vector<Suspect> suspects;
    std::uint64_t sockets = 0;           // that were looked at
    std::uint64_t namespaces = 0;        // likewise
    std::optional<base::Error> problem;  // the first; there may be more than was seen

    // Of the suspects; for the second half.
    struct Target {
        std::uint32_t suspect, where;
        std::uint8_t family;
        std::uint32_t inode;
        inet_diag_sockid id;
        bool is_for_edge;  // of the worker, for a client from outside
    };
    std::vector<Target> targets;
    std::vector<NetNamespace> places;
};

// What was ended, in the order of the suspects.
struct Ended {
    std::vector<std::uint64_t> sockets, forwarded;
    std::optional<base::Error> problem;
};

class Pass {
public:
    // Backends whose connected UDP sockets are asked what they remember; nothing: all connected UDP sockets are, which costs
    // more.
    using Leaving = std::optional<std::set<md_endpoint, reconcile::BytesLess>>;

    // The datapath must outlive it. `forwards`: there may be forwarded connections.
    // `ender`: where the kernel does not end sockets by sock_diag; null: it does.
    Pass(const kernel::Datapath& datapath, Finding finding, bool forwards, Leaving leaving = {},
         std::shared_ptr<const kernel::SocketEnder> ender = {});

    Scan scan();
    // Sockets of the processes in `own` stay, whatever they are connected to.
    Ended end(const Scan& scanned, const std::vector<bool>& condemned, const std::vector<pid_t>& own) const;

private:
    base::Result<void> read_records();
    base::Result<void> look(Scan& scan, std::uint32_t where);
    void ask_datagram_sockets(Scan& scan);
    base::Result<void> look_at_tracks(Scan& scan);
    void consider(Scan& scan, std::uint32_t where, const DiagSocket& socket, std::uint8_t protocol);
    [[nodiscard]] std::optional<md_translation> peer_of(const DiagSocket& socket, std::uint8_t protocol) const;
    std::optional<std::uint32_t> suspect(Scan& scan, const md_translation& peer);
    [[nodiscard]] bool is_ready(const md_translation& peer) const;
    struct Doomed;
    base::Result<void> end_here(const std::vector<Doomed>& doomed, Ended& ended) const;
    base::Result<void> end_by_lists(const std::vector<Doomed>& doomed, Ended& ended) const;
    base::Result<void> end_tracks(const Scan& scanned, const std::vector<bool>& condemned, Ended& ended) const;

    struct Hash {
        std::size_t operator()(const md_translation& peer) const;
    };
    struct Equal {
        bool operator()(const md_translation& a, const md_translation& b) const;
    };

    kernel::Map storage_, backends_;
    kernel::FlowMaps flows_;
    Finding finding_;
    bool forwards_;
    Leaving leaving_;
    std::shared_ptr<const kernel::SocketEnder> ender_;
    std::vector<std::pair<std::uint32_t, DiagSocket>> datagram_sockets_;                   // and where they are
    std::unordered_map<md_translation, std::optional<std::uint32_t>, Hash, Equal> known_;  // nothing: ready
    std::unordered_map<std::uint64_t, md_translation> records_;                            // by cookie
};

// Whether this kernel lists sockets with their storage, and lets sockets be ended, by sock_diag or by programs; tried out without
// touching any. In the environment, MESHD_TEST_NO_STORAGE_LISTS, MESHD_TEST_NO_SOCK_DESTROY and MESHD_TEST_NO_SOCKET_PROGRAMS
// make it as if it did not, for tests.
struct Abilities {
    std::optional<base::Error> storage, destroy;         // why not
    std::shared_ptr<const kernel::SocketEnder> ender{};  // sockets are ended by programs
};
Abilities try_out(const kernel::Datapath& datapath);

}  // namespace meshd::sockets
