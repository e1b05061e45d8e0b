// SPDX-License-Identifier: Apache-2.0
// A datapath with an encrypted service and a listener, for real sockets of this process in a cgroup of their own.
#pragma once

#include <fstream>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bpf/datapath_fixture.hpp"
#include "kernel/counters.hpp"
#include "kernel/tls_hooks.hpp"
#include "kernel/tls_maps.hpp"
#include "reconcile/reconciler.hpp"

namespace meshd::kernel {

using base::UniqueFd;
using reconcile::backend;

inline std::string text_of(const sockaddr_in6& address) {
    if (address.sin6_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        base::SocketAddress value{*base::IpAddress::parse("0.0.0.0"), ntohs(v4.sin_port)};
        std::memcpy(&value.address.bytes[12], &v4.sin_addr, 4);
        return value.text();
    }
    base::SocketAddress value;
    std::memcpy(value.address.bytes.data(), &address.sin6_addr, 16);
    value.port = ntohs(address.sin6_port);
    return value.text();
}

// IPv4 as it is, for a socket of its own family.
inline sockaddr_in6 address_of(const std::string& text, bool mapped, socklen_t& size) {
    const auto value = *base::SocketAddress::parse(text);
    sockaddr_in6 address{};
    if (value.address.is_v4() && !mapped) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(value.port);
        std::memcpy(&v4.sin_addr, &value.address.bytes[12], 4);
        size = sizeof v4;
        return address;
    }
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(value.port);
    std::memcpy(&address.sin6_addr, value.address.bytes.data(), 16);
    size = sizeof address;
    return address;
}

class TlsTest : public DatapathTest {
protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (IsSkipped()) return;
        home_ = own_cgroup();
        move_to(cgroup_directory_);
        listener_ = listen();
        datapath_.emplace(load());
        cgroup_.emplace(std::move(*Cgroup::open(cgroup_directory_)));
        maps_.emplace(*datapath_);
        tls_.emplace(*datapath_);
        reconciler_.emplace(*maps_, 1024U);
        ASSERT_TRUE(datapath_->attach(*cgroup_));
        const auto attached = attach_tls(*datapath_, *cgroup_, std::nullopt);
        ASSERT_TRUE(attached) << attached.error().message();
        steer(port_of(listener_));
    }

    void TearDown() override {
        if (!home_.empty()) move_to(home_);
        DatapathTest::TearDown();
    }

    void serve(model::ServiceTls tls, const std::string& first = "192.0.2.9:8080") {
        auto service = reconcile::service("web", "10.96.0.1", {backend(first), backend("[2001:db8::9]:8080")});
        service.addresses.push_back(*base::IpAddress::parse("fd96::1"));
        service.tls = tls;
        reconcile::Change change;
        change.full = change.complete = true;
        change.upsert = {reconcile::shared(std::move(service))};
        reconciler_->change(change);
        ASSERT_TRUE(reconciler_->pending().empty()) << reconciler_->pending().begin()->second;
    }

    void steer(std::uint16_t port) {
        md_steering steering{};
        steering.port = htons(port);
        ASSERT_TRUE(tls_->steer(steering));
    }

    static UniqueFd listen() {
        UniqueFd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
        EXPECT_EQ(::listen(socket.get(), 16), 0);
        return socket;
    }
    static std::uint16_t port_of(const UniqueFd& socket) {
        sockaddr_in6 address{};
        socklen_t size = sizeof address;
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
        return ntohs(address.sin6_port);
    }

    // Nothing and errno when it is refused.
    static UniqueFd connect(const std::string& to, bool mapped = false) {
        socklen_t size = 0;
        const auto address = address_of(to, mapped, size);
        UniqueFd socket(::socket(address.sin6_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) socket.reset();
        return socket;
    }
    static std::string peer_of(const UniqueFd& socket) {
        sockaddr_in6 address{};
        socklen_t size = sizeof address;
        ::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
        return text_of(address);
    }
    UniqueFd accept() { return UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

    static std::optional<md_steered> steered(const UniqueFd& socket) {
        md_steered value{};
        socklen_t size = sizeof value;
        if (::getsockopt(socket.get(), MD_SOL_MESHD, MD_SO_STEERED, &value, &size) != 0 || size != sizeof value)
            return std::nullopt;
        return value;
    }
    // As proxies ask; empty when the kernel does not tell.
    static std::string original(const UniqueFd& socket, int level) {
        sockaddr_in6 address{};
        socklen_t size = level == IPPROTO_IP ? sizeof(sockaddr_in) : sizeof address;
        return ::getsockopt(socket.get(), level, MD_SO_ORIGINAL_DST, &address, &size) == 0 ? text_of(address) : "";
    }
    std::size_t on_their_way() {
        std::size_t count = 0;
        EXPECT_TRUE(datapath_->map("md_steered").for_each([&](const std::byte*, const std::byte*) { ++count; }));
        return count;
    }
    std::uint64_t counted(md_reason reason) { return (*read_reasons(*datapath_))[reason]; }

    std::string home_;
    UniqueFd listener_;
    std::optional<Datapath> datapath_;
    std::optional<Cgroup> cgroup_;
    std::optional<KernelMaps> maps_;
    std::optional<TlsMaps> tls_;
    std::optional<reconcile::Reconciler> reconciler_;
};

}  // namespace meshd::kernel
