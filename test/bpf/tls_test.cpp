// SPDX-License-Identifier: Apache-2.0
// Connections to encrypted services, from connect() to what their listener is told.
#include <array>

#include <gmock/gmock.h>
#include <netinet/tcp.h>

#include "bpf/tls_fixture.hpp"
#include "kernel/kernel_types.hpp"

namespace meshd::kernel {
namespace {

constexpr model::ServiceTls mutual{model::TlsMode::mutual, {}, {}};

TEST_F(TlsTest, LeadsAConnectionToItsListenerAndTellsItWhereTo) {
    serve(mutual);
    const auto client = connect("10.96.0.1:80");
    ASSERT_TRUE(client.valid()) << std::strerror(errno);
    EXPECT_EQ(peer_of(client), "10.96.0.1:80");
    const auto server = accept();
    const auto told = steered(server);
    ASSERT_TRUE(told);
    EXPECT_EQ(reconcile::text(told->service), "10.96.0.1:80/tcp");
    EXPECT_EQ(reconcile::text(told->backend), "192.0.2.9:8080/tcp");
    EXPECT_EQ(told->service_id, *reconciler_->realized().id_of({"web", 80, base::Protocol::tcp}));
    EXPECT_NE(told->backend_id, 0U);
    EXPECT_EQ(told->identity, 0U);
    EXPECT_EQ(told->user, ::getuid());
    EXPECT_EQ(original(server, IPPROTO_IP), "192.0.2.9:8080");
    EXPECT_EQ(original(server, IPPROTO_IPV6), "192.0.2.9:8080");
    EXPECT_EQ(counted(MD_REASON_TLS_STEERED), 1U);
    EXPECT_EQ(counted(MD_REASON_CONNECT_FORWARDED), 0U);
    EXPECT_EQ(on_their_way(), 0U);
}

TEST_F(TlsTest, LeadsEachFamilyInItsOwn) {
    serve(mutual);
    const auto v6 = connect("[fd96::1]:80");
    ASSERT_TRUE(v6.valid()) << std::strerror(errno);
    EXPECT_EQ(peer_of(v6), "[fd96::1]:80");
    const auto server = accept();
    EXPECT_EQ(original(server, IPPROTO_IPV6), "[2001:db8::9]:8080");
    EXPECT_EQ(original(server, IPPROTO_IP), "");

    const auto mapped = connect("10.96.0.1:80", true);
    ASSERT_TRUE(mapped.valid()) << std::strerror(errno);
    EXPECT_EQ(original(accept(), IPPROTO_IP), "192.0.2.9:8080");
}

TEST_F(TlsTest, KnowsNothingOfOtherConnections) {
    serve(mutual);
    const auto direct = connect("127.0.0.1:" + std::to_string(port_of(listener_)));
    ASSERT_TRUE(direct.valid());
    const auto server = accept();
    EXPECT_FALSE(steered(server));
    EXPECT_EQ(errno, ENOPROTOOPT);
    EXPECT_EQ(original(server, IPPROTO_IP), "");
    EXPECT_FALSE(steered(direct));
}

TEST_F(TlsTest, LeavesOtherOptionsAlone) {
    const auto client = connect("127.0.0.1:" + std::to_string(port_of(listener_)));
    std::array<char, 16384> large{};
    socklen_t size = large.size();
    ASSERT_EQ(::getsockopt(client.get(), IPPROTO_TCP, TCP_INFO, large.data(), &size), 0);
    EXPECT_GT(size, 100U);
    EXPECT_EQ(large[0], BPF_TCP_ESTABLISHED);
    int error = -1;
    size = sizeof error;
    ASSERT_EQ(::getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &size), 0);
    EXPECT_EQ(error, 0);
}

TEST_F(TlsTest, TellsOfAConnectionThatItsClientHasClosed) {
    serve(mutual);
    auto client = connect("10.96.0.1:80");
    ASSERT_EQ(::write(client.get(), "bye", 3), 3);
    client.reset();
    const auto server = accept();
    EXPECT_TRUE(steered(server));
    std::array<char, 8> text{};
    EXPECT_EQ(::read(server.get(), text.data(), text.size()), 3);
}

TEST_F(TlsTest, RefusesWhereNobodyListens) {
    const auto refused = KernelTypes::load().has_helper("BPF_FUNC_set_retval") ? ECONNREFUSED : EPERM;
    serve(mutual);
    steer(0);
    EXPECT_FALSE(connect("10.96.0.1:80").valid());
    EXPECT_EQ(errno, refused);
    EXPECT_EQ(counted(MD_REASON_TLS_UNAVAILABLE), 1U);
    const auto port = port_of(listener_);
    listener_.reset();  // an agent that is gone: what is pinned goes on
    steer(port);
    EXPECT_FALSE(connect("10.96.0.1:80").valid());
    EXPECT_EQ(errno, ECONNREFUSED);
    EXPECT_EQ(on_their_way(), 0U);
}

TEST_F(TlsTest, LeavesConnectionsOfThisHostPlainUnlessTheServiceSaysOtherwise) {
    const auto near = listen();
    const auto endpoint = "127.0.0.1:" + std::to_string(port_of(near));
    serve(mutual, endpoint);
    Guarded guarded;
    guarded.emplace(reconcile::encode(*base::SocketAddress::parse(endpoint), base::Protocol::tcp), md_guarded{});
    ASSERT_TRUE(tls_->set_guarded(guarded));
    const auto client = connect("10.96.0.1:80");
    ASSERT_TRUE(client.valid()) << std::strerror(errno);
    EXPECT_EQ(counted(MD_REASON_CONNECT_FORWARDED), 1U);
    EXPECT_EQ(peer_of(client), "10.96.0.1:80");

    guarded.begin()->second.elsewhere = 1;
    ASSERT_TRUE(tls_->set_guarded(guarded));
    const auto doubtful = connect("10.96.0.1:80");
    EXPECT_EQ(original(accept(), IPPROTO_IP), endpoint);

    guarded.begin()->second.elsewhere = 0;
    ASSERT_TRUE(tls_->set_guarded(guarded));
    serve({model::TlsMode::mutual, {}, model::SameNode::encrypt}, endpoint);
    const auto encrypted = connect("10.96.0.1:80");
    EXPECT_EQ(original(accept(), IPPROTO_IP), endpoint);
    EXPECT_EQ(counted(MD_REASON_TLS_STEERED), 2U);
}

TEST_F(TlsTest, NamesTheDeepestCgroupThenTheUser) {
    serve(mutual);
    const auto identity = [&] {
        const auto client = connect("10.96.0.1:80");
        const auto told = steered(accept());
        return told ? told->identity : ~0U;
    };
    const auto key = [](std::uint64_t value, std::uint32_t kind) { return md_identity_key{value, kind, 0}; };
    EXPECT_EQ(identity(), 0U);
    ASSERT_TRUE(tls_->set_identities({{key(::getuid(), MD_IDENTITY_USER), 7U}}));
    EXPECT_EQ(identity(), 7U);
    const auto root = Cgroup::open("auto");
    ASSERT_TRUE(tls_->set_identities({{key(::getuid(), MD_IDENTITY_USER), 7U}, {key(root->id(), MD_IDENTITY_CGROUP), 8U}}));
    EXPECT_EQ(identity(), 8U);
    ASSERT_TRUE(tls_->set_identities({{key(cgroup_->id(), MD_IDENTITY_CGROUP), 9U}, {key(root->id(), MD_IDENTITY_CGROUP), 8U}}));
    EXPECT_EQ(identity(), 9U);
}

TEST_F(TlsTest, ASocketThatIsUsedAgainIsAskedAgain) {
    serve(mutual);
    steer(0);
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socklen_t size = 0;
    auto address = address_of("10.96.0.1:80", false, size);
    ASSERT_NE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    address = address_of("127.0.0.1:" + std::to_string(port_of(listener_)), false, size);
    steer(port_of(listener_));
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_FALSE(steered(accept()));
    EXPECT_EQ(peer_of(socket), "127.0.0.1:" + std::to_string(port_of(listener_)));
}

TEST_F(TlsTest, ExplainsThatAConnectionWouldBeEncrypted) {
    serve(mutual);
    md_explain question{};
    question.destination = reconcile::encode(*base::SocketAddress::parse("10.96.0.1:80"), base::Protocol::tcp);
    question.reach = MD_REACH_V4;
    const auto answer = datapath_->ask(question);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->tls, 1U);
    EXPECT_EQ(answer->reason, MD_REASON_TLS_STEERED);
    EXPECT_EQ(reconcile::text(answer->backend), "192.0.2.9:8080/tcp");
    steer(0);
    const auto refused = datapath_->ask(question);
    EXPECT_EQ(refused->reason, MD_REASON_TLS_UNAVAILABLE);
    EXPECT_EQ(refused->error, -ECONNREFUSED);
    serve({});
    EXPECT_EQ(datapath_->ask(question)->tls, 0U);
}

TEST_F(TlsTest, ProgramsAreTakenOverAndDetached) {
    ASSERT_EQ(tls_programs(*datapath_).size(), 2U);
    const auto before = tls_programs(*datapath_);
    datapath_.reset();
    datapath_.emplace(load());
    for (const auto& program : tls_programs(*datapath_)) EXPECT_FALSE(program.attached) << program.name;
    ASSERT_TRUE(attach_tls(*datapath_, *cgroup_, *Cgroup::open("auto")));
    const auto after = tls_programs(*datapath_);
    EXPECT_EQ(after.size(), 4U);
    for (const auto& program : after) EXPECT_TRUE(program.attached) << program.name;
    EXPECT_NE(before.front().id, after.front().id);
    ASSERT_TRUE(attach_tls(*datapath_, *cgroup_, std::nullopt));
    EXPECT_EQ(tls_programs(*datapath_).size(), 2U);
    ASSERT_TRUE(detach_tls(*datapath_));
    EXPECT_TRUE(tls_programs(*datapath_).empty());
}

}  // namespace
}  // namespace meshd::kernel
