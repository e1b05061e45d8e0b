// SPDX-License-Identifier: Apache-2.0
// Two sessions whose bytes are handed over in memory.
#include "tls/session.hpp"

#include <array>
#include <stdexcept>

#include <gtest/gtest.h>

#include "test_certificates.hpp"

namespace meshd::tls {
namespace {

using Side = Session::Side;
using Step = Session::Step;

struct SessionTest : testing::Test {
    struct End {
        End(std::shared_ptr<const Credentials> credentials, Side side, const Ticket& ticket = {})
            : session(std::move(credentials), side, wire, ticket) {}
        std::string take() { return std::exchange(wire.to_send, {}); }

        Wire wire;
        Session session;
    };

    std::shared_ptr<const Credentials> load(const std::string& id) {
        auto loaded = Credentials::load(authority.issue_for(id), authority.trust());
        if (!loaded) throw std::runtime_error(loaded.error().message());
        return *loaded;
    }

    static Step shake(End& end, std::string_view bytes) {
        end.wire.received = bytes;
        return end.session.handshake();
    }
    static void connect(End& client, End& server, std::size_t piece = 1'000'000) {
        auto of_client = shake(client, {});
        auto of_server = Step::more;
        while (of_client == Step::more || of_server == Step::more) {
            const auto there = client.take();
            for (std::size_t at = 0; at < there.size(); at += piece)
                of_server = shake(server, std::string_view(there).substr(at, piece));
            const auto back = server.take();
            if (of_client == Step::done) return (void)read(client, back);  // a ticket
            for (std::size_t at = 0; at < back.size(); at += piece)
                of_client = shake(client, std::string_view(back).substr(at, piece));
            ASSERT_FALSE(there.empty() && back.empty());
        }
    }
    static std::string read(End& end, std::string_view bytes, std::size_t room = 98304, Step last = Step::more) {
        end.wire.received = bytes;
        std::string plain;
        std::string into(room, '\0');
        auto got = end.session.read(into);
        for (; got.step == Step::done; got = end.session.read(into)) plain.append(into, 0, got.size);
        plain.append(into, 0, got.size);
        EXPECT_EQ(got.step, last);
        EXPECT_TRUE(end.wire.received.empty());
        return plain;
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "authority"};
    std::shared_ptr<const Credentials> of_client = load("spiffe://example.org/client");
    std::shared_ptr<const Credentials> of_server = load("spiffe://example.org/server");
    End client{of_client, Side::client}, server{of_server, Side::server};
};

TEST_F(SessionTest, KnowsItsPeer) {
    connect(client, server);
    EXPECT_EQ(client.session.peer(), "spiffe://example.org/server");
    EXPECT_EQ(server.session.peer(), "spiffe://example.org/client");
    EXPECT_FALSE(server.session.resumed());
}

TEST_F(SessionTest, TellsWhatItAgreedOnAndLookedAt) {
    connect(client, server);
    const auto details = client.session.details();
    EXPECT_EQ(details.protocol, "TLSv1.3");
    EXPECT_EQ(details.cipher.substr(0, 4), "TLS_");
    EXPECT_EQ(details.group, "x25519");
    ASSERT_EQ(details.chain.size(), 3U);
    EXPECT_EQ(details.chain[0].identity, "spiffe://example.org/server");
    EXPECT_EQ(details.authority, details.chain[2].subject);
    EXPECT_FALSE(details.looks_at_revocations);
}

TEST_F(SessionTest, TellsWhatItLookedAtBeforeItFailed) {
    TestAuthority other(directory, "other");
    const auto loaded = Credentials::load(other.issue_for("spiffe://example.org/server"), other.trust());
    ASSERT_TRUE(loaded);
    End stranger{*loaded, Side::server};
    shake(client, {});
    shake(stranger, client.take());
    EXPECT_EQ(shake(client, stranger.take()), Step::failed);
    const auto details = client.session.details();
    ASSERT_FALSE(details.chain.empty());
    EXPECT_EQ(details.chain[0].identity, "spiffe://example.org/server");
    EXPECT_EQ(details.authority, "");
}

TEST_F(SessionTest, TakesItsHandshakeInPieces) {
    connect(client, server, 1);
    client.session.write("hello");
    EXPECT_EQ(read(server, client.take()), "hello");
}

TEST_F(SessionTest, CarriesRecordsAtOnceAndInPieces) {
    connect(client, server);
    const std::string much(200'000, 'x');
    EXPECT_EQ(client.session.write(much), Step::done);
    const auto wire = client.take();
    EXPECT_GT(wire.size(), much.size());
    EXPECT_EQ(read(server, wire, 100), much);

    EXPECT_EQ(client.session.write(much), Step::done);
    const auto again = client.take();
    std::string heard;
    for (std::size_t at = 0; at < again.size(); at += 1000) heard += read(server, std::string_view(again).substr(at, 1000));
    EXPECT_EQ(heard, much);
}

TEST_F(SessionTest, EndsEachDirectionByItself) {
    connect(client, server);
    client.session.write("last");
    client.session.close();
    EXPECT_EQ(read(server, client.take(), 98304, Step::ended), "last");
    EXPECT_EQ(server.session.write("answer"), Step::done);
    EXPECT_EQ(read(client, server.take()), "answer");
    server.session.close();
    EXPECT_EQ(read(client, server.take(), 98304, Step::ended), "");
}

TEST_F(SessionTest, IsResumedWithATicket) {
    connect(client, server);
    const auto ticket = client.session.take_ticket();
    EXPECT_EQ(client.session.take_ticket(), nullptr);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(is_usable(ticket));
        End next{of_client, Side::client, ticket};
        End other{of_server, Side::server};
        connect(next, other);
        EXPECT_TRUE(next.session.resumed() && other.session.resumed());
        EXPECT_EQ(next.session.peer(), "spiffe://example.org/server");
        EXPECT_EQ(other.session.peer(), "spiffe://example.org/client");
        EXPECT_EQ(next.session.take_ticket(), nullptr);
    }
}

TEST_F(SessionTest, OfOneTicketManyAreResumedAtOnce) {
    connect(client, server);
    const auto ticket = client.session.take_ticket();
    End early{of_client, Side::client, ticket}, late{of_client, Side::client, ticket};
    End of_early{of_server, Side::server}, of_late{of_server, Side::server};
    connect(early, of_early);
    connect(late, of_late);
    EXPECT_TRUE(early.session.resumed() && late.session.resumed());
    EXPECT_TRUE(is_usable(ticket));
}

TEST_F(SessionTest, OthersDoNotTakeItsTicket) {
    connect(client, server);
    const auto ticket = client.session.take_ticket();
    End next{of_client, Side::client, ticket};
    End other{load("spiffe://example.org/other"), Side::server};
    connect(next, other);
    EXPECT_FALSE(next.session.resumed());
    EXPECT_EQ(next.session.peer(), "spiffe://example.org/other");
}

TEST_F(SessionTest, SaysWhatIsWrong) {
    EXPECT_EQ(shake(server, "GET / HTTP/1.1\r\n\r\n"), Step::failed);
    EXPECT_EQ(server.session.failure().result, HandshakeResult::protocol);
    EXPECT_FALSE(server.session.failure().detail.empty());

    End well{of_server, Side::server};
    connect(client, well);
    client.session.write("hello");
    auto wire = client.take();
    wire.back() = static_cast<char>(wire.back() ^ 1);
    EXPECT_EQ(read(well, wire, 98304, Step::failed), "");
    EXPECT_FALSE(well.wire.to_send.empty());  // an alert
    EXPECT_EQ(read(client, well.take(), 98304, Step::failed), "");
    EXPECT_EQ(client.session.write("more"), Step::failed);
}

}  // namespace
}  // namespace meshd::tls
