// SPDX-License-Identifier: Apache-2.0
// Connections whose TLS records the kernel makes and opens, once OpenSSL has made the handshake: receiving first, then
// transmitting.
#include <algorithm>
#include <cerrno>
#include <span>

#include "ktls/sockets.hpp"
#include "relay/peer_leg.hpp"

namespace meshd::relay {

namespace {

using Condition = Stream::Condition;

// To find the end of a record with nothing unsent: a connection where that does not come about stays with OpenSSL.
constexpr std::uint8_t most_tries = 32;
// As many records as AES-GCM may protect with one key (RFC 8446, 5.5) are more than twice as many.
constexpr std::uint32_t records_of_one_key = 1U << 23;
constexpr std::size_t largest_record = std::size_t{16} << 10;

constexpr std::string_view close_notify("\x01\x00", 2);            // RFC 8446, 6
constexpr std::string_view key_update("\x18\x00\x00\x01\x00", 5);  // 4.6.3: none is asked of the other side

}  // namespace

// A server that has not accepted us yet may want to say why not, and its ticket is for OpenSSL. Clients from outside are left to
// OpenSSL: they get FIN behind the last record, which the kernel would send before records that TCP has no room for yet.
void PeerLeg::give_to_kernel() {
    if (phase_ != Phase::open || is_transmitting_by_kernel_ || tries_ >= most_tries || !is_accepted_) return;
    const auto& configuration = thread_.configuration;
    if (direction_ == Direction::edge || configuration == nullptr || !configuration->kernel_tls || !session_->may_leave()) {
        tries_ = most_tries;
        return;
    }
    ++tries_;
    auto& figures = thread_.figures.of(direction_);
    if (!is_receiving_by_kernel_) {
        if (!session_->keys(ktls::Way::receive)) return;  // in the middle of a record
        if (!ktls::prepare(stream_.fd()) || !hand_over(ktls::Way::receive)) {
            tries_ = most_tries;
            return;
        }
        is_receiving_by_kernel_ = true;
        figures.kernel_receives.add();
        stream_.note(EPOLLIN);  // what came before it looked
    }
    if (stream_.unsent() > 0) return;
    if (!hand_over(ktls::Way::transmit)) {
        tries_ = most_tries;
        return;
    }
    is_transmitting_by_kernel_ = true;
    figures.kernel_transmits.add();
}

bool PeerLeg::hand_over(ktls::Way way) {
    const auto keys = session_->keys(way);
    return keys && ktls::install(stream_.fd(), way, *keys).has_value();
}

// While it is to be given to the kernel no further than to the end of a record.
std::size_t PeerLeg::room_for_records() {
    const auto all = thread_.scratch.received.size();
    const bool is_candidate = tries_ > 0 && tries_ < most_tries;
    if (!is_candidate || session_->missing() == 0) return all;
    return std::min(all, session_->missing());
}

PeerLeg::Read PeerLeg::fail_in_kernel() {
    thread_.figures.of(direction_).kernel_failures.add();
    return {{}, Condition::reset};
}

PeerLeg::Read PeerLeg::read_from_kernel() {
    // As long as it does not transmit for want of room.
    if (!is_transmitting_by_kernel_) give_to_kernel();
    auto& into = thread_.scratch.plain;
    std::uint8_t type = 0;
    const auto received = stream_.receive_records(std::span(into).first(Scratch::at_once), type);
    if (received.condition == Condition::reset && errno == EBADMSG) return fail_in_kernel();
    if (received.condition != Condition::good) return {{}, Condition::reset};
    const std::string_view bytes(into.data(), received.size);
    switch (type) {
        case 0:
            return {};
        case ktls::data_record:
            return {bytes, Condition::good, true};
        case ktls::handshake_record:
            return take_handshake(bytes);
        default:
            return {{}, type == ktls::alert_record && bytes == close_notify ? Condition::ended : Condition::reset, true};
    }
}

PeerLeg::Read PeerLeg::take_handshake(std::string_view bytes) {
    using Heard = PostHandshake::Heard;
    const auto heard = post_handshake_.feed(bytes);
    const bool is_update = heard == Heard::update || heard == Heard::update_of_both;
    if (heard == Heard::wrong || (is_update && !follow_update(heard == Heard::update_of_both))) return fail_in_kernel();
    return {{}, Condition::good, true};
}

bool PeerLeg::follow_update(bool is_answer_wanted) {
    const auto keys = session_->next_keys(ktls::Way::receive);
    if (!keys || !ktls::install(stream_.fd(), ktls::Way::receive, *keys)) return false;
    if (is_answer_wanted && is_transmitting_by_kernel_) {
        is_update_due_ = true;
        return flush();
    }
    if (is_answer_wanted) session_->update_key();
    return true;
}

bool PeerLeg::write_to_kernel(std::string_view plain) {
    records_ += 1 + static_cast<std::uint32_t>(plain.size() / largest_record);
    if (records_ >= records_of_one_key) is_update_due_ = true;
    return stream_.send(plain) && (!is_update_due_ || flush());
}

// As long as the kernel does not transmit, read() sees to it that it will.
bool PeerLeg::reads_by_pipe() const {
    const auto& kernel = thread_.configuration->kernel_tls;
    return is_receiving_by_kernel_ && is_transmitting_by_kernel_ && early_.empty() && early_condition_ == Condition::good &&
           kernel && kernel->splices;
}

// New keys first: nothing may follow a goodbye.
bool PeerLeg::say_what_is_due() {
    if (!is_transmitting_by_kernel_ || stream_.unsent() > 0) return true;
    if (is_update_due_) {
        if (!thread_.configuration->kernel_tls || !thread_.configuration->kernel_tls->has_updates) {
            (void)fail_in_kernel();
            return false;
        }
        const auto said = stream_.say_record(ktls::handshake_record, key_update);
        if (said != Stream::Said::all) return said == Stream::Said::nothing;
        is_update_due_ = false;
        records_ = 0;
        const auto keys = session_->next_keys(ktls::Way::transmit);
        if (!keys || !ktls::install(stream_.fd(), ktls::Way::transmit, *keys)) {
            (void)fail_in_kernel();
            return false;
        }
    }
    if (is_goodbye_due_) {
        const auto said = stream_.say_record(ktls::alert_record, close_notify);
        if (said == Stream::Said::broken) return false;
        if (said == Stream::Said::all) is_goodbye_due_ = false;
    }
    return true;
}

bool PeerLeg::may_close() const { return !is_transmitting_by_kernel_ || ktls::may_close(stream_.fd()); }

}  // namespace meshd::relay
