// SPDX-License-Identifier: Apache-2.0
#include "app/listener_handover.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <boost/json.hpp>

namespace meshd::app {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds longest_overlap{10};

}  // namespace

void ListenerHandover::begin(base::UniqueFd socket) {
    queue_.clear();
    waits_ = false;
    former_ = std::move(socket_);
    overlap_.expires_after(longest_overlap);
    overlap_.async_wait([this](const boost::system::error_code& ended) {
        if (!ended) end_overlap();
    });
    boost::system::error_code error;
    socket_.emplace(io_);
    socket_->assign(socket.release(), error);
    if (error) {
        spdlog::warn("hand listeners over: {}", error.message());
        socket_.reset();
        return;
    }
    for (const auto& [name, listeners] : sets_) queue(name, listeners);
    flush();
}

void ListenerHandover::end_overlap() {
    overlap_.cancel();
    former_.reset();
}

base::Result<steering::ListenersPtr> ListenerHandover::open(const std::string& name, const base::SocketAddress& address,
                                                            unsigned count, std::string_view where) {
    if (auto kept = store_.take(name, address, count)) return kept;
    return steering::listen_at(address, count, where);
}

void ListenerHandover::set(const std::string& name, steering::ListenersPtr listeners) {
    store_.keep(name, listeners);
    if (listeners)
        sets_[name] = listeners;
    else if (sets_.erase(name) == 0)
        return;
    if (!socket_) return;
    queue(name, listeners);
    flush();
}

void ListenerHandover::queue(const std::string& name, const steering::ListenersPtr& listeners) {
    if (!listeners) {
        queue_.push_back({json::serialize(json::object{{"name", name}, {"of", 0}}), nullptr, 0});
        return;
    }
    const auto count = listeners->sockets.size();
    for (std::size_t index = 0; index < count; ++index)
        queue_.push_back(
            {json::serialize(json::object{{"name", name}, {"port", listeners->port}, {"index", index}, {"of", count}}), listeners,
             index});
}

bool ListenerHandover::send(const Message& message) {
    iovec bytes{const_cast<char*>(message.text.data()), message.text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    if (message.listeners) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        auto* const part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        const int listener = message.listeners->sockets[message.index].get();
        std::memcpy(CMSG_DATA(part), &listener, sizeof listener);
    }
    return ::sendmsg(socket_->native_handle(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void ListenerHandover::flush() {
    if (waits_) return;
    while (!queue_.empty()) {
        if (send(queue_.front())) {
            queue_.pop_front();
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) {
            // It has ended; the next one gets all.
            spdlog::debug("hand listeners over: {}", std::strerror(errno));
            queue_.clear();
            return;
        }
        waits_ = true;
        socket_->async_wait(boost::asio::posix::stream_descriptor::wait_write, [this](const boost::system::error_code& error) {
            if (error) return;
            waits_ = false;
            flush();
        });
        return;
    }
}

}  // namespace meshd::app
