// SPDX-License-Identifier: Apache-2.0
// The client's side of one TLS connection over a socket that is connected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "tls/trust.hpp"

namespace meshd::tls {

class OpenStream;

// Why a handshake failed.
enum class Failure : std::uint8_t {
    protocol,     // the peer does not speak TLS, or none that both know
    expired,      // certificate: or not yet valid
    wrong_name,   // certificate
    unknown_ca,   // certificate: of nobody who is trusted
    certificate,  // anything else about it
    reset,        // the connection
    closed,
};

// Everything on the thread of the loop. Destroying it closes the socket; no handler is called after that.
class Client {
public:
    using Handler = std::function<void(const boost::system::error_code&, std::size_t)>;

    // `name`: whom the certificate must be for, a DNS name (sent as SNI) or an IP address. `protocols`: ALPN, the first is
    // preferred; none: nothing is offered.
    Client(boost::asio::ip::tcp::socket socket, std::shared_ptr<Trust> trust, const std::string& name,
           std::initializer_list<std::string_view> protocols);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    // Each of these at most once at a time, reading and writing beside each other.
    void handshake(std::function<void(const boost::system::error_code&)> handler);
    void read_some(boost::asio::mutable_buffer buffer, Handler handler);
    void write(boost::asio::const_buffer buffer, Handler handler);

    [[nodiscard]] std::string protocol() const;  // that ALPN chose; empty: none

    struct Reason {
        Failure failure = Failure::protocol;
        std::string detail;
    };
    [[nodiscard]] Reason why(const boost::system::error_code& handshake_error) const;

private:
    std::shared_ptr<OpenStream> stream_;
};

// Whether reading ended as the peer wanted it to: with its goodbye, or, as many do, without.
bool is_end(const boost::system::error_code& error);

}  // namespace meshd::tls
