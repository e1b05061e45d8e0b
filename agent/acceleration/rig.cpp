// SPDX-License-Identifier: Apache-2.0
#include "acceleration/rig.hpp"

#include <thread>

namespace meshd::acceleration {

namespace {

constexpr std::uint64_t ceiling = std::uint64_t{4} << 20U;

}  // namespace

Rig::Rig(kernel::Trial loaded) : trial(std::move(loaded)) {
    decided_.mode = MD_MODE_ON;
    decided_.scope = MD_SCOPE_ALL;
    decided_.budget_pages = ~std::uint64_t{0};
    decided_.ceiling = ceiling;
    decide();
}

void Rig::decide() {
    ++decided_.epoch;
    // A map of one entry that is there: this cannot fail, and if it did, the checks would see it.
    (void)trial.decide(decided_);
}

void Rig::set_stopped(std::uint64_t until_ns) {
    decided_.stopped_until_ns = until_ns;
    decide();
}

void Rig::set_counted(bool counted) {
    decided_.counted = counted ? 1 : 0;
    decide();
}

void Rig::set_idle_refs(std::uint16_t references) {
    decided_.idle_refs = references;
    decide();
}

// The server's end is enrolled when the client's ACK arrives: on loopback within connect(), but nothing promises that.
base::Result<Connection> Rig::connect(int family) {
    take_short_way();
    auto connection = Connection::open(family);
    if (!connection) return connection;
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto pair = trial.pair(connection->client_cookie());
        if (pair && pair->ends[MD_SERVER].socket != 0 && pair->left == 0) return connection;
        if (std::chrono::steady_clock::now() > end)
            return base::fail({"enrol", "a connection", 0, pair ? "its server's end was not" : "neither end was", {}});
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

md_way Rig::way(const Connection& connection, md_side from) const {
    const auto pair = trial.pair(connection.client_cookie());
    return pair ? pair->ways[from] : md_way{};
}

}  // namespace meshd::acceleration
