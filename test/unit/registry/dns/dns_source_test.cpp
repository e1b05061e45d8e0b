// SPDX-License-Identifier: Apache-2.0
// Against a name server of the test's own, which fails as real ones do.
#include "registry/dns/dns_source.hpp"

#include <map>

#include <gmock/gmock.h>
#include <boost/asio/ip/udp.hpp>

#include "message.hpp"

namespace meshd::registry::dns {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::ip::udp;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto one = "\x0a\0\0\1"sv, two = "\x0a\0\0\2"sv, six = "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"sv;
constexpr std::uint8_t server_fails = 2, no_such_name = 3;

class NameServer {
public:
    explicit NameServer(boost::asio::io_context& io) : socket_(io, udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {
        receive();
    }

    [[nodiscard]] base::SocketAddress address() const {
        return {*base::IpAddress::parse("127.0.0.1"), socket_.local_endpoint().port()};
    }
    void set(const std::string& name, std::uint16_t type, Message message) { answers_[{name, type}] = message.bytes(); }
    void set(const std::string& name, std::uint16_t type, std::uint8_t failure) {
        set(name, type, Message(name, type));
        answers_[{name, type}][3] |= failure;
    }
    // Of that type, for that name.
    int asked(const std::string& name, std::uint16_t type) { return asked_[{name, type}]; }

private:
    void receive() {
        socket_.async_receive_from(boost::asio::buffer(buffer_), peer_,
                                   [this](boost::system::error_code error, std::size_t size) {
                                       if (error) return;
                                       answer(size);
                                       receive();
                                   });
    }

    void answer(std::size_t size) {
        std::string name;
        std::size_t at = 12;
        for (; at < size && buffer_[at] != 0; at += buffer_[at] + 1U)
            name += (name.empty() ? "" : ".") + std::string(reinterpret_cast<const char*>(&buffer_[at + 1]), buffer_[at]);
        const auto type = static_cast<std::uint16_t>(buffer_[at + 1] << 8 | buffer_[at + 2]);
        ++asked_[{name, type}];
        auto bytes = answers_.contains({name, type}) ? answers_.at({name, type}) : Message(name, type).bytes();
        bytes[0] = buffer_[0];
        bytes[1] = buffer_[1];
        socket_.send_to(boost::asio::buffer(bytes), peer_);
    }

    udp::socket socket_;
    udp::endpoint peer_;
    std::array<std::uint8_t, 512> buffer_{};
    std::map<std::pair<std::string, std::uint16_t>, std::vector<std::uint8_t>> answers_;
    std::map<std::pair<std::string, std::uint16_t>, int> asked_;
};

class DnsSourceTest : public testing::Test {
protected:
    boost::asio::io_context io;
    NameServer server{io};
    Intake intake{"dns", {.share = 100}, {[] {}, [] {}, [] {}}};
    DnsSource source{io, {.servers = {server.address()}, .least_ttl = 100ms, .most_ttl = 100ms}, intake};

    static model::BackendsFrom query(model::BackendsFrom::Kind kind, const std::string& name) { return {kind, {}, name, {}, {}}; }
    const model::BackendsFrom db = query(model::BackendsFrom::Kind::dns, "db.test");
    const model::BackendsFrom records = query(model::BackendsFrom::Kind::srv, "_db.test");

    std::vector<std::string> backends(const model::BackendsFrom& of) {
        std::vector<std::string> all;
        if (const auto* const set = intake.find_set(of))
            for (const auto& backend : *set) all.push_back(backend.endpoint.text());
        return all;
    }
    bool run_until(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < deadline) io.run_one_for(100ms);
        return condition();
    }
    bool becomes(const model::BackendsFrom& of, const std::vector<std::string>& wanted) {
        return run_until([&] { return intake.find_set(of) != nullptr && backends(of) == wanted; });
    }
};

TEST_F(DnsSourceTest, FollowsAddressesOfBothFamilies) {
    server.set("db.test", Message::a, Message("db.test", Message::a).answer(Message::a, 1, one));
    server.set("db.test", Message::aaaa, Message("db.test", Message::aaaa).answer(Message::aaaa, 1, six));
    source.want({db});
    source.start();
    EXPECT_TRUE(becomes(db, {"10.0.0.1:0", "[fd00::1]:0"}));
    EXPECT_TRUE(intake.complete());
    server.set("db.test", Message::a, Message("db.test", Message::a).answer(Message::a, 1, two));
    EXPECT_TRUE(becomes(db, {"10.0.0.2:0", "[fd00::1]:0"}));
}

TEST_F(DnsSourceTest, AFamilyThatFailsDoesNotHideTheOther) {
    server.set("db.test", Message::a, Message("db.test", Message::a).answer(Message::a, 1, one));
    server.set("db.test", Message::aaaa, server_fails);
    source.start();
    source.want({db});
    EXPECT_TRUE(becomes(db, {"10.0.0.1:0"}));
    EXPECT_THAT(intake.error(), testing::HasSubstr("AAAA records of db.test"));
    EXPECT_FALSE(intake.complete());
}

TEST_F(DnsSourceTest, AFamilyThatFailsLaterKeepsItsAddresses) {
    server.set("db.test", Message::a, Message("db.test", Message::a).answer(Message::a, 1, one));
    server.set("db.test", Message::aaaa, Message("db.test", Message::aaaa).answer(Message::aaaa, 1, six));
    source.want({db});
    source.start();
    EXPECT_TRUE(becomes(db, {"10.0.0.1:0", "[fd00::1]:0"}));
    server.set("db.test", Message::aaaa, server_fails);
    EXPECT_TRUE(run_until([&] { return !intake.error().empty(); }));
    server.set("db.test", Message::a, Message("db.test", Message::a).answer(Message::a, 1, two));
    EXPECT_TRUE(becomes(db, {"10.0.0.2:0", "[fd00::1]:0"}));
    server.set("db.test", Message::aaaa, Message("db.test", Message::aaaa));
    EXPECT_TRUE(becomes(db, {"10.0.0.2:0"}));
    EXPECT_TRUE(run_until([&] { return intake.error().empty(); }));
}

TEST_F(DnsSourceTest, ThatThereIsNothingIsNotBelievedOfHalfAnAnswer) {
    server.set("db.test", Message::a, server_fails);
    source.want({db});
    source.start();
    EXPECT_TRUE(run_until([&] { return !intake.error().empty() && server.asked("db.test", Message::aaaa) > 0; }));
    EXPECT_EQ(intake.find_set(db), nullptr);
    server.set("db.test", Message::a, no_such_name);
    EXPECT_TRUE(becomes(db, {}));
}

TEST_F(DnsSourceTest, ATargetThatFailsDoesNotHideTheOthers) {
    server.set("_db.test", Message::srv,
               Message("_db.test", Message::srv)
                   .answer(Message::srv, 1, Message::service(1, 1, 81, "one.test"))
                   .answer(Message::srv, 1, Message::service(1, 1, 82, "two.test")));
    server.set("one.test", Message::a, Message("one.test", Message::a).answer(Message::a, 1, one));
    server.set("two.test", Message::a, server_fails);
    server.set("two.test", Message::aaaa, server_fails);
    source.want({records});
    source.start();
    EXPECT_TRUE(becomes(records, {"10.0.0.1:81"}));
    server.set("two.test", Message::a, Message("two.test", Message::a).answer(Message::a, 1, two));
    EXPECT_TRUE(becomes(records, {"10.0.0.1:81", "10.0.0.2:82"}));
}

TEST_F(DnsSourceTest, RecordsThatChangeAreTakenWhenTheirTargetsAreKnown) {
    server.set("_db.test", Message::srv,
               Message("_db.test", Message::srv).answer(Message::srv, 1, Message::service(1, 1, 81, "one.test")));
    server.set("one.test", Message::a, Message("one.test", Message::a).answer(Message::a, 1, one));
    server.set("two.test", Message::a, Message("two.test", Message::a).answer(Message::a, 1, two));
    source.want({records});
    source.start();
    EXPECT_TRUE(becomes(records, {"10.0.0.1:81"}));
    server.set("_db.test", Message::srv,
               Message("_db.test", Message::srv).answer(Message::srv, 1, Message::service(1, 1, 82, "two.test")));
    EXPECT_TRUE(run_until([&] { return backends(records) != std::vector<std::string>{"10.0.0.1:81"}; }));
    EXPECT_THAT(backends(records), ElementsAre("10.0.0.2:82"));
}

TEST_F(DnsSourceTest, WhatIsWantedTwiceIsAskedOnce) {
    server.set("db.test", Message::a, Message("db.test", Message::a).answer(Message::a, 1, one));
    server.set("_db.test", Message::srv,
               Message("_db.test", Message::srv).answer(Message::srv, 1, Message::service(1, 1, 81, "db.test")));
    DnsSource slow(io, {.servers = {server.address()}, .least_ttl = 1h, .most_ttl = 1h}, intake);
    slow.want({db});
    slow.start();
    EXPECT_TRUE(becomes(db, {"10.0.0.1:0"}));
    slow.want({db, records});
    EXPECT_TRUE(becomes(records, {"10.0.0.1:81"}));
    EXPECT_EQ(server.asked("db.test", Message::a), 1);
    slow.sync();
    EXPECT_TRUE(run_until([&] { return server.asked("db.test", Message::a) == 2; }));
}

TEST_F(DnsSourceTest, WhatNobodyWantsIsNoError) {
    server.set("db.test", Message::a, server_fails);
    server.set("_db.test", Message::srv, Message("_db.test", Message::srv));
    source.want({db, records});
    source.start();
    EXPECT_TRUE(run_until([&] { return !intake.error().empty() && intake.find_set(records) != nullptr; }));
    source.want({records});
    EXPECT_TRUE(run_until([&] { return intake.error().empty(); }));
    EXPECT_THAT(backends(records), IsEmpty());
}

TEST(DnsSource, CanGoWhileItAsks) {
    boost::asio::io_context io;
    Intake intake("dns", {}, {[] {}, [] {}, [] {}});
    udp::socket silent(io, udp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    {
        DnsSource source(io, {.servers = {{*base::IpAddress::parse("127.0.0.1"), silent.local_endpoint().port()}}}, intake);
        source.want({{model::BackendsFrom::Kind::dns, {}, "db.test", {}, {}}});
        source.start();
        io.poll();
    }
    io.restart();
    io.run();
    EXPECT_TRUE(intake.error().empty());
}

}  // namespace
}  // namespace meshd::registry::dns
