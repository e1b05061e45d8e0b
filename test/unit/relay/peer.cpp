// SPDX-License-Identifier: Apache-2.0
#include "peer.hpp"

#include <array>

#include <poll.h>
#include <sys/socket.h>

namespace meshd::relay {

using Step = tls::Session::Step;

void Peer::send_wire() {
    if (!wire_->to_send.empty()) socket.say(wire_->to_send);
    wire_->to_send.clear();
}

bool Peer::receive() {
    received_.resize(65536);
    const auto size = ::recv(socket.fd(), received_.data(), received_.size(), 0);
    if (size <= 0) return false;
    wire_->received = std::string_view(received_).substr(0, static_cast<std::size_t>(size));
    return true;
}

bool Peer::shake_hands() {
    auto step = session_.handshake();
    send_wire();
    while (step == Step::more && receive()) {
        step = session_.handshake();
        send_wire();
    }
    return step == Step::done;
}

void Peer::say(std::string_view plain) {
    session_.write(plain);
    send_wire();
}

std::string Peer::hear(std::size_t size) {
    std::array<char, 98304> plain{};
    while (heard_.size() < size) {
        if (wire_->received.empty() && !receive()) break;
        const auto got = session_.read(plain);
        heard_.append(plain.data(), got.size);
        has_heard_goodbye_ = got.step == Step::ended;
        if (got.step == Step::ended || got.step == Step::failed) break;
    }
    auto result = heard_.substr(0, size);
    heard_.erase(0, result.size());
    return result;
}

bool Peer::has_more() const {
    pollfd state{socket.fd(), POLLIN, 0};
    return !wire_->received.empty() || ::poll(&state, 1, 0) == 1;
}

void Peer::finish() {
    session_.close();
    send_wire();
}

}  // namespace meshd::relay
