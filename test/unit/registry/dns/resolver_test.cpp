// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/resolver.hpp"

#include <gtest/gtest.h>
#include <boost/asio/ip/udp.hpp>

namespace meshd::registry::dns {
namespace {

using boost::asio::ip::udp;

// The kernel refuses each datagram at once. The second attempt is made on a socket that has the number of the first one: who
// loses sight of it would wait until the time is up, and for ever while other questions are under way.
TEST(Resolver, AServerThatIsNotThereRefusesEachAttempt) {
    boost::asio::io_context io;
    udp::socket closed(io, udp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const base::SocketAddress server{*base::IpAddress::parse("127.0.0.1"), closed.local_endpoint().port()};
    closed.close();
    Resolver resolver(io, {server});
    std::vector<Failure> failures;
    for (const auto* const name : {"one.test", "two.test"})
        resolver.ask(name, RecordType::a, [&](auto answer) {
            ASSERT_FALSE(answer.has_value());
            failures.push_back(answer.error().kind);
        });
    while (failures.size() < 2 && io.run_one_for(std::chrono::seconds(30)) > 0) {
    }
    EXPECT_EQ(failures, (std::vector<Failure>{Failure::unreachable, Failure::unreachable}));
}

}  // namespace
}  // namespace meshd::registry::dns
