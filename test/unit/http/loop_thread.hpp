// SPDX-License-Identifier: Apache-2.0
// A server on a loop of its own thread, and raw sockets that talk to it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/unique_fd.hpp"
#include "http/server.hpp"
#include "http/sockets.hpp"

namespace meshd::http {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "meshd-http-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

class ServerThread {
public:
    template <typename Where>
    ServerThread(const Where& where, AsyncHandler handler, const ServerLimits& limits = {})
        : loop_(1), guard_(loop_.get_executor()) {
        auto server = Server::listen(loop_, where, std::move(handler), limits);
        EXPECT_TRUE(server) << (server ? "" : server.error().message());
        if (server) server_ = std::move(*server);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ServerThread(const ServerThread&) = delete;
    ServerThread& operator=(const ServerThread&) = delete;
    ~ServerThread() {
        on_loop([this] { server_.reset(); });
        guard_.reset();
        thread_.join();
    }

    // Runs on the loop's thread and waits for the end of it.
    void on_loop(const std::function<void()>& what) {
        boost::asio::post(loop_, what);
        std::atomic<bool> is_done = false;
        boost::asio::post(loop_, [&is_done] { is_done = true; });
        while (!is_done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    std::size_t connections() {
        std::size_t count = 0;
        on_loop([&] { count = server_->connections(); });
        return count;
    }

    Server& server() { return *server_; }
    boost::asio::io_context& loop() { return loop_; }

private:
    boost::asio::io_context loop_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    std::unique_ptr<Server> server_;
    std::thread thread_;
};

// A blocking client that sends exactly the bytes it is told.
class RawClient {
public:
    static RawClient unix_socket(const std::string& path) {
        auto fd = connect_to(path, std::chrono::seconds(5));
        EXPECT_TRUE(fd) << (fd ? "" : fd.error().message());
        return RawClient(fd ? std::move(*fd) : base::UniqueFd());
    }
    static RawClient tcp(std::uint16_t port) {
        base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return RawClient(std::move(fd));
    }

    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // What comes until `mark` has come, the connection ends or five seconds are over.
    std::string read_until(std::string_view mark) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (pending_.find(mark) == std::string::npos && std::chrono::steady_clock::now() < deadline) {
            pollfd poll{fd_.get(), POLLIN, 0};
            if (::poll(&poll, 1, 100) == 0) continue;
            char buffer[65536];
            const auto received = ::recv(fd_.get(), buffer, sizeof buffer, 0);
            if (received <= 0) {
                ended_ = true;
                break;
            }
            pending_.append(buffer, static_cast<std::size_t>(received));
        }
        const auto found = pending_.find(mark);
        const auto size = found == std::string::npos ? pending_.size() : found + mark.size();
        auto text = pending_.substr(0, size);
        pending_.erase(0, size);
        return text;
    }
    std::string read_to_end() { return read_until("\x01 never sent \x01"); }
    [[nodiscard]] bool ended() const { return ended_; }
    void shut_down_sending() { ::shutdown(fd_.get(), SHUT_WR); }

private:
    explicit RawClient(base::UniqueFd fd) : fd_(std::move(fd)) {}
    base::UniqueFd fd_;
    std::string pending_;
    bool ended_ = false;
};

}  // namespace meshd::http
