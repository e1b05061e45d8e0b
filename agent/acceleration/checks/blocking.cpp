// SPDX-License-Identifier: Apache-2.0
// Calls that wait: a reader that is woken while nothing has come for it goes on waiting, or hears what TCP would say.
#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>

#include "acceleration/checks/checks.hpp"

namespace meshd::acceleration {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t message_size = 4096;
constexpr auto asleep_after = 20ms;  // by then a thread sleeps in the call that it was about to make

void make_blocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    (void)::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

// recv() would wait for good where the kernel forgets to wake it.
void limit_waiting(int fd) {
    const timeval limit{.tv_sec = 0, .tv_usec = std::chrono::microseconds(patience).count()};
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

// recv() in this thread, while `disturb` runs in another once the call sleeps.
template <typename Disturb>
Seen receive_while(Way& way, std::size_t size, int flags, Disturb disturb) {
    make_blocking(way.to());
    std::thread other([&] {
        std::this_thread::sleep_for(asleep_after);
        disturb();
    });
    const auto got = way.receive(size, flags);
    auto text = outcome_name(got);
    other.join();
    return {got == static_cast<ssize_t>(size) && way.intact(), std::move(text)};
}

// While it lives, SIGUSR1 interrupts calls, which the kernel then starts again.
class RestartingSignal {
public:
    RestartingSignal() {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        action.sa_flags = SA_RESTART;
        (void)::sigaction(SIGUSR1, &action, &before_);
    }
    ~RestartingSignal() { (void)::sigaction(SIGUSR1, &before_, nullptr); }
    RestartingSignal(const RestartingSignal&) = delete;
    RestartingSignal& operator=(const RestartingSignal&) = delete;

private:
    struct sigaction before_ {};
};

}  // namespace

Seen check_wait_for_all(Rig&, Connection& connection) {
    auto& way = connection.to_server();
    limit_waiting(way.to());
    way.send(message_size);
    return receive_while(way, 2 * message_size, MSG_WAITALL, [&] { way.send(message_size); });
}

// Without a limit: with one not even TCP starts the call again. The message ends the wait in any case.
Seen check_waiting_signal(Rig&, Connection& connection) {
    auto& way = connection.to_server();
    const RestartingSignal signal;
    return receive_while(way, message_size, 0, [&way, reader = ::pthread_self()] {
        ::pthread_kill(reader, SIGUSR1);
        std::this_thread::sleep_for(asleep_after);
        way.send(message_size);
    });
}

Seen check_waiting_reset(Rig&, Connection& connection) {
    auto& way = connection.to_server();
    limit_waiting(way.to());
    const auto seen = receive_while(way, message_size, 0, [&] {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        (void)::setsockopt(connection.client(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        connection.close_client();
    });
    return {seen.text == errno_name(ECONNRESET), seen.text};
}

// One thread of the server waits for a request, another for room to send its answer: room wakes both.
Seen check_waiting_writer(Rig& rig, Connection& connection) {
    constexpr std::size_t size = 65536;
    constexpr std::uint64_t more_than_fits = std::uint64_t{64} << 20U;
    auto& request = connection.to_server();
    auto& answer = connection.to_client();
    rig.take_tcp();
    answer.send_until_full(size, more_than_fits);
    const auto last = stream_bytes(answer.sent(), size);
    const auto seen = receive_while(request, message_size, 0, [&] {
        std::thread writer([&] { (void)::send(answer.from(), last.data(), last.size(), MSG_NOSIGNAL); });
        std::this_thread::sleep_for(asleep_after);
        answer.receive_whole(answer.sent() + size);
        writer.join();
        request.send(message_size);
    });
    answer.note_sent(size);
    return {seen.passed && answer.intact() && answer.received() == answer.sent(), seen.text};
}

}  // namespace meshd::acceleration
