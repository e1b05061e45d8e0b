// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/resolver.hpp"

#include <chrono>
#include <map>
#include <utility>

#include <ares.h>
#include <fmt/format.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace meshd::registry::dns {

namespace {

constexpr int first_wait_ms = 2000;  // for an answer; twice as long the second time
constexpr int tries = 2;
constexpr int class_in = 1;

Failure failure_of(int status) {
    switch (status) {
        case ARES_ETIMEOUT:
            return Failure::timeout;
        case ARES_ESERVFAIL:
        case ARES_ENOTIMP:
            return Failure::server;
        case ARES_EREFUSED:
            return Failure::denied;
        case ARES_EFORMERR:
        case ARES_EBADRESP:
        case ARES_EBADNAME:
            return Failure::malformed;
        default:
            return Failure::unreachable;
    }
}

// c-ares before 1.29 says ECONNREFUSED also when each server has said that it fails or refuses.
std::string why(int status) {
    if (status == ARES_ECONNREFUSED)
        return "no name server answers it: each cannot be reached, fails (SERVFAIL) or refuses (REFUSED)";
    return ::ares_strerror(status);
}

}  // namespace

class Resolver::Channel : public std::enable_shared_from_this<Channel> {
public:
    Channel(boost::asio::io_context& io, const std::vector<base::SocketAddress>& servers) : io_(io), timer_(io) {
        ares_options options{};
        options.timeout = first_wait_ms;
        options.tries = tries;
        options.sock_state_cb = &Channel::on_socket;
        options.sock_state_cb_data = this;
        int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE  // from 1.31 on; who asks again wants to know
        given |= ARES_OPT_QUERY_CACHE;
        options.qcache_max_ttl = 0;
#endif
        begin_status_ = ::ares_init_options(&channel_, &options, given);
        if (begin_status_ != ARES_SUCCESS) channel_ = nullptr;
        if (channel_ == nullptr || servers.empty()) return;
        std::string list;
        for (const auto& server : servers) {
            if (!list.empty()) list += ',';
            list += server.text();
        }
        begin_status_ = ::ares_set_servers_ports_csv(channel_, list.c_str());
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() { stop(); }

    void stop() {
        is_stopped_ = true;
        timer_.cancel();
        if (channel_ != nullptr) ::ares_destroy(std::exchange(channel_, nullptr));
        sockets_.clear();
    }

    void ask(const std::string& name, RecordType type, Handler handler) {
        auto question = std::make_unique<Question>(Question{weak_from_this(), name, type, std::move(handler)});
        if (begin_status_ != ARES_SUCCESS) return on_answer(question.release(), begin_status_, 0, nullptr, 0);
        ::ares_query(channel_, name.c_str(), class_in, static_cast<int>(type), &Channel::on_answer, question.release());
        wait_for_time();
    }

private:
    struct Question {
        std::weak_ptr<Channel> channel;
        std::string name;
        RecordType type;
        Handler handler;
    };
    struct Socket {
        Socket(boost::asio::io_context& io, int fd) : descriptor(io, fd) {}
        Socket(const Socket&) = delete;
        Socket& operator=(const Socket&) = delete;
        ~Socket() { give_back(); }

        // Before c-ares closes it: the next socket may have the same number, and letting go of this one later would end the wait
        // for that one.
        void give_back() {
            if (descriptor.is_open()) (void)descriptor.release();
        }

        boost::asio::posix::stream_descriptor descriptor;
        bool wants_read = false, wants_write = false;
        bool waits_read = false, waits_write = false;
    };

    // c-ares must not be destroyed or asked from within, so what becomes of an answer comes later.
    static void on_answer(void* context, int status, int, unsigned char* bytes, int size) {
        std::shared_ptr<Question> question(static_cast<Question*>(context));
        const auto channel = question->channel.lock();
        if (!channel || channel->is_stopped_) return;
        auto result = read(*question, status, {bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(size)});
        boost::asio::post(channel->io_, [question, result = std::move(result)]() mutable {
            const auto still = question->channel.lock();
            if (still && !still->is_stopped_) question->handler(std::move(result));
        });
    }

    static tl::expected<Answer, LookupError> read(const Question& question, int status, std::span<const std::uint8_t> bytes) {
        const auto object = fmt::format("{} records of {}", dns::name(question.type), question.name);
        if (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND) {
            if (bytes.empty()) return Answer{.addresses = {}, .services = {}, .ttl = nothing_ttl};
            auto answer = parse_answer(bytes, question.type);
            if (answer) return std::move(*answer);
            return tl::make_unexpected(LookupError{Failure::malformed, {"resolve", object, 0, answer.error().detail, {}}});
        }
        return tl::make_unexpected(LookupError{failure_of(status), {"resolve", object, 0, why(status), {}}});
    }

    static void on_socket(void* context, ares_socket_t fd, int readable, int writable) {
        static_cast<Channel*>(context)->watch(fd, readable != 0, writable != 0);
    }

    void watch(int fd, bool readable, bool writable) {
        if (!readable && !writable) {
            const auto found = sockets_.find(fd);
            if (found == sockets_.end()) return;
            found->second->give_back();
            sockets_.erase(found);
            return;
        }
        if (is_stopped_) return;
        auto& socket = sockets_[fd];
        if (!socket) socket = std::make_shared<Socket>(io_, fd);
        socket->wants_read = readable;
        socket->wants_write = writable;
        wait(fd, socket);
    }

    void wait(int fd, const std::shared_ptr<Socket>& socket) {
        using boost::asio::posix::descriptor_base;
        const auto arm = [&](bool& waits, descriptor_base::wait_type type, bool Socket::*flag, bool Socket::*wanted) {
            waits = true;
            socket->descriptor.async_wait(type,
                                          [this, fd, flag, wanted, weak = std::weak_ptr(socket)](boost::system::error_code ec) {
                                              const auto ready = weak.lock();  // as long as it is there, the channel is
                                              if (!ready || ec) return;
                                              (*ready).*flag = false;
                                              if (!((*ready).*wanted)) return;
                                              const bool reads = flag == &Socket::waits_read;
                                              process(reads ? fd : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : fd);
                                              const auto now = sockets_.find(fd);
                                              if (now != sockets_.end() && now->second == ready) wait(fd, ready);
                                          });
        };
        if (socket->wants_read && !socket->waits_read)
            arm(socket->waits_read, descriptor_base::wait_read, &Socket::waits_read, &Socket::wants_read);
        if (socket->wants_write && !socket->waits_write)
            arm(socket->waits_write, descriptor_base::wait_write, &Socket::waits_write, &Socket::wants_write);
    }

    void process(ares_socket_t readable, ares_socket_t writable) {
        ::ares_process_fd(channel_, readable, writable);
        wait_for_time();
    }

    void wait_for_time() {
        timeval room{};
        const auto* const left = ::ares_timeout(channel_, nullptr, &room);
        if (left == nullptr) {
            timer_.cancel();
            return;
        }
        timer_.expires_after(std::chrono::seconds(left->tv_sec) + std::chrono::microseconds(left->tv_usec) +
                             std::chrono::milliseconds(1));
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
            const auto channel = weak.lock();
            if (!ec && channel && !channel->is_stopped_) channel->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        });
    }

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    ares_channel channel_ = nullptr;
    int begin_status_ = ARES_SUCCESS;
    bool is_stopped_ = false;
    std::map<int, std::shared_ptr<Socket>> sockets_;
};

Resolver::Resolver(boost::asio::io_context& io, const std::vector<base::SocketAddress>& servers)
    : channel_(std::make_shared<Channel>(io, servers)) {}

Resolver::~Resolver() { channel_->stop(); }

void Resolver::ask(const std::string& name, RecordType type, Handler handler) { channel_->ask(name, type, std::move(handler)); }

}  // namespace meshd::registry::dns
