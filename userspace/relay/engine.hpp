// SPDX-License-Identifier: Apache-2.0
// Carries connections between applications of this host and workers of others, encrypted, and those of clients from outside: one
// thread for each core, which share nothing but what is immutable (docs/tls.md, docs/edge.md).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "model/authorization.hpp"
#include "relay/edge.hpp"
#include "relay/routes.hpp"
#include "tls/credentials.hpp"
#include "tls/handshake_result.hpp"

namespace meshd::relay {

// What the kernel knows of a connection that came to an outbound listener.
struct Steered {
    base::SocketAddress service, backend;
    std::uint32_t identity = 0;  // 0: that of the node
    bool only_connects = false;  // never of the kernel: see Engine::dial()
};
using AskKernel = std::function<base::Result<Steered>(int accepted)>;

// MD_SO_STEERED of the accepted socket.
base::Result<Steered> ask_kernel(int accepted);

enum class Direction : std::uint8_t { outbound, inbound, edge };
inline constexpr std::size_t relay_directions = 3;
std::string_view name(Direction direction);

// What the kernel may do of TLS between this worker and others, and servers outside of the mesh: see ktls::Verdict.
struct KernelTls {
    bool has_updates = false;
    bool splices = false;

    bool operator==(const KernelTls&) const = default;
};

// Everything that a new connection looks at. Those that live keep what they began with.
struct Configuration {
    std::shared_ptr<const tls::Credentials> node;
    std::map<std::uint32_t, std::shared_ptr<const tls::Credentials>> identities;  // by model::identity_number
    std::shared_ptr<const Routes> routes;
    std::uint16_t peer_port = 0;  // where workers of other hosts listen
    // What comes in and it no longer allows is reset. Null: everybody may who has a certificate.
    std::shared_ptr<const model::Authorization> authorization{};
    std::map<std::string, std::shared_ptr<const EdgeListener>> edges{};  // by name
    std::optional<KernelTls> kernel_tls{};                               // nothing: records are made and opened here
};

// What connections of a listener are.
struct Purpose {
    Direction direction;
    std::string edge{};  // name of the listener, where that is the direction

    bool operator==(const Purpose&) const = default;
};

struct DirectionFigures {
    std::array<std::uint64_t, tls::handshake_results> handshakes{};  // by HandshakeResult
    std::uint64_t resumed = 0;                                       // of those that were ok
    std::uint64_t open = 0;                                          // relays now
    std::uint64_t relayed = 0;                                       // relays that began, ever
    std::uint64_t refused = 0;                  // connections that were not relayed: unknown to the kernel, no route, no identity
    std::uint64_t denied = 0;                   // of the refused and the reset: by a rule of the policy
    std::uint64_t audited = 0;                  // would have been, but the policy is in audit mode
    std::uint64_t reset = 0;                    // relays that did not end well on both sides
    std::uint64_t bytes_in = 0, bytes_out = 0;  // plain bytes from and to the application
    std::uint64_t kernel_receives = 0;          // connections whose records the kernel opened, ever
    std::uint64_t kernel_transmits = 0;         // connections whose records the kernel made, ever
    std::uint64_t kernel_failures = 0;          // of these those that the kernel could not go on with
    std::uint64_t spliced = 0;                  // bytes from peers that went past this process
};

struct Figures {
    std::array<DirectionFigures, relay_directions> directions{};  // by Direction
    std::array<std::uint64_t, edge_refusals> edge_refused{};      // by EdgeRefusal
    std::uint64_t pool_hits = 0;                                  // connections that found one ready
    std::uint64_t pool_misses = 0;
    std::uint64_t pool_ready = 0;  // now
    std::uint64_t in_use = 0;      // listeners, and connections from accept to close: 0 when nobody would miss the engine
};

class Engine {
public:
    struct Options {
        unsigned threads = 1;
        AskKernel ask = ask_kernel;
        // Registries do not tell all hosts at one moment: a connection waits so long for a route that may be on its way.
        std::chrono::milliseconds patience{2000};
        // Clients of edge listeners that have not finished their handshake, for one thread: with more the oldest are refused.
        std::size_t most_unfinished = 2048;
        // Called from a relay thread, rarely: at most some in a second for one peer and reason.
        std::function<void(Direction, const std::string& peer, const tls::HandshakeFailure&)> on_failure{};
    };

    explicit Engine(Options options);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();  // resets what is open

    // These may be called at any time from the thread that made the engine.
    void configure(std::shared_ptr<const Configuration> configuration);
    // Listening sockets, spread over the threads, instead of those before; none: no more are taken.
    void listen(const Purpose& purpose, std::vector<base::UniqueFd> sockets);
    [[nodiscard]] Figures figures() const;

    // A connection to a backend as an application of this host would have one, under the node's identity: the other end of a
    // socket of this process. Whatever goes wrong is a reset of it. `only_connects`: it ends as soon as the backend has taken it.
    [[nodiscard]] base::Result<base::UniqueFd> dial(const base::SocketAddress& backend, bool only_connects);

private:
    class Threads;
    std::unique_ptr<Threads> threads_;
    std::size_t dialled_ = 0;
};

}  // namespace meshd::relay
