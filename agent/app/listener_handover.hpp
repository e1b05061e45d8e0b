// SPDX-License-Identifier: Apache-2.0
// Gives workers the listening sockets that the agent keeps: each new worker all of them, and whoever is there what changes.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/listener_store.hpp"
#include "base/unique_fd.hpp"
#include "steering/listeners.hpp"

namespace meshd::app {

class ListenerHandover {
public:
    explicit ListenerHandover(boost::asio::io_context& io, ListenerStore store = {})
        : io_(io), store_(std::move(store)), overlap_(io) {}

    // As steering::listen_at(), or those of an agent before this one that were kept under that name. They count from set() on.
    base::Result<steering::ListenersPtr> open(const std::string& name, const base::SocketAddress& address, unsigned count,
                                              std::string_view where);
    // All that is wanted at the start is open: what else was kept is closed.
    void end_of_start() { store_.close_rest(); }

    // `socket`: the other end of what the new worker has as handover_fd. One before it takes connections, too, until
    // end_overlap(), or for some seconds.
    void begin(base::UniqueFd socket);
    void end_overlap();

    // A new set replaces the one of its name; null: there is none any more.
    void set(const std::string& name, steering::ListenersPtr listeners);

private:
    struct Message {
        std::string text;
        steering::ListenersPtr listeners;  // of whom one goes along, by its index; null: none
        std::size_t index = 0;
    };
    void queue(const std::string& name, const steering::ListenersPtr& listeners);
    void flush();
    [[nodiscard]] bool send(const Message& message);

    boost::asio::io_context& io_;
    ListenerStore store_;
    std::optional<boost::asio::posix::stream_descriptor> socket_;  // nothing: there is no worker
    std::optional<boost::asio::posix::stream_descriptor> former_;  // of the worker before
    boost::asio::steady_timer overlap_;
    std::map<std::string, steering::ListenersPtr> sets_;
    std::deque<Message> queue_;
    bool waits_ = false;
};

}  // namespace meshd::app
