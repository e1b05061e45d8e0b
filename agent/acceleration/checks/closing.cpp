// SPDX-License-Identifier: Apache-2.0
// That no byte is lost when a connection ends, and that its end is told as TCP tells it.
#include <cerrno>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "acceleration/checks/checks.hpp"
#include "base/wait_for.hpp"

namespace meshd::acceleration {

namespace {

constexpr std::size_t message_size = 1000;

// Nothing more comes and the reader is told so.
bool ends(Way& way) {
    char byte = 0;
    return wait_readable(way.to()) && ::recv(way.to(), &byte, 1, 0) == 0;
}

void wait_for_fin(int fd) { (void)base::wait_for(fd, POLLRDHUP, patience); }

}  // namespace

Seen check_half_close(Rig&, Connection& connection) {
    auto& request = connection.to_server();
    auto& answer = connection.to_client();
    request.send(message_size);
    ::shutdown(connection.client(), SHUT_WR);
    const bool request_whole = request.receive_rest() && ends(request);
    answer.send(message_size);
    const bool answer_whole = answer.receive_rest();
    connection.close_server();
    return {request_whole && answer_whole && ends(answer),
            fmt::format("{}{}; answer: {}", request.text(), request_whole ? ", its end" : ", not its end", answer.text())};
}

// The client has ended its side and is slow to read: the server's FIN must not take the answer with it.
Seen check_unread_answer(Rig& rig, Connection& connection) {
    auto& request = connection.to_server();
    auto& answer = connection.to_client();
    request.send(message_size);
    answer.send(message_size);  // before the client's FIN
    ::shutdown(connection.client(), SHUT_WR);
    const bool request_whole = request.receive_rest() && ends(request);
    answer.send(message_size);  // after it
    const auto by_short_way = rig.way(connection, MD_SERVER).bytes;
    connection.close_server();
    wait_for_fin(connection.client());
    const bool answer_whole = answer.receive_rest();
    return {request_whole && answer_whole && ends(answer),
            fmt::format("{}; answer: {}, {} of them short", request.text(), answer.text(), by_short_way)};
}

Seen check_reset(Rig&, Connection& connection) {
    auto& way = connection.to_server();
    way.send(message_size);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    (void)::setsockopt(connection.client(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connection.close_client();
    ssize_t got = 0;
    do got = wait_readable(way.to()) ? way.receive(message_size) : 0;
    while (got > 0);
    const int code = got < 0 ? errno : 0;
    return {way.intact() && code == ECONNRESET, fmt::format("{}, then {}", way.text(), code != 0 ? errno_name(code) : "nothing")};
}

Seen check_peer_gone(Rig&, Connection& connection) {
    constexpr int attempts = 8;
    auto& way = connection.to_server();
    way.send(message_size);
    way.receive_rest();
    connection.close_server();
    // TCP takes the first message, and learns from the answer to it.
    for (int i = 0; i < attempts; ++i) {
        if (way.send(message_size) < 0) return {errno == EPIPE || errno == ECONNRESET, errno_name(errno)};
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {false, "every message was taken"};
}

}  // namespace meshd::acceleration
