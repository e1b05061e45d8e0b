// SPDX-License-Identifier: Apache-2.0
// Listening sockets on their way from the agent to its worker, both ends as they are.
#include "worker/listeners.hpp"

#include <array>
#include <map>

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "app/listener_handover.hpp"

namespace meshd {
namespace {

using testing::IsEmpty;

// What the kernel knows a socket by, whichever descriptor it has.
std::uint64_t cookie(int socket) {
    std::uint64_t value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &value, &size), 0);
    return value;
}

std::vector<std::uint64_t> cookies(const std::vector<base::UniqueFd>& sockets) {
    std::vector<std::uint64_t> all;
    for (const auto& socket : sockets) all.push_back(cookie(socket.get()));
    return all;
}

class ListenersTest : public testing::Test {
protected:
    // A worker that has begun.
    std::unique_ptr<worker::Listeners> worker() {
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
        handover_.begin(base::UniqueFd(pair[0]));
        auto made = std::make_unique<worker::Listeners>(io_, base::UniqueFd(pair[1]),
                                                        [this](const std::string& name, std::vector<base::UniqueFd> sockets) {
                                                            got_[name] = cookies(sockets);
                                                            ++sets_;
                                                        });
        made->start();
        return made;
    }

    void run() {
        io_.restart();
        io_.poll();
    }

    static steering::ListenersPtr listeners(std::size_t count) {
        auto all = std::make_shared<steering::Listeners>();
        for (std::size_t i = 0; i < count; ++i) all->sockets.emplace_back(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
        all->port = 15001;
        return all;
    }

    boost::asio::io_context io_;
    app::ListenerHandover handover_{io_};
    std::map<std::string, std::vector<std::uint64_t>> got_;
    int sets_ = 0;
};

TEST_F(ListenersTest, ComeToAWorkerThatIsThere) {
    const auto there = worker();
    const auto outbound = listeners(3);
    const auto inbound = listeners(64);
    handover_.set("outbound", outbound);
    handover_.set("inbound", inbound);
    run();
    EXPECT_EQ(got_["outbound"], cookies(outbound->sockets));
    EXPECT_EQ(got_["inbound"], cookies(inbound->sockets));
    EXPECT_EQ(sets_, 2);
}

TEST_F(ListenersTest, ComeToEachWorkerAnew) {
    const auto outbound = listeners(2);
    handover_.set("outbound", outbound);
    auto first = worker();
    run();
    EXPECT_EQ(got_["outbound"], cookies(outbound->sockets));
    first.reset();
    got_.clear();
    const auto second = worker();
    run();
    EXPECT_EQ(got_["outbound"], cookies(outbound->sockets));
}

TEST_F(ListenersTest, ReplaceThoseOfBefore) {
    const auto there = worker();
    handover_.set("outbound", listeners(4));
    const auto later = listeners(1);
    handover_.set("outbound", later);
    run();
    EXPECT_EQ(got_["outbound"], cookies(later->sockets));
    EXPECT_EQ(sets_, 2);
}

TEST_F(ListenersTest, AreWithdrawn) {
    const auto there = worker();
    handover_.set("outbound", listeners(1));
    handover_.set("outbound", nullptr);
    handover_.set("inbound", nullptr);  // was never there
    run();
    EXPECT_THAT(got_["outbound"], IsEmpty());
    EXPECT_EQ(sets_, 2);
}

TEST_F(ListenersTest, AreNotHandedToAWorkerThatHasEnded) {
    auto gone = worker();
    gone.reset();
    handover_.set("outbound", listeners(2));
    run();
    const auto next = worker();
    run();
    EXPECT_EQ(got_["outbound"].size(), 2U);
}

TEST_F(ListenersTest, AreNotBelievedWithoutSense) {
    const auto there = worker();
    const auto socket = [] { return base::UniqueFd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)); };
    EXPECT_FALSE(there->take("nonsense", {}));
    EXPECT_FALSE(there->take("[]", {}));
    EXPECT_FALSE(there->take(R"({"name":"outbound"})", socket()));
    EXPECT_FALSE(there->take(R"({"name":7,"of":0})", {}));
    EXPECT_FALSE(there->take(R"({"name":"outbound","of":-1})", {}));
    EXPECT_FALSE(there->take(R"({"name":"outbound","of":100000,"index":0})", socket()));
    EXPECT_FALSE(there->take(R"({"name":"outbound","of":2,"index":2})", socket()));
    EXPECT_FALSE(there->take(R"({"name":"outbound","of":2,"index":0})", {}));  // no socket came with it
    EXPECT_TRUE(there->take(R"({"name":"outbound","of":3,"index":0})", socket()));
    EXPECT_FALSE(there->take(R"({"name":"outbound","of":3,"index":2})", socket()));
    EXPECT_FALSE(there->take(R"({"name":"outbound","of":3,"index":1})", socket()));
    EXPECT_EQ(sets_, 0);
    EXPECT_TRUE(there->take(R"({"name":"outbound","of":1,"index":0})", socket()));
    EXPECT_EQ(sets_, 1);
}

}  // namespace
}  // namespace meshd
