// SPDX-License-Identifier: Apache-2.0
#include "worker/listeners.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <boost/json.hpp>

namespace meshd::worker {

namespace json = boost::json;

namespace {

constexpr std::uint64_t most = 1024;  // of one set: far more than threads

tl::unexpected<base::Error> no_sense(std::string detail) {
    return base::fail({"take listeners of", "the agent", 0, std::move(detail), "agent and worker must be of one version"});
}

std::optional<std::uint64_t> number(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
    return static_cast<std::uint64_t>(value->get_int64());
}

// The one descriptor that a message may have.
base::UniqueFd descriptor_of(msghdr& header) {
    base::UniqueFd found;
    for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS || part->cmsg_len != CMSG_LEN(sizeof(int))) continue;
        int raw = -1;
        std::memcpy(&raw, CMSG_DATA(part), sizeof raw);
        found.reset(raw);
    }
    return found;
}

}  // namespace

Listeners::Listeners(boost::asio::io_context& io, base::UniqueFd socket, Handler handler, OnEnd on_end)
    : socket_(io, socket.release()), handler_(std::move(handler)), on_end_(std::move(on_end)) {}

void Listeners::start() { wait(); }

void Listeners::wait() {
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        while (receive()) continue;
    });
}

bool Listeners::receive() {
    std::array<char, 4096> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec bytes{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = ::recvmsg(socket_.native_handle(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) return true;
    if (size < 0 && errno == EAGAIN) wait();
    if (size == 0 || (size < 0 && errno != EAGAIN)) on_end_();
    if (size <= 0) return false;
    if (auto taken = take({text.data(), static_cast<std::size_t>(size)}, descriptor_of(header)); !taken)
        spdlog::error("{}", taken.error().message());
    return true;
}

base::Result<void> Listeners::take(std::string_view text, base::UniqueFd listener) {
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    if (error || !value.is_object()) return no_sense("a message is no JSON object");
    const auto& object = value.get_object();
    const auto* const name = object.if_contains("name");
    const auto of = number(object, "of");
    if (name == nullptr || !name->is_string() || !of || *of > most) return no_sense("a message lacks name or of");
    const std::string key(name->get_string());
    if (*of == 0) {
        coming_.erase(key);
        handler_(key, {});
        return {};
    }
    const auto index = number(object, "index");
    if (!index || *index >= *of || !listener.valid()) return no_sense("a message lacks its index or its socket");
    auto& set = coming_[key];
    if (*index == 0) set = {};
    set.sockets.resize(*of);
    if (set.there != *index || set.sockets[*index].valid()) {
        coming_.erase(key);
        return no_sense("the sockets of " + key + " do not come in their order");
    }
    set.sockets[*index] = std::move(listener);
    if (++set.there < *of) return {};
    auto sockets = std::move(set.sockets);
    coming_.erase(key);
    handler_(key, std::move(sockets));
    return {};
}

}  // namespace meshd::worker
