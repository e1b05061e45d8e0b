// SPDX-License-Identifier: Apache-2.0
#include "channel/channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <string>
#include <utility>

#include <poll.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "base/wait_for.hpp"
#include "channel/frame_reader.hpp"
#include "channel/utf8.hpp"

namespace meshd::channel {

namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;

namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;
constexpr std::size_t buffers_at_once = 16;

std::string begin_frame(std::size_t expected) {
    std::string frame;
    frame.reserve(header_size + expected);
    frame.resize(header_size);
    return frame;
}

void set_length(std::string& frame) {
    const auto length = frame.size() - header_size;
    for (std::size_t i = 0; i < header_size; ++i) frame[i] = static_cast<char>((length >> (8 * (header_size - 1 - i))) & 0xff);
}

}  // namespace

// Kept alive by the operations under way, so that the Channel may be destroyed at any time. A closed connection calls nobody.
class Channel::Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(asio::io_context& context, base::UniqueFd socket) : socket_(context) {
        error_code ec;
        socket_.assign(asio::local::stream_protocol(), socket.get(), ec);
        if (!ec) (void)socket.release();
        if (!ec) socket_.non_blocking(true, ec);
        open_ = !ec;
        if (ec) assign_error_ = base::Error{"use socket of", "channel", ec.value(), {}, {}};
    }

    void start(OnMessage on_message, OnClose on_close) {
        on_message_ = std::move(on_message);
        on_close_ = std::move(on_close);
        if (!open_) {
            asio::post(socket_.get_executor(), [self = shared_from_this()] { self->fail(self->assign_error_); });
            return;
        }
        read();
    }

    base::Result<void> send(std::string frame) {
        if (frame.size() - header_size > max_frame)
            return base::fail(
                {"send",
                 "message",
                 0,
                 "it has " + std::to_string(frame.size() - header_size) + " bytes, a frame takes " + std::to_string(max_frame),
                 {}});
        if (!open_) return base::fail({"send", "message", 0, "the channel is closed", {}});
        if (write_error_) return {};  // on_close is on its way
        // The peer's parser would refuse the whole frame, and a name of a file is not worth a channel.
        replace_invalid_utf8(frame, header_size);
        set_length(frame);
        queued_bytes_ += frame.size();
        queue_.push_back(std::move(frame));
        flush();
        return {};
    }

    bool wait_closed(std::chrono::milliseconds timeout) { return base::wait_for(socket_.native_handle(), POLLRDHUP, timeout); }

    void close() {
        open_ = false;
        on_close_ = nullptr;
        // on_message_ may be running right now and own what it stands on: it stays until this is destroyed or it has returned.
        if (!in_handler_) on_message_ = nullptr;
        drop_queue();
        error_code ignored;
        socket_.close(ignored);
    }

    [[nodiscard]] bool is_open() const { return open_; }
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }

private:
    void read() {
        socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code ec, std::size_t size) {
            if (!self->open_) return;
            if (ec) {
                self->fail(self->end_of_stream(ec));
            } else {
                self->take({self->buffer_.data(), size});
            }
        });
    }

    void take(std::string_view bytes) {
        while (!bytes.empty()) {
            auto message = reader_.next(bytes);
            if (!message) {
                fail(std::move(message.error()));
                return;
            }
            if (!*message) break;
            in_handler_ = true;
            on_message_(std::move(**message));
            in_handler_ = false;
            if (!open_) {
                on_message_ = nullptr;
                return;
            }
        }
        read();
    }

    // First as much as the socket takes at once (mostly everything: no turn of the loop is needed), the rest when it has room
    // again.
    void flush() {
        if (writing_ || !open_) return;
        while (!queue_.empty()) {
            error_code ec;
            const auto written =
                socket_.write_some(asio::buffer(queue_.front().data() + sent_, queue_.front().size() - sent_), ec);
            if (ec == asio::error::would_block || ec == asio::error::try_again) {
                write();
                return;
            }
            if (ec) {
                stop_writing(ec);
                return;
            }
            took(written);
        }
    }

    void write() {
        std::array<asio::const_buffer, buffers_at_once> buffers;
        std::size_t count = 0;
        for (const auto& frame : queue_) {
            if (count == buffers.size()) break;
            const auto skip = count == 0 ? sent_ : 0;
            buffers[count++] = asio::buffer(frame.data() + skip, frame.size() - skip);
        }
        writing_ = true;
        socket_.async_write_some(buffers, [self = shared_from_this()](error_code ec, std::size_t size) {
            self->writing_ = false;
            if (!self->open_) return;
            if (ec) {
                self->stop_writing(ec);
                return;
            }
            self->took(size);
            self->flush();
        });
    }

    // What the peer sent before it went is still read: the reading end finds the end of the stream and tells of both.
    void stop_writing(error_code why) {
        write_error_ = why;
        drop_queue();
        error_code ignored;
        socket_.shutdown(asio::socket_base::shutdown_both, ignored);
    }

    void drop_queue() {
        queue_.clear();
        queued_bytes_ = 0;
        sent_ = 0;
    }

    void took(std::size_t size) {
        queued_bytes_ -= size;
        sent_ += size;
        while (!queue_.empty() && sent_ >= queue_.front().size()) {
            sent_ -= queue_.front().size();
            queue_.pop_front();
        }
    }

    [[nodiscard]] base::Error end_of_stream(error_code ec) const {
        if (write_error_ && write_error_ != asio::error::broken_pipe)
            return {"write to", "channel", write_error_.value(), {}, {}};
        if (ec != asio::error::eof) return {"read from", "channel", ec.value(), {}, {}};
        if (!reader_.in_frame()) return {"read from", "channel", 0, std::string(peer_closed), {}};
        return {"read from", "channel", 0, "the peer closed it in the middle of a frame", {}};
    }

    void fail(base::Error error) {
        const auto on_close = std::move(on_close_);
        close();
        if (on_close) on_close(std::move(error));
    }

    asio::local::stream_protocol::socket socket_;
    OnMessage on_message_;
    OnClose on_close_;
    base::Error assign_error_;  // why it was never open
    FrameReader reader_;
    std::deque<std::string> queue_;  // frames with their headers
    std::size_t sent_ = 0;           // bytes of queue_.front() that are written
    std::size_t queued_bytes_ = 0;
    error_code write_error_;
    bool open_ = false;
    bool writing_ = false;
    bool in_handler_ = false;
    std::array<char, read_size> buffer_{};
};

Channel::Channel(asio::io_context& context, base::UniqueFd socket)
    : connection_(std::make_shared<Connection>(context, std::move(socket))) {}

Channel::Channel(Channel&&) noexcept = default;

Channel& Channel::operator=(Channel&& other) noexcept {
    if (this != &other) {
        if (connection_) connection_->close();
        connection_ = std::move(other.connection_);
    }
    return *this;
}

Channel::~Channel() {
    if (connection_) connection_->close();
}

void Channel::start(OnMessage on_message, OnClose on_close) { connection_->start(std::move(on_message), std::move(on_close)); }

base::Result<void> Channel::send(const json::object& message) {
    auto frame = begin_frame(512);
    // In pieces: json::serialize() would build a second copy.
    json::serializer serializer;
    serializer.reset(&message);
    std::array<char, 4096> piece;
    while (!serializer.done()) frame += std::string_view(serializer.read(piece.data(), piece.size()));
    return connection_->send(std::move(frame));
}

base::Result<void> Channel::send_text(std::string_view message) {
    auto frame = begin_frame(message.size());
    frame += message;
    return connection_->send(std::move(frame));
}

void Channel::close() { connection_->close(); }

bool Channel::wait_closed(std::chrono::milliseconds timeout) const { return !is_open() || connection_->wait_closed(timeout); }

bool Channel::is_open() const { return connection_ && connection_->is_open(); }

std::size_t Channel::queued_bytes() const { return connection_ ? connection_->queued_bytes() : 0; }

}  // namespace meshd::channel
