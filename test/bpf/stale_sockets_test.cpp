// SPDX-License-Identifier: Apache-2.0
// Real sockets of this process, in its own and in another network namespace, looked for and closed by the kernel.
#include <array>
#include <cerrno>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "bpf/datapath_fixture.hpp"
#include "sockets/pass.hpp"

namespace meshd::sockets {
namespace {

using base::UniqueFd;
using kernel::Datapath;

struct Kind {
    const char* name;
    int type;
    const char* server;  // where it listens
    const char* asked;   // how the client writes that
};

const Kind kinds[] = {{"Tcp4", SOCK_STREAM, "127.0.0.1", "127.0.0.1"},
                      {"Tcp6", SOCK_STREAM, "::1", "::1"},
                      {"TcpMapped", SOCK_STREAM, "127.0.0.1", "::ffff:127.0.0.1"},
                      {"Udp4", SOCK_DGRAM, "127.0.0.1", "127.0.0.1"},
                      {"Udp6", SOCK_DGRAM, "::1", "::1"},
                      {"UdpMapped", SOCK_DGRAM, "127.0.0.1", "::ffff:127.0.0.1"}};

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] bool is_v4() const { return storage.ss_family == AF_INET; }
    [[nodiscard]] in_port_t port() const {
        return is_v4() ? reinterpret_cast<const sockaddr_in&>(storage).sin_port
                       : reinterpret_cast<const sockaddr_in6&>(storage).sin6_port;
    }
};

Address address(const char* text, in_port_t port) {
    Address made;
    if (auto& v4 = reinterpret_cast<sockaddr_in&>(made.storage); ::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = port;
        made.length = sizeof v4;
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(made.storage);
        ::inet_pton(AF_INET6, text, &v6.sin6_addr);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = port;
        made.length = sizeof v6;
    }
    return made;
}

struct Connection {
    UniqueFd listener, client, server;
    in_port_t port = 0;
};

Connection connect(const Kind& kind) {
    Connection made;
    auto here = address(kind.server, 0);
    made.listener = UniqueFd(::socket(here.storage.ss_family, kind.type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(made.listener.get(), here.raw(), here.length), 0) << std::strerror(errno);
    if (kind.type == SOCK_STREAM) {
        EXPECT_EQ(::listen(made.listener.get(), 8), 0);
    }
    EXPECT_EQ(::getsockname(made.listener.get(), here.raw(), &here.length), 0);
    made.port = here.port();
    auto there = address(kind.asked, made.port);
    made.client = UniqueFd(::socket(there.storage.ss_family, kind.type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(made.client.get(), there.raw(), there.length), 0) << std::strerror(errno);
    if (kind.type == SOCK_STREAM) made.server = UniqueFd(::accept4(made.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return made;
}

md_translation translation(const Kind& kind, in_port_t port) {
    const auto protocol = kind.type == SOCK_STREAM ? base::Protocol::tcp : base::Protocol::udp;
    md_translation made{};
    made.service = reconcile::encode({*base::IpAddress::parse("10.96.0.1"), 80}, protocol);
    made.backend = reconcile::encode({*base::IpAddress::parse(kind.server), ntohs(port)}, protocol);
    made.service_id = 5;
    made.backend_id = 50;
    return made;
}

int error_of(const UniqueFd& socket) {
    char byte = 0;
    return ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

class StaleSockets : public kernel::DatapathTest, public testing::WithParamInterface<Kind> {
protected:
    static void remember(const Datapath& datapath, const UniqueFd& socket, const md_translation& peer) {
        md_sock_peer memory{};
        memory.peer = peer;
        const int fd = socket.get();
        const auto put = datapath.map("md_sock_peer").update(&fd, &memory);
        ASSERT_TRUE(put) << put.error().message();
    }

    void find_and_close(const std::shared_ptr<const kernel::SocketEnder>& ender);
    void find_and_close_elsewhere(const std::shared_ptr<const kernel::SocketEnder>& ender);

    static Ended end_all(Pass& pass, const Scan& scan, const std::vector<pid_t>& own = {}) {
        return pass.end(scan, std::vector<bool>(scan.suspects.size(), true), own);
    }
};

void StaleSockets::find_and_close(const std::shared_ptr<const kernel::SocketEnder>& ender) {
    const auto datapath = load();
    const auto& kind = GetParam();
    const auto stale = connect(kind);
    const auto direct = connect(kind);
    const auto elsewhere = connect(kind);
    remember(datapath, stale.client, translation(kind, stale.port));
    remember(datapath, elsewhere.client, translation(kind, htons(9)));  // connected anew since

    Pass pass(datapath, Finding::storage, false, {}, ender);
    const auto scan = pass.scan();
    ASSERT_FALSE(scan.problem) << scan.problem->message();
    ASSERT_EQ(scan.suspects.size(), 1U);
    EXPECT_EQ(scan.suspects[0].sockets, 1U);
    EXPECT_TRUE(reconcile::same_bytes(scan.suspects[0].peer, translation(kind, stale.port)));

    EXPECT_EQ(end_all(pass, scan, {::getpid()}).sockets[0], 0U);  // never one of our own
    EXPECT_EQ(error_of(stale.client), EAGAIN);
    auto other = scan;
    other.targets[0].id.idiag_cookie[1] ^= 1U << 30U;  // another socket has come into its place
    EXPECT_EQ(end_all(pass, other).sockets[0], 0U);
    EXPECT_EQ(error_of(stale.client), EAGAIN);

    const auto ended = end_all(pass, scan);
    ASSERT_FALSE(ended.problem) << ended.problem->message();
    EXPECT_EQ(ended.sockets[0], 1U);
    EXPECT_EQ(error_of(stale.client), ECONNABORTED);
    if (kind.type == SOCK_STREAM) {
        EXPECT_EQ(error_of(stale.server), ECONNRESET);
    }
    for (const auto* const one : {&direct, &elsewhere}) EXPECT_EQ(error_of(one->client), EAGAIN);
    EXPECT_TRUE(pass.scan().suspects.empty());
}

// A thread goes into a new network namespace, which a mount keeps, and connects a socket there.
void StaleSockets::find_and_close_elsewhere(const std::shared_ptr<const kernel::SocketEnder>& ender) {
    const auto datapath = load();
    const auto& kind = GetParam();
    const auto mount = directory_ + ".net";
    std::ofstream(mount).close();
    Connection connection;
    std::thread([&] {
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        std::strcpy(request.ifr_name, "lo");
        request.ifr_flags = IFF_UP;
        ASSERT_EQ(::ioctl(any.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
        ASSERT_EQ(::mount("/proc/thread-self/ns/net", mount.c_str(), nullptr, MS_BIND, nullptr), 0) << std::strerror(errno);
        connection = connect(kind);
    }).join();
    remember(datapath, connection.client, translation(kind, connection.port));
    Pass pass(datapath, Finding::storage, false, {}, ender);
    const auto scan = pass.scan();
    EXPECT_GE(scan.namespaces, 2U);
    EXPECT_EQ(scan.suspects.size(), 1U);
    const auto ended = end_all(pass, scan);
    EXPECT_EQ(ended.sockets, std::vector<std::uint64_t>{1});
    EXPECT_EQ(error_of(connection.client), ECONNABORTED);
    ::umount2(mount.c_str(), MNT_DETACH);
    ::unlink(mount.c_str());
}

TEST_P(StaleSockets, AreFoundByWhatTheyRememberAndClosed) { find_and_close({}); }
TEST_P(StaleSockets, AreFoundInOtherNetworkNamespaces) { find_and_close_elsewhere({}); }

TEST_P(StaleSockets, AreClosedByProgramsWhereTheKernelHasThem) {
    auto loaded = kernel::SocketEnder::load();
    if (!loaded) GTEST_SKIP() << loaded.error().message();
    const auto ender = std::make_shared<const kernel::SocketEnder>(std::move(*loaded));
    find_and_close(ender);
    find_and_close_elsewhere(ender);
}

TEST_P(StaleSockets, AreNotThoseOfAReadyBackend) {
    const auto datapath = load();
    const auto& kind = GetParam();
    const auto connection = connect(kind);
    const auto peer = translation(kind, connection.port);
    remember(datapath, connection.client, peer);
    md_backend backend{};
    backend.endpoint = peer.backend;
    backend.service_id = peer.service_id;
    for (const auto& [state, suspects] :
         {std::pair(MD_BACKEND_READY, 0U), std::pair(MD_BACKEND_DRAIN, 1U), std::pair(MD_BACKEND_MAINT, 1U)}) {
        backend.state = static_cast<__u8>(state);
        ASSERT_TRUE(datapath.map("md_backends").update(&peer.backend_id, &backend));
        EXPECT_EQ(Pass(datapath, Finding::storage, false).scan().suspects.size(), suspects) << state;
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, StaleSockets, testing::ValuesIn(kinds), [](const auto& row) { return row.param.name; });

class StaleSocketsHere : public kernel::DatapathTest {};

TEST_F(StaleSocketsHere, CanBeListedAndClosedOnThisKernel) {
    const auto datapath = load();
    const auto abilities = try_out(datapath);
    EXPECT_FALSE(abilities.storage) << abilities.storage->message();
    EXPECT_FALSE(abilities.destroy) << abilities.destroy->message();
}

}  // namespace
}  // namespace meshd::sockets
