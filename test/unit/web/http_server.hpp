// SPDX-License-Identifier: Apache-2.0
// A server of HTTP/1.1 whose answers a test writes byte by byte, on the loop of what is tested.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace meshd {

class HttpServer {
public:
    // A connection, and the request on it that is to be answered.
    class Exchange : public std::enable_shared_from_this<Exchange> {
    public:
        using Handler = std::function<void(std::shared_ptr<Exchange>)>;
        Exchange(boost::asio::ip::tcp::socket socket, const Handler& handler) : socket_(std::move(socket)), handler_(handler) {}

        std::string request;  // head and body
        bool is_gone = false;

        [[nodiscard]] std::string target() const {
            const auto begin = request.find(' ') + 1;
            return request.substr(begin, request.find(' ', begin) - begin);
        }
        void send(const std::string& bytes) {
            boost::system::error_code ignored;
            boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
        }
        void answer(const std::string& body, const std::string& status = "200 OK", const std::string& headers = "") {
            send("HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        }
        void close() { socket_.close(); }

        void read() {
            boost::asio::async_read_until(socket_, boost::asio::dynamic_buffer(bytes_), "\r\n\r\n",
                                          [self = shared_from_this()](boost::system::error_code ec, std::size_t size) {
                                              ec ? self->end() : self->read_body(size);
                                          });
        }
        void end() {
            is_gone = true;
            boost::system::error_code ignored;
            socket_.close(ignored);
        }

    private:
        void read_body(std::size_t head) {
            const auto at = bytes_.find("Content-Length: ");
            const std::size_t body = at < head ? std::stoul(bytes_.substr(at + 16)) : 0;
            boost::system::error_code ignored;
            if (bytes_.size() < head + body)
                boost::asio::read(socket_, boost::asio::dynamic_buffer(bytes_),
                                  boost::asio::transfer_exactly(head + body - bytes_.size()), ignored);
            request = bytes_.substr(0, head + body);
            bytes_.erase(0, head + body);
            handler_(shared_from_this());
            if (socket_.is_open()) read();
        }

        boost::asio::ip::tcp::socket socket_;
        const Handler& handler_;
        std::string bytes_;
    };

    // `address` is that of an earlier one, which is gone.
    HttpServer(boost::asio::io_context& io, Exchange::Handler handler, const std::string& address = "127.0.0.1:0")
        : acceptor_(io, endpoint(address)), handler_(std::move(handler)) {
        accept();
    }
    ~HttpServer() {
        for (const auto& connection : connections_) connection->end();
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
    [[nodiscard]] std::string url(const std::string& path = "") const { return "http://" + address() + path; }
    [[nodiscard]] std::size_t connections() const { return connections_.size(); }
    [[nodiscard]] bool all_gone() const {
        for (const auto& connection : connections_)
            if (!connection->is_gone) return false;
        return true;
    }

private:
    static boost::asio::ip::tcp::endpoint endpoint(const std::string& address) {
        return {boost::asio::ip::address_v4::loopback(),
                static_cast<std::uint16_t>(std::stoul(address.substr(address.find(':') + 1)))};
    }
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code ec, boost::asio::ip::tcp::socket socket) {
            if (ec) return;
            connections_.push_back(std::make_shared<Exchange>(std::move(socket), handler_));
            connections_.back()->read();
            accept();
        });
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    Exchange::Handler handler_;
    std::vector<std::shared_ptr<Exchange>> connections_;
};

}  // namespace meshd
