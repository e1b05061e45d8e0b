// SPDX-License-Identifier: Apache-2.0
#include "signing/server.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include <sys/stat.h>

#include <spdlog/spdlog.h>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include "config/text_file.hpp"

namespace meshd::signing {

namespace asio = boost::asio;
using std::chrono::system_clock;

namespace {

constexpr std::size_t most_connections = 256;
constexpr std::chrono::seconds retry_time{1};
constexpr std::chrono::hours own_lifetime{24};

asio::ip::tcp::endpoint endpoint_of(const base::SocketAddress& address) {
    asio::ip::address_v6::bytes_type bytes{};
    std::copy(address.address.bytes.begin(), address.address.bytes.end(), bytes.begin());
    const asio::ip::address_v6 v6(bytes);
    if (address.address.is_v4()) return {asio::ip::make_address_v4(asio::ip::v4_mapped, v6), address.port};
    return {v6, address.port};
}

// Of the thread that serves: signals are for the worker's loop.
void block_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

std::string text_of(const config::FileStamp& stamp) {
    return std::to_string(stamp.inode) + ' ' + std::to_string(stamp.changed_ns) + ' ';
}

}  // namespace

Server::Server(model::Signing settings, std::string trust_domain, SignCounts& counts)
    : settings_(std::move(settings)),
      trust_domain_(std::move(trust_domain)),
      signer_(settings_, counts),
      keeps_running_(loop_.get_executor()),
      acceptor_(loop_),
      retry_(loop_) {
    asio::post(loop_, [this] { try_listen(); });
    thread_ = std::thread([this] {
        block_signals();
        loop_.run();
    });
}

Server::~Server() {
    loop_.stop();
    thread_.join();
    for (const auto& connection : std::exchange(connections_, {})) connection->close();
}

Server::Status Server::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void Server::set_problem(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(status_.problem, problem) == problem) return;
    status_.since = system_clock::now();
    if (!problem.empty()) spdlog::error("signing: {}", problem);
}

void Server::retry() {
    retry_.expires_after(retry_time);
    retry_.async_wait([this](const boost::system::error_code& error) {
        if (!error) try_listen();
    });
}

void Server::try_listen() {
    auto done = renew();
    if (done && !acceptor_.is_open()) done = listen();
    set_problem(done ? std::string() : done.error().message());
    if (!done) return retry();
    accept();
    // Now and then, so that what is wrong is seen before somebody asks.
    retry_.expires_after(std::chrono::minutes(1));
    retry_.async_wait([this](const boost::system::error_code& error) {
        if (!error) try_listen();
    });
}

base::Result<void> Server::listen() {
    const auto at = endpoint_of(settings_.listen);
    asio::ip::tcp::acceptor opened(loop_);
    boost::system::error_code error;
    opened.open(at.protocol(), error);
    if (!error) opened.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && at.address().is_v6() && settings_.listen.address.is_unspecified())
        opened.set_option(asio::ip::v6_only(false), error);
    if (!error) opened.bind(at, error);
    if (!error) opened.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        return base::fail({"listen at",
                           settings_.listen.text(),
                           error.value(),
                           {},
                           error == asio::error::address_in_use
                               ? "end the program that has it (ss -ltnp), or set another `tls.signing.listen`"
                               : "set another `tls.signing.listen`"});
    acceptor_ = std::move(opened);
    spdlog::info("signing: asked for certificates at {}", settings_.listen.text());
    const std::lock_guard lock(mutex_);
    status_.address = settings_.listen.text();
    return {};
}

void Server::accept() {
    if (is_accepting_ || connections_.size() >= most_connections || !acceptor_.is_open()) return;
    is_accepting_ = true;
    acceptor_.async_accept([this](const boost::system::error_code& error, asio::ip::tcp::socket socket) {
        is_accepting_ = false;
        if (error) return retry();  // no descriptor or no memory is left
        begin(std::move(socket));
        accept();
    });
}

void Server::begin(asio::ip::tcp::socket socket) {
    const auto done = renew();
    set_problem(done ? std::string() : done.error().message());
    if (!serving_) return;
    const auto connection =
        *connections_
             .insert(std::make_shared<Connection>(
                 std::move(socket), serving_,
                 [this](const http::Request& request, const std::string& peer) { return signer_.answer(request, peer); },
                 [this](const std::shared_ptr<Connection>& ended) {
                     connections_.erase(ended);
                     accept();
                 }))
             .first;
    connection->start();
}

// What it shows, and whom it believes: those who were revoked since are refused from the next connection on.
base::Result<void> Server::renew() {
    const tls::TrustFiles trust{trust_domain_, settings_.authority + "/authorities.pem", settings_.authority + "/revoked.pem"};
    std::string believed;
    for (const auto& path : {trust.authorities, trust.revoked}) {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0) believed += text_of(config::FileStamp::of(status));
    }
    if (serving_ && believed == believed_ && system_clock::now() < renewed_until_) return {};
    const auto authority = tls::Authority::open(settings_.authority);
    if (!authority) return tl::make_unexpected(authority.error());
    if (authority->record().trust_domain != trust_domain_)
        return base::fail({"sign with", settings_.authority, 0, "its trust domain is " + authority->record().trust_domain,
                           "`tls.trust_domain` must be that of the authority"});
    const auto made = authority->issue_to_signing_agent(own_lifetime);
    if (!made) return tl::make_unexpected(made.error());
    auto serving = tls::Serving::make(made->certificate, made->key, trust, "the signing agent's own certificate");
    if (!serving) return tl::make_unexpected(serving.error());
    serving_ = std::move(*serving);
    believed_ = std::move(believed);
    renewed_until_ = made->issued.begins + (made->issued.ends - made->issued.begins) / 2;
    const std::lock_guard lock(mutex_);
    status_.identity = made->issued.identity;
    status_.begins = made->issued.begins;
    status_.ends = made->issued.ends;
    return {};
}

}  // namespace meshd::signing
