// SPDX-License-Identifier: Apache-2.0
// Memory that both processes share: the plan of each connection, and what each end has done so far. It is how a reader knows,
// without asking the kernel, whether bytes are on their way to it. A connection's place is that of the client's port.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "plan.hpp"

namespace meshd::shapes {

// What one end found. Counters, because a reader, a writer and the watch may add to it at the same time.
struct Findings {
    std::atomic<std::uint32_t> wrong;
    std::atomic<std::uint32_t> stalls;
    std::atomic<std::uint32_t> hangs;
    std::atomic<std::uint32_t> waitall_short;
    std::atomic<std::uint32_t> told;  // 1 from the first text on, which stays
    std::array<char, 240> text;
};

struct Slot {
    enum State : std::uint32_t {
        free,     // the client may write a plan
        offered,  // the server may take it
        taken,
    };

    std::atomic<std::uint32_t> state;
    std::atomic<std::uint32_t> reset_begun;
    std::array<std::atomic<std::uint32_t>, 2> closed;    // by side; so is the next
    std::array<std::atomic<std::uint32_t>, 2> finished;  // this end needs the slot no more
    // By sending side. offered: what calls were asked to send; sent: what they said is sent; read: what the other side has.
    std::array<std::atomic<std::uint64_t>, 2> offered_bytes;
    std::array<std::atomic<std::uint64_t>, 2> sent_bytes;
    std::array<std::atomic<std::uint64_t>, 2> read_bytes;
    std::array<Findings, 2> findings;  // by side
    Plan plan;

    void offer(const Plan& wanted);  // the slot must be free
    bool take();                     // false: nothing is offered yet
};

// Memory of another process is no place for a mutex.
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

class Board {
public:
    static Board create(const std::string& path);  // both throw std::system_error
    static Board open(const std::string& path);
    Board(Board&& other) noexcept;
    Board& operator=(Board&&) = delete;
    ~Board();

    [[nodiscard]] Slot& at(std::uint16_t client_port) { return slots_[client_port]; }

private:
    static constexpr std::size_t size = 65536 * sizeof(Slot);  // of a sparse file

    Board(int fd, const std::string& path);

    Slot* slots_;
};

}  // namespace meshd::shapes
