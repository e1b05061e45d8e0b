// SPDX-License-Identifier: Apache-2.0
#include "ktls/self_test.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "base/loopback_pair.hpp"
#include "base/splice_pipe.hpp"
#include "base/wait_for.hpp"
#include "ktls/sockets.hpp"

namespace meshd::ktls {

namespace {

using base::Result;

constexpr std::chrono::seconds patience{1};  // for one step, on a machine that has much to do
constexpr std::string_view close_notify("\x01\x00", 2);
constexpr std::string_view key_update("\x18\x00\x00\x01\x00", 5);

// Not secret: they protect nothing. `seed`: which.
Keys keys_of(Cipher cipher, unsigned char seed) {
    Keys keys;
    keys.cipher = cipher;
    for (std::size_t i = 0; i < keys.key.size(); ++i) keys.key[i] = static_cast<unsigned char>(seed + 7 * i);
    for (std::size_t i = 0; i < keys.iv.size(); ++i) keys.iv[i] = static_cast<unsigned char>(seed + 11 * i);
    keys.sequence = 258;  // two bytes of it, to see their order
    return keys;
}

tl::unexpected<base::Error> wrong(Cipher cipher, std::string_view what) {
    return base::fail({"trust", "kernel TLS with " + std::string(name(cipher)), 0, std::string(what), {}});
}

Result<void> send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN) return base::fail_errno("send over", "kernel TLS");
        if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
        if (!bytes.empty() && !base::wait_for(fd, POLLOUT, patience))
            return base::fail({"send over", "kernel TLS", ETIMEDOUT, {}, {}});
    }
    return {};
}

// What comes first: all bytes of its type as far as they belong together, at most `size`.
Received receive_some(int fd, std::span<char> into) {
    while (true) {
        const auto received = receive(fd, into);
        if (received.error != EAGAIN) return received;
        if (!base::wait_for(fd, POLLIN, patience)) return {0, {}, ETIMEDOUT};
    }
}

bool hears(int fd, std::uint8_t type, std::string_view expected) {
    std::array<char, 4096> into{};
    while (!expected.empty()) {
        const auto got = receive_some(fd, std::span(into).first(std::min(into.size(), expected.size())));
        if (got.type != type || got.size == 0 || std::string_view(into.data(), got.size) != expected.substr(0, got.size))
            return false;
        expected.remove_prefix(got.size);
    }
    return true;
}

Result<void> exchange(int from, int to, Cipher cipher) {
    const std::string much(50'000, 'm');  // more than three records
    if (auto sent = send_all(from, much); !sent) return sent;
    if (!hears(to, data_record, much)) return wrong(cipher, "other bytes came than were sent");
    if (!send_record(from, alert_record, close_notify)) return base::fail_errno("send an alert over", "kernel TLS");
    if (!hears(to, alert_record, close_notify)) return wrong(cipher, "an alert did not come as one");
    return {};
}

// Both ways, the first bytes before the receiver has its keys.
Result<void> try_cipher(Cipher cipher) {
    auto pair = base::loopback_pair();
    if (!pair) return tl::make_unexpected(pair.error());
    const std::array ends{pair->first.get(), pair->second.get()};
    for (const int fd : ends)
        if (auto prepared = prepare(fd); !prepared) return prepared;
    constexpr std::string_view early = "said before the other side had its keys";
    for (std::size_t i = 0; i < ends.size(); ++i) {
        if (auto done = install(ends[i], Way::transmit, keys_of(cipher, static_cast<unsigned char>(i))); !done) return done;
        if (auto sent = send_all(ends[i], early); !sent) return sent;
    }
    for (std::size_t i = 0; i < ends.size(); ++i) {
        if (auto done = install(ends[1 - i], Way::receive, keys_of(cipher, static_cast<unsigned char>(i))); !done) return done;
        if (!hears(ends[1 - i], data_record, early)) return wrong(cipher, "what came before the keys was not received");
    }
    for (std::size_t i = 0; i < ends.size(); ++i)
        if (auto done = exchange(ends[i], ends[1 - i], cipher); !done) return done;
    return {};
}

// Who has other keys must be noticed.
Result<void> try_forgery(Cipher cipher) {
    auto pair = base::loopback_pair();
    if (!pair) return tl::make_unexpected(pair.error());
    const int from = pair->first.get(), to = pair->second.get();
    for (const int fd : {from, to})
        if (auto prepared = prepare(fd); !prepared) return prepared;
    if (auto done = install(from, Way::transmit, keys_of(cipher, 1)); !done) return done;
    if (auto done = install(to, Way::receive, keys_of(cipher, 2)); !done) return done;
    if (auto sent = send_all(from, "forged"); !sent) return sent;
    std::array<char, 64> into{};
    if (receive_some(to, into).error != EBADMSG) return wrong(cipher, "a record of other keys was not refused");
    return {};
}

// RFC 8446, 4.6.3: a KeyUpdate, and what follows has other keys and counts from 0.
Result<void> try_update(Cipher cipher) {
    auto pair = base::loopback_pair();
    if (!pair) return tl::make_unexpected(pair.error());
    const int from = pair->first.get(), to = pair->second.get();
    for (const int fd : {from, to})
        if (auto prepared = prepare(fd); !prepared) return prepared;
    auto later = keys_of(cipher, 2);
    later.sequence = 0;
    if (auto done = install(from, Way::transmit, keys_of(cipher, 1)); !done) return done;
    if (auto done = install(to, Way::receive, keys_of(cipher, 1)); !done) return done;
    if (!send_record(from, handshake_record, key_update)) return base::fail_errno("send a KeyUpdate over", "kernel TLS");
    if (auto done = install(from, Way::transmit, later); !done) return done;
    if (auto sent = send_all(from, "later"); !sent) return sent;
    if (!hears(to, handshake_record, key_update)) return wrong(cipher, "a KeyUpdate did not come as one");
    if (auto done = install(to, Way::receive, later); !done) return done;
    if (!hears(to, data_record, "later")) return wrong(cipher, "what followed a KeyUpdate was not received");
    return {};
}

Result<void> empty(base::SplicePipe& pipe, int to) {
    while (pipe.held() > 0)
        if (pipe.drain(to) < 0 && (errno != EAGAIN || !base::wait_for(to, POLLOUT, patience)))
            return base::fail_errno("splice to", "kernel TLS");
    return {};
}

// Out of records and through a pipe; what is no data has to stay for who asks what it is.
Result<void> try_splice(Cipher cipher) {
    auto plain = base::loopback_pair();
    if (!plain) return tl::make_unexpected(plain.error());
    auto pair = base::loopback_pair();
    if (!pair) return tl::make_unexpected(pair.error());
    auto pipe = base::SplicePipe::make(std::size_t{64} << 10);
    if (!pipe) return tl::make_unexpected(pipe.error());
    const int from = pair->first.get(), to = pair->second.get();
    for (const int fd : {from, to})
        if (auto prepared = prepare(fd); !prepared) return prepared;
    if (auto done = install(from, Way::transmit, keys_of(cipher, 1)); !done) return done;
    if (auto done = install(to, Way::receive, keys_of(cipher, 1)); !done) return done;

    std::string bytes(20'000, ' ');  // more than a record, and no page twice
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>('a' + i / 7 % 26);
    if (auto sent = send_all(from, bytes); !sent) return sent;
    if (!send_record(from, alert_record, close_notify)) return base::fail_errno("send an alert over", "kernel TLS");
    for (std::size_t done = 0; done < bytes.size();) {
        if (!base::wait_for(to, POLLIN, patience) || pipe->fill(to) <= 0) return base::fail_errno("splice from", "kernel TLS");
        done += pipe->held();
        if (auto moved = empty(*pipe, plain->second.get()); !moved) return moved;
    }
    std::string got(bytes.size(), ' ');
    for (std::size_t done = 0; done < got.size();) {
        if (!base::wait_for(plain->first.get(), POLLIN, patience))
            return wrong(cipher, "fewer bytes came by splice than were sent");
        const auto size = ::recv(plain->first.get(), got.data() + done, got.size() - done, 0);
        if (size <= 0) return wrong(cipher, "fewer bytes came by splice than were sent");
        done += static_cast<std::size_t>(size);
    }
    if (got != bytes) return wrong(cipher, "other bytes came by splice than were sent");
    if (!base::wait_for(to, POLLIN, patience) || pipe->fill(to) >= 0 || !hears(to, alert_record, close_notify))
        return wrong(cipher, "an alert came by splice as if it were data");
    return {};
}

}  // namespace

Verdict self_test() {
    Verdict verdict;
    // The first that fails.
    const auto with_all = [](auto... attempts) -> Result<void> {
        Result<void> done;
        for (const auto cipher : ciphers) ((done = done ? attempts(cipher) : done), ...);
        return done;
    };
    const auto serves = with_all(try_cipher, try_forgery);
    if (!serves) {
        verdict.reason = serves.error().message();
        return verdict;
    }
    verdict.transmits = verdict.receives = true;
    const auto updates = with_all(try_update), splices = with_all(try_splice);
    verdict.updates = updates.has_value();
    verdict.splices = splices.has_value();
    if (!updates) verdict.reason = "keys cannot be changed in the middle of a connection: " + updates.error().message();
    if (!splices) verdict.reason += (updates ? "" : "; ") + ("data cannot be spliced: " + splices.error().message());
    return verdict;
}

std::string describe(const Verdict& verdict) {
    if (!verdict.transmits || !verdict.receives) return "no: " + verdict.reason;
    const std::string whole = "transmit and receive";
    if (verdict.reason.empty()) return whole + ", with key updates and splice";
    return whole + "; " + verdict.reason;
}

}  // namespace meshd::ktls
