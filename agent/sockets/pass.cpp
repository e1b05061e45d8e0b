// SPDX-License-Identifier: Apache-2.0
#include "sockets/pass.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include <meshd/edge.h>

#include "reconcile/encode.hpp"
#include "sockets/borrowed.hpp"
#include "sockets/descriptors.hpp"
#include "sockets/sock_diag.hpp"

namespace meshd::sockets {

namespace {

// More than hosts have, so that neither a pass nor what it remembers grows without bound. What is beyond waits for the next.
constexpr std::size_t most_namespaces = 8192;
constexpr std::size_t most_targets = 1'000'000;

constexpr std::array<std::pair<std::uint8_t, std::uint8_t>, 4> kinds{
    {{AF_INET, IPPROTO_TCP}, {AF_INET6, IPPROTO_TCP}, {AF_INET, IPPROTO_UDP}, {AF_INET6, IPPROTO_UDP}}};

void note(std::optional<base::Error>& problem, const base::Result<void>& outcome) {
    if (!outcome && !problem) problem = outcome.error();
}

// What a client's packets ask for, and where they are led.
md_translation peer_of(const md_track_key& key, const md_track& request) {
    md_translation peer{};
    peer.service = {key.destination, key.destination_port, key.protocol, 0};
    peer.backend = {request.destination, request.destination_port, key.protocol, 0};
    peer.service_id = request.service_id;
    peer.backend_id = request.backend_id;
    return peer;
}

}  // namespace

std::size_t Pass::Hash::operator()(const md_translation& peer) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&peer), sizeof peer});  // NOLINT: its bytes
}
bool Pass::Equal::operator()(const md_translation& a, const md_translation& b) const { return reconcile::same_bytes(a, b); }

Pass::Pass(const kernel::Datapath& datapath, Finding finding, bool forwards, Leaving leaving,
           std::shared_ptr<const kernel::SocketEnder> ender)
    : storage_(datapath.map("md_sock_peer")),
      backends_(datapath.map("md_backends")),
      flows_(datapath),
      finding_(finding),
      forwards_(forwards),
      leaving_(std::move(leaving)),
      ender_(std::move(ender)) {}

Scan Pass::scan() {
    Scan scan;
    known_.clear();
    if (finding_ == Finding::records) note(scan.problem, read_records());
    scan.places = net_namespaces(most_namespaces);
    for (std::uint32_t where = 0; where < scan.places.size(); ++where) {
        const auto looked = inside(scan.places[where], [&] { return look(scan, where); });
        if (!looked) note(scan.problem, tl::make_unexpected(looked.error()));
        if (looked && *looked) ++scan.namespaces;
    }
    ask_datagram_sockets(scan);
    if (forwards_) note(scan.problem, look_at_tracks(scan));
    return scan;
}

base::Result<void> Pass::read_records() {
    records_.clear();
    return flows_.for_each_flow([this](const md_flow_key& key, const md_flow& flow) {
        if (flow.source != MD_FLOW_SOCKET || flow.outgoing == 0 || flow.service_id == 0 || flow.socket == 0) return;
        md_translation peer{};
        peer.service = flow.service;
        peer.backend = flow.client == 0 ? md_endpoint{key.high, key.high_port, key.protocol, 0}
                                        : md_endpoint{key.low, key.low_port, key.protocol, 0};
        peer.service_id = flow.service_id;
        peer.backend_id = flow.backend_id;
        records_.emplace(flow.cookie, peer);
    });
}

base::Result<void> Pass::look(Scan& scan, std::uint32_t where) {
    const auto diag = SockDiag::open();
    if (!diag) return tl::make_unexpected(diag.error());
    const auto storage = finding_ == Finding::storage ? std::optional(storage_.fd()) : std::nullopt;
    for (const auto& [family, protocol] : kinds) {
        const bool is_tcp = protocol == IPPROTO_TCP;
        auto listed = diag->list(family, protocol, is_tcp ? storage : std::nullopt, [&, is_tcp](const DiagSocket& socket) {
            ++scan.sockets;
            if (socket.inode == 0) return;
            if (is_tcp)
                consider(scan, where, socket, IPPROTO_TCP);
            else if (datagram_sockets_.size() < most_targets &&
                     (!leaving_ || leaving_->contains(socket.destination(IPPROTO_UDP))))
                datagram_sockets_.emplace_back(where, socket);
        });
        // A kernel without UDP over IPv6, or without its part of sock_diag, has no such sockets to list, or none that can be.
        if (!listed && listed.error().code != ENOENT) return listed;
    }
    return {};
}

void Pass::consider(Scan& scan, std::uint32_t where, const DiagSocket& socket, std::uint8_t protocol) {
    if (scan.targets.size() >= most_targets) return;
    const auto peer = peer_of(socket, protocol);
    const auto index = peer ? suspect(scan, *peer) : std::nullopt;
    if (!index) return;
    ++scan.suspects[*index].sockets;
    scan.targets.push_back({*index, where, socket.family, socket.inode, socket.id, socket.priority == MD_EDGE_PRIORITY});
}

// The kernel's list of UDP sockets does not say what is remembered of them (net/ipv4/inet_diag.c, inet_sk_diag_fill()).
void Pass::ask_datagram_sockets(Scan& scan) {
    std::unordered_set<std::uint32_t> inodes;
    for (const auto& [where, socket] : datagram_sockets_) inodes.insert(socket.inode);
    const auto remembered = remembered_of(storage_, inodes);
    for (auto& [where, socket] : datagram_sockets_) {
        const auto found = remembered.find(socket.inode);
        if (found == remembered.end()) continue;
        socket.peer = found->second;
        consider(scan, where, socket, IPPROTO_UDP);
    }
    datagram_sockets_.clear();
}

// A socket that connected anew without the programs, or was disconnected, has another destination than is remembered of it.
std::optional<md_translation> Pass::peer_of(const DiagSocket& socket, std::uint8_t protocol) const {
    std::optional<md_translation> peer;
    if (socket.peer && socket.peer->peer.backend_id != 0) peer = socket.peer->peer;
    if (finding_ == Finding::records && protocol == IPPROTO_TCP)
        if (const auto record = records_.find(cookie_of(socket.id)); record != records_.end()) peer = record->second;
    if (!peer || !reconcile::same_bytes(peer->backend, socket.destination(protocol))) return std::nullopt;
    return peer;
}

std::optional<std::uint32_t> Pass::suspect(Scan& scan, const md_translation& peer) {
    const auto [entry, fresh] = known_.try_emplace(peer);
    if (fresh && !is_ready(peer)) {
        entry->second = static_cast<std::uint32_t>(scan.suspects.size());
        scan.suspects.push_back({peer});
    }
    return entry->second;
}

bool Pass::is_ready(const md_translation& peer) const {
    md_backend backend{};
    const auto found = backends_.lookup(&peer.backend_id, &backend);
    if (!found) return true;  // nothing is ended on a guess
    return *found && backend.state == MD_BACKEND_READY && backend.service_id == peer.service_id &&
           reconcile::same_bytes(backend.endpoint, peer.backend);
}

base::Result<void> Pass::look_at_tracks(Scan& scan) {
    return flows_.for_each_track([&](const md_track_key& key, const md_track& track) {
        if (track.kind != MD_TRACK_REQUEST || track.state == MD_TRACK_CLOSED) return;
        if (const auto index = suspect(scan, sockets::peer_of(key, track))) ++scan.suspects[*index].forwarded;
    });
}

// One socket that shall end, in the namespace that is looked at.
struct Pass::Doomed {
    const Scan::Target* target;
    std::uint8_t protocol;
};

Ended Pass::end(const Scan& scanned, const std::vector<bool>& condemned, const std::vector<pid_t>& own) const {
    Ended ended;
    ended.sockets.resize(scanned.suspects.size());
    ended.forwarded.resize(scanned.suspects.size());
    const auto inodes = sockets_of(own);
    const auto& targets = scanned.targets;
    for (std::size_t first = 0; first < targets.size();) {  // they come namespace by namespace
        auto last = first;
        std::vector<Doomed> doomed;
        for (; last < targets.size() && targets[last].where == targets[first].where; ++last) {
            const auto& target = targets[last];
            if (condemned[target.suspect] && (!inodes.contains(target.inode) || target.is_for_edge))
                doomed.push_back({&target, scanned.suspects[target.suspect].peer.backend.protocol});
        }
        const auto finish = [&] { return ender_ ? end_by_lists(doomed, ended) : end_here(doomed, ended); };
        if (!doomed.empty())
            if (const auto done = inside(scanned.places[targets[first].where], finish); !done)
                note(ended.problem, tl::make_unexpected(done.error()));
        first = last;
    }
    note(ended.problem, end_tracks(scanned, condemned, ended));
    return ended;
}

base::Result<void> Pass::end_here(const std::vector<Doomed>& doomed, Ended& ended) const {
    const auto diag = SockDiag::open();
    if (!diag) return tl::make_unexpected(diag.error());
    for (const auto& [target, protocol] : doomed) {
        const auto destroyed = diag->destroy(target->family, protocol, target->id);
        if (!destroyed)
            note(ended.problem, tl::make_unexpected(destroyed.error()));
        else if (*destroyed)
            ++ended.sockets[target->suspect];
    }
    return {};
}

base::Result<void> Pass::end_by_lists(const std::vector<Doomed>& doomed, Ended& ended) const {
    for (const auto protocol : {std::uint8_t{IPPROTO_TCP}, std::uint8_t{IPPROTO_UDP}}) {
        std::unordered_map<std::uint64_t, std::uint32_t> suspects;  // by cookie
        std::vector<std::uint64_t> cookies;
        for (const auto& one : doomed)
            if (one.protocol == protocol && suspects.emplace(cookie_of(one.target->id), one.target->suspect).second)
                cookies.push_back(cookie_of(one.target->id));
        const auto gone = ender_->end(protocol, cookies);
        if (!gone) return tl::make_unexpected(gone.error());
        for (const auto cookie : *gone) ++ended.sockets[suspects.at(cookie)];
    }
    return {};
}

// All tracks of a connection go, of both translations where it is masqueraded: its next packet is nobody's, or begins anew.
base::Result<void> Pass::end_tracks(const Scan& scanned, const std::vector<bool>& condemned, Ended& ended) const {
    std::unordered_map<md_translation, std::size_t, Hash, Equal> over;
    std::set<std::pair<std::uint32_t, std::uint32_t>> ids;
    for (std::size_t i = 0; i < condemned.size(); ++i) {
        const auto& one = scanned.suspects[i];
        if (!condemned[i] || one.forwarded == 0) continue;
        over.emplace(one.peer, i);
        ids.emplace(one.peer.service_id, one.peer.backend_id);
    }
    if (over.empty()) return {};
    std::vector<md_track_key> keys;
    auto done = flows_.for_each_track([&](const md_track_key& key, const md_track& track) {
        if (!ids.contains({track.service_id, track.backend_id})) return;
        keys.push_back(key);
        if (track.kind != MD_TRACK_REQUEST || track.state == MD_TRACK_CLOSED) return;
        if (const auto found = over.find(sockets::peer_of(key, track)); found != over.end()) ++ended.forwarded[found->second];
    });
    if (!done) return done;
    for (const auto& key : keys)
        if (auto erased = flows_.erase_track(key); !erased) return erased;
    return {};
}

Abilities try_out(const kernel::Datapath& datapath) {
    const auto without = [](const char* what) {  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
        return std::getenv(what) != nullptr ? std::optional(base::Error{"try out", what, EOPNOTSUPP, {}, {}}) : std::nullopt;
    };
    Abilities abilities{without("MESHD_TEST_NO_STORAGE_LISTS"), without("MESHD_TEST_NO_SOCK_DESTROY")};
    const auto diag = SockDiag::open();
    if (!diag) return {diag.error(), diag.error()};
    if (const auto listed = diag->list(AF_INET, IPPROTO_TCP, datapath.map("md_sock_peer").fd(), [](const DiagSocket&) {});
        !listed)
        abilities.storage = listed.error();
    // A kernel that can end sockets looks for this one, which nobody can have, and does not find it.
    if (!abilities.destroy) {
        const auto destroyed = diag->destroy(AF_INET, IPPROTO_TCP, inet_diag_sockid{});
        if (destroyed) return abilities;
        abilities.destroy = destroyed.error();
    }
    if (without("MESHD_TEST_NO_SOCKET_PROGRAMS")) return abilities;
    auto ender = kernel::SocketEnder::load();
    if (!ender) {
        abilities.destroy->detail = ender.error().message();
        return abilities;
    }
    abilities.destroy.reset();
    abilities.ender = std::make_shared<const kernel::SocketEnder>(std::move(*ender));
    return abilities;
}

}  // namespace meshd::sockets
