// SPDX-License-Identifier: Apache-2.0
#include "board.hpp"

#include <utility>

#include <fcntl.h>
#include <sys/mman.h>

#include "base/unique_fd.hpp"
#include "bench/sockets.hpp"

namespace meshd::shapes {

using bench::throw_errno;

void Slot::offer(const Plan& wanted) {
    reset_begun = 0;
    for (const auto side : {Side::client, Side::server}) {
        const auto i = index(side);
        closed[i] = finished[i] = 0;
        offered_bytes[i] = sent_bytes[i] = read_bytes[i] = 0;
        findings[i].wrong = findings[i].stalls = findings[i].hangs = findings[i].waitall_short = findings[i].told = 0;
        findings[i].text.fill('\0');
    }
    plan = wanted;
    state.store(offered, std::memory_order_release);
}

bool Slot::take() {
    std::uint32_t expected = offered;
    return state.compare_exchange_strong(expected, taken, std::memory_order_acq_rel);
}

Board::Board(int fd, const std::string& path) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) throw_errno("map " + path);
    slots_ = static_cast<Slot*>(memory);  // an empty file reads as zeros, which is what every member begins with
}

Board::Board(Board&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}

Board::~Board() {
    if (slots_ != nullptr) ::munmap(slots_, size);
}

Board Board::create(const std::string& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) throw_errno("make " + path);
    return {fd.get(), path};
}

Board Board::open(const std::string& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd.valid()) throw_errno("open " + path);
    return {fd.get(), path};
}

}  // namespace meshd::shapes
