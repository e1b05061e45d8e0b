// SPDX-License-Identifier: Apache-2.0
// A connected socket, read and written at once whenever it can be, with what it has not taken yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/splice_pipe.hpp"
#include "base/unique_fd.hpp"
#include "ktls/keys.hpp"
#include "relay/backlog.hpp"

namespace meshd::relay {

class Stream {
public:
    Stream() = default;
    explicit Stream(base::UniqueFd fd) : fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool is_open() const { return fd_.valid(); }
    [[nodiscard]] bool is_readable() const { return is_readable_; }
    [[nodiscard]] bool is_writable() const { return is_writable_; }
    // As far as epoll said; reading may still find bytes.
    [[nodiscard]] bool has_ended() const { return has_ended_; }
    [[nodiscard]] bool has_failed() const { return has_failed_; }
    [[nodiscard]] std::size_t unsent() const { return unsent_.size(); }

    void note(std::uint32_t events);  // of epoll, edge-triggered

    enum class Condition : std::uint8_t { good, ended, reset };
    struct Received {
        std::size_t size = 0;
        Condition condition = Condition::good;
    };
    Received receive(std::span<char> into);
    // Where the kernel opens TLS records: of one type, in `type`; nothing has come, also no record without bytes: 0.
    Received receive_records(std::span<char> into, std::uint8_t& type);
    // Into a pipe, and data alone: how much. 0: the function above tells what there is else, be it an end.
    std::size_t receive_records(base::SplicePipe& pipe);

    // What the kernel does not take is kept. False: the connection is broken.
    bool send(std::string_view bytes);
    bool send(base::SplicePipe& pipe, std::span<char> spare);  // which is empty then
    bool flush();
    // Where the kernel makes TLS records, behind all else. What it does not take has to be said again.
    enum class Said : std::uint8_t { all, nothing, broken };
    Said say_record(std::uint8_t type, std::string_view bytes);

    void finish_sending();  // FIN
    void close() { fd_.reset(); }
    void reset();  // RST

private:
    base::UniqueFd fd_;
    Backlog unsent_;
    bool is_readable_ = false;
    bool is_writable_ = true;
    bool has_ended_ = false;  // or failed: what is read last tells
    bool has_failed_ = false;
};

}  // namespace meshd::relay
