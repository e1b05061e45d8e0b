// SPDX-License-Identifier: Apache-2.0
// A connection, TLS where the probe wants it, a question and its answer.
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "base/unique_fd.hpp"
#include "health/attempt.hpp"
#include "tls/client.hpp"

namespace meshd::health {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using model::ProbeResult;
using model::ProbeType;

namespace {

constexpr std::size_t most_bytes = std::size_t{256} << 10;  // of an answer, whatever it is

tcp::endpoint to_asio(const base::SocketAddress& address) {
    if (!address.address.is_v4()) return {asio::ip::address_v6(address.address.bytes), address.port};
    asio::ip::address_v4::bytes_type bytes{};
    std::copy(address.address.bytes.end() - 4, address.address.bytes.end(), bytes.begin());
    return {asio::ip::address_v4(bytes), address.port};
}

Finding finding_of(const error_code& error) {
    switch (error.value()) {
        case ECONNREFUSED:
            return {ProbeResult::refused, {}};
        case ETIMEDOUT:
            return {ProbeResult::connect_timeout, {}};
        case ECONNRESET:
        case EPIPE:
            return {ProbeResult::reset, {}};
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EHOSTDOWN:
            return {ProbeResult::unreachable, std::strerror(error.value())};
        default:  // no descriptor, no port, no permission: not the backend's fault
            return {ProbeResult::local, error.message()};
    }
}

Finding finding_of(const tls::Client::Reason& reason) {
    switch (reason.failure) {
        case tls::Failure::expired:
            return {ProbeResult::certificate_expired, reason.detail};
        case tls::Failure::wrong_name:
            return {ProbeResult::certificate_name, reason.detail};
        case tls::Failure::unknown_ca:
            return {ProbeResult::certificate_ca, reason.detail};
        case tls::Failure::certificate:
            return {ProbeResult::certificate, reason.detail};
        case tls::Failure::reset:
            return {ProbeResult::reset, "in the TLS handshake"};
        case tls::Failure::closed:
            return {ProbeResult::closed, "in the TLS handshake"};
        case tls::Failure::protocol:
            break;
    }
    return {ProbeResult::not_tls, reason.detail};
}

// "shop.example:8443" names the host shop.example.
std::string without_port(const std::string& host) {
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    const auto colon = host.find(':');
    return host.find(':', colon + 1) == std::string::npos ? host.substr(0, colon) : host;
}

enum class Phase : std::uint8_t { connect, handshake, answer, over };

// Handlers in flight hold it; `over` tells them that nobody waits any more.
class Talk : public std::enable_shared_from_this<Talk> {
public:
    Talk(asio::io_context& context, tls::TrustStore& trust, const model::Probe& probe, const base::SocketAddress& endpoint,
         Done done)
        : trust_(trust), probe_(probe), endpoint_(endpoint), done_(std::move(done)), socket_(context) {}

    // A tcp probe of this host, which most are that run each second, never comes to the loop: its handshake is over when
    // connect() returns, and calling it once more tells.
    void begin(const Dial* dial) {
        if (dial != nullptr) return begin_dialled(*dial);
        const auto target = to_asio(endpoint_);
        fd_.reset(::socket(target.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
        if (!fd_.valid()) return go_on_later(errno);
        auto code = connect(target);
        if (code == EINPROGRESS) code = connect(target);
        if (code != EALREADY) return go_on_later(code);
        adopt_socket();
        socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](const error_code& error) {
            if (self->phase_ == Phase::over) return;
            int failed = error.value();
            socklen_t size = sizeof failed;
            if (!error) (void)::getsockopt(self->socket_.native_handle(), SOL_SOCKET, SO_ERROR, &failed, &size);
            self->on_connect(failed);
        });
    }

    void stop() {
        phase_ = Phase::over;
        client_.reset();
        fd_.reset();
        error_code ignored;
        socket_.close(ignored);
    }

    [[nodiscard]] Finding timed_out() const {
        if (phase_ == Phase::connect) return {ProbeResult::connect_timeout, {}};
        if (phase_ == Phase::handshake) return {ProbeResult::tls_timeout, {}};
        return {ProbeResult::answer_timeout, received_ == 0 ? "no byte of it" : "after " + std::to_string(received_) + " bytes"};
    }

private:
    [[nodiscard]] bool has_question() const { return probe_.type != ProbeType::tcp; }
    [[nodiscard]] bool wants_tls() const {
        return probe_.type == ProbeType::https || (probe_.type == ProbeType::grpc && probe_.tls);
    }

    void fail(Finding finding) {
        if (phase_ == Phase::over) return;
        stop();
        std::exchange(done_, {})(std::move(finding));
    }

    [[nodiscard]] int connect(const tcp::endpoint& target) const {
        return ::connect(fd_.get(), target.data(), static_cast<socklen_t>(target.size())) == 0 ? 0 : errno;
    }

    void begin_dialled(const Dial& dial) {
        auto made = dial(endpoint_, !has_question());
        if (!made)
            return asio::post(socket_.get_executor(), [self = shared_from_this(), why = made.error().message()] {
                self->fail({ProbeResult::local, why});
            });
        fd_ = std::move(*made);
        if (has_question()) return go_on_later(0);
        // It ends when the backend has taken it, and is reset when not.
        adopt_socket();
        socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
            if (self->phase_ == Phase::over) return;
            char byte = 0;
            const auto got = error ? -1 : ::recv(self->socket_.native_handle(), &byte, 1, MSG_DONTWAIT);
            self->on_connect(got >= 0 ? 0 : ECONNREFUSED);
        });
    }

    void go_on_later(int code) {
        asio::post(socket_.get_executor(), [self = shared_from_this(), code] {
            if (self->phase_ != Phase::over) self->on_connect(code);
        });
    }

    void adopt_socket() {
        error_code error;
        if (fd_.valid()) socket_.assign(to_asio(endpoint_).protocol(), fd_.release(), error);
    }

    // Both ends of the connection are this socket: its own port was chosen to be the one where nobody listens.
    [[nodiscard]] bool is_connected_to_itself(int fd) const {
        tcp::endpoint own;
        auto size = static_cast<socklen_t>(own.capacity());
        if (::getsockname(fd, own.data(), &size) != 0) return false;
        own.resize(size);
        return own == to_asio(endpoint_);
    }

    void on_connect(int code) {
        if (code != 0) return fail(finding_of(error_code(code, boost::system::system_category())));
        const int fd = fd_.valid() ? fd_.get() : socket_.native_handle();
        if (is_connected_to_itself(fd)) return fail({ProbeResult::refused, "connected to itself"});
        if (!has_question()) {
            // Nothing was said, so nothing is lost by a reset, and no port waits for a minute.
            const linger at_once{1, 0};
            (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            return fail({});
        }
        const int on = 1;
        (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        adopt_socket();
        if (wants_tls()) return shake_hands();
        converse(false);
    }

    void shake_hands() {
        auto trust = trust_.of(probe_.ca);
        if (!trust) return fail({ProbeResult::local, trust.error().message()});
        phase_ = Phase::handshake;
        const auto name = probe_.host.empty() ? endpoint_.address.text() : without_port(probe_.host);
        if (probe_.type == ProbeType::grpc)
            client_.emplace(std::move(socket_), std::move(*trust), name, std::initializer_list<std::string_view>{"h2"});
        else
            client_.emplace(std::move(socket_), std::move(*trust), name,
                            std::initializer_list<std::string_view>{"h2", "http/1.1"});
        client_->handshake([self = shared_from_this()](const error_code& error) {
            if (self->phase_ == Phase::over) return;
            if (error) return self->fail(finding_of(self->client_->why(error)));
            self->converse(self->client_->protocol() == "h2");
        });
    }

    void converse(bool is_http2) {
        phase_ = Phase::answer;
        const auto authority = probe_.host.empty() ? endpoint_.text() : probe_.host;
        if (is_http2 || probe_.type == ProbeType::http2 || probe_.type == ProbeType::grpc)
            conversation_ = http2_conversation(probe_, authority, client_ ? "https" : "http");
        else
            conversation_ = http1_conversation(probe_, authority);
        buffer_.reset(new std::array<char, 8192>);  // not filled with zeros
        flush();
        read();
    }

    // That something could not be sent is no finding: the peer may have answered before.
    void flush() {
        if (!sending_.empty()) return;
        sending_ = conversation_->take_output();
        if (sending_.empty()) return;
        auto handler = [self = shared_from_this()](const error_code& error, std::size_t) {
            if (self->phase_ == Phase::over) return;
            self->sending_.clear();
            if (!error) self->flush();
        };
        if (client_)
            client_->write(asio::buffer(sending_), std::move(handler));
        else
            asio::async_write(socket_, asio::buffer(sending_), std::move(handler));
    }

    void read() {
        auto handler = [self = shared_from_this()](const error_code& error, std::size_t size) {
            if (self->phase_ != Phase::over) self->on_read(error, size);
        };
        if (client_)
            client_->read_some(asio::buffer(*buffer_), std::move(handler));
        else
            socket_.async_read_some(asio::buffer(*buffer_), std::move(handler));
    }

    void on_read(const error_code& error, std::size_t size) {
        received_ += size;
        if (error) return fail(tls::is_end(error) ? conversation_->end() : of_reading(error));
        if (auto finding = conversation_->take({buffer_->data(), size})) return fail(std::move(*finding));
        if (received_ > most_bytes) return fail({ProbeResult::too_large, {}});
        flush();
        read();
    }

    [[nodiscard]] Finding of_reading(const error_code& error) const {
        if (error.category() != boost::system::system_category()) return {ProbeResult::not_tls, error.message()};
        // Also ETIMEDOUT: the peer of an established connection does not acknowledge.
        if (error.value() == ETIMEDOUT) return timed_out();
        return finding_of(error);
    }

    tls::TrustStore& trust_;
    const model::Probe& probe_;
    base::SocketAddress endpoint_;
    Done done_;
    base::UniqueFd fd_;  // until the loop has to know it
    tcp::socket socket_;
    std::optional<tls::Client> client_;  // has the socket, once it is there
    std::unique_ptr<Conversation> conversation_;
    std::string sending_;
    std::unique_ptr<std::array<char, 8192>> buffer_;  // when there is something to read
    std::size_t received_ = 0;
    Phase phase_ = Phase::connect;
};

class NetworkAttempt final : public Attempt {
public:
    NetworkAttempt(std::shared_ptr<Talk> talk, const Dial* dial) : talk_(std::move(talk)) { talk_->begin(dial); }
    ~NetworkAttempt() override { talk_->stop(); }
    NetworkAttempt(const NetworkAttempt&) = delete;
    NetworkAttempt& operator=(const NetworkAttempt&) = delete;

    [[nodiscard]] Finding timed_out() const override { return talk_->timed_out(); }

private:
    std::shared_ptr<Talk> talk_;
};

}  // namespace

std::unique_ptr<Attempt> begin_network_attempt(asio::io_context& context, tls::TrustStore& trust, const model::Probe& probe,
                                               const base::SocketAddress& endpoint, const Dial* dial, Done done) {
    return std::make_unique<NetworkAttempt>(std::make_shared<Talk>(context, trust, probe, endpoint, std::move(done)), dial);
}

}  // namespace meshd::health
