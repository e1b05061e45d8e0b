// SPDX-License-Identifier: Apache-2.0
// What a connection can be made of. A feature belongs to a group; a plan takes one feature of each group, or none where the group
// is a single option. A run can leave features out (--without) or take only some of a group (--only).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "draw.hpp"

namespace meshd::shapes {

// X(enumerator, name, group, weight): the weight is the share of the group, or the percentage of connections for an option.
#define SHAPES_FEATURES(X)                             \
    X(stream, "stream", talk, 40)                      \
    X(turns, "turns", talk, 35)                        \
    X(duplex, "duplex", talk, 25)                      \
    X(client_first, "client-first", first, 50)         \
    X(server_first, "server-first", first, 50)         \
    X(half_close, "half-close", end, 30)               \
    X(both_half_close, "both-half-close", end, 20)     \
    X(close, "close", end, 36)                         \
    X(reset, "reset", end, 14)                         \
    X(send, "send", write, 30)                         \
    X(writev, "writev", write, 18)                     \
    X(sendmmsg, "sendmmsg", write, 8)                  \
    X(sendfile, "sendfile", write, 12)                 \
    X(splice_in, "splice-in", write, 12)               \
    X(zerocopy, "zerocopy", write, 10)                 \
    X(uring_send, "uring-send", write, 10)             \
    X(recv, "recv", take, 26)                          \
    X(peek, "peek", take, 14)                          \
    X(waitall, "waitall", take, 12)                    \
    X(recvmmsg, "recvmmsg", take, 10)                  \
    X(readv, "readv", take, 14)                        \
    X(splice_out, "splice-out", take, 14)              \
    X(uring_recv, "uring-recv", take, 10)              \
    X(blocking, "blocking", wait, 35)                  \
    X(poll, "poll", wait, 15)                          \
    X(epoll_level, "epoll-level", wait, 15)            \
    X(epoll_edge, "epoll-edge", wait, 17)              \
    X(fionread, "fionread", wait, 18)                  \
    X(prompt, "prompt", pace, 86)                      \
    X(slow, "slow", pace, 7)                           \
    X(late, "late", pace, 7)                           \
    X(rcvlowat, "rcvlowat", rcvlowat_option, 10)       \
    X(small_rcvbuf, "small-rcvbuf", rcvbuf_option, 10) \
    X(small_sndbuf, "small-sndbuf", sndbuf_option, 10) \
    X(nodelay, "nodelay", nodelay_option, 50)          \
    X(cork, "cork", cork_option, 10)                   \
    X(signals, "signals", signals_option, 10)

enum class Feature : std::uint8_t {
#define SHAPES_ENUMERATOR(enumerator, name, group, weight) enumerator,
    SHAPES_FEATURES(SHAPES_ENUMERATOR)
#undef SHAPES_ENUMERATOR
};

enum class Group : std::uint8_t {
    talk,
    first,
    end,
    write,
    take,
    wait,
    pace,
    rcvlowat_option,
    rcvbuf_option,
    sndbuf_option,
    nodelay_option,
    cork_option,
    signals_option,
};

class Features {
public:
    static Features all();

    [[nodiscard]] bool has(Feature feature) const { return (bits_ >> static_cast<unsigned>(feature) & 1) != 0; }
    void add(Feature feature) { bits_ |= 1ULL << static_cast<unsigned>(feature); }
    void remove(Feature feature) { bits_ &= ~(1ULL << static_cast<unsigned>(feature)); }
    [[nodiscard]] std::vector<Feature> list() const;

private:
    std::uint64_t bits_ = 0;
};

// Which features a run may use, and which options it uses in every connection.
class Menu {
public:
    // Comma-separated names. Throws std::invalid_argument for a name that is none, and for a group of which nothing is left.
    void without(std::string_view names);
    void only(std::string_view names);  // of each group that is named; an option that is named is always taken

    Feature pick(Group group, Draw& draw) const;
    bool option(Feature feature, Draw& draw) const;

private:
    void check() const;

    Features allowed_ = Features::all();
    Features always_;
};

std::string_view name(Feature feature);

}  // namespace meshd::shapes
