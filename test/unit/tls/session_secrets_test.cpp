// SPDX-License-Identifier: Apache-2.0
// What the kernel would be given, checked by opening records with it.
#include "tls/session_secrets.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "test_certificates.hpp"
#include "tls/session.hpp"

namespace meshd::tls {
namespace {

using ktls::Cipher;
using ktls::Keys;
using ktls::Way;
using Side = Session::Side;

std::vector<unsigned char> bytes(const std::string& hex) {
    std::vector<unsigned char> result;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        result.push_back(static_cast<unsigned char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return result;
}

// RFC 8448, 3: the application traffic secrets of a "Simple 1-RTT Handshake".
TEST(TrafficSecret, MakesTheKeysOfRfc8448) {
    struct Row {
        const char *secret, *key, *iv;
    };
    for (const auto& [secret, key, iv] : {Row{"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
                                              "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"},
                                          Row{"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                                              "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"}}) {
        const auto keys = TrafficSecret(bytes(secret)).keys(Cipher::aes_128_gcm);
        ASSERT_TRUE(keys);
        EXPECT_EQ(std::vector(keys->key.begin(), keys->key.begin() + 16), bytes(key));
        EXPECT_EQ(std::vector(keys->iv.begin(), keys->iv.end()), bytes(iv));
        EXPECT_EQ(keys->sequence, 0U);
    }
    EXPECT_FALSE(TrafficSecret().keys(Cipher::aes_128_gcm));
}

TEST(TrafficSecret, IsAnotherAfterEachUpdate) {
    const TrafficSecret first(bytes(std::string(96, '5')));
    const auto second = first.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->bytes().size(), 48U);
    EXPECT_NE(second->keys(Cipher::aes_256_gcm)->key, first.keys(Cipher::aes_256_gcm)->key);
    EXPECT_NE(second->next()->keys(Cipher::aes_256_gcm)->key, second->keys(Cipher::aes_256_gcm)->key);
}

TEST(RecordEnds, AreFoundHoweverBytesCome) {
    const std::string record = "\x17\x03\x03" + std::string("\x01\x02", 2) + std::string(258, 'x');
    RecordEnds ends;
    for (std::size_t at = 0; at < record.size(); ++at) {
        ends.feed(std::string_view(record).substr(at, 1));
        const auto seen = at + 1;
        EXPECT_EQ(ends.missing(), seen < 5 ? 5 - seen : record.size() - seen);
    }
    ends.feed(record + record + record.substr(0, 100));
    EXPECT_EQ(ends.missing(), record.size() - 100);
    ends.feed(record.substr(100) + "\x17");
    EXPECT_EQ(ends.missing(), 4U);
}

// The content of a record, without the type behind it (RFC 8446, 5.2). Nothing: other keys have made it.
std::optional<std::string> open_record(const Keys& keys, const std::string& record) {
    auto nonce = keys.iv;
    for (std::size_t i = 0; i < 8; ++i) nonce.at(11 - i) ^= static_cast<unsigned char>(keys.sequence >> (8 * i));
    const auto* const cipher = keys.cipher == Cipher::aes_128_gcm   ? EVP_aes_128_gcm()
                               : keys.cipher == Cipher::aes_256_gcm ? EVP_aes_256_gcm()
                                                                    : EVP_chacha20_poly1305();
    const auto* const data = reinterpret_cast<const unsigned char*>(record.data());
    const auto size = static_cast<int>(record.size()) - 5 - 16;
    std::string plain(record.size(), '\0');
    int got = 0;
    const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    const bool is_open =
        ::EVP_DecryptInit_ex(context.get(), cipher, nullptr, keys.key.data(), nonce.data()) == 1 &&
        ::EVP_DecryptUpdate(context.get(), nullptr, &got, data, 5) == 1 &&
        ::EVP_DecryptUpdate(context.get(), reinterpret_cast<unsigned char*>(plain.data()), &got, data + 5, size) == 1 &&
        ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, 16, const_cast<unsigned char*>(data + 5 + size)) == 1 &&
        ::EVP_DecryptFinal_ex(context.get(), reinterpret_cast<unsigned char*>(plain.data()) + got, &got) == 1;
    if (!is_open) return std::nullopt;
    return plain.substr(0, static_cast<std::size_t>(size) - 1);
}

struct SessionSecretsTest : testing::Test {
    struct End {
        End(std::shared_ptr<const Credentials> credentials, Side side, const Ticket& ticket = {})
            : session(std::move(credentials), side, wire, ticket) {}
        std::string take() { return std::exchange(wire.to_send, {}); }
        std::string write(std::string_view plain) {
            EXPECT_EQ(session.write(plain), Session::Step::done);
            return take();
        }
        void read(std::string_view received) {
            wire.received = received;
            std::string into(98304, '\0');
            EXPECT_EQ(session.read(into).step, Session::Step::more);
        }

        Wire wire;
        Session session;
    };

    SessionSecretsTest() {
        keep_secrets_for_kernel();
        of_client = load("spiffe://example.org/client");
        of_server = load("spiffe://example.org/server");
    }
    std::shared_ptr<const Credentials> load(const std::string& id) {
        auto loaded = Credentials::load(authority.issue_for(id), authority.trust());
        if (!loaded) throw std::runtime_error(loaded.error().message());
        return *loaded;
    }
    static void shake(End& client, End& server) {
        client.session.handshake();
        const auto hello = client.take();
        server.wire.received = hello;
        server.session.handshake();
        const auto answer = server.take();
        client.wire.received = answer;
        ASSERT_EQ(client.session.handshake(), Session::Step::done);
        const auto finished = client.take();
        server.wire.received = finished;
        ASSERT_EQ(server.session.handshake(), Session::Step::done);
    }
    // Both ways: what one side writes next is opened by the keys that the other says it would receive with.
    static void expect_keys_fit(End& from, End& to) {
        const auto made_with = from.session.keys(Way::transmit);
        const auto opened_with = to.session.keys(Way::receive);
        ASSERT_TRUE(made_with && opened_with);
        const auto record = from.write("next");
        EXPECT_EQ(open_record(*made_with, record), "next");
        EXPECT_EQ(open_record(*opened_with, record), "next");
        auto wrong = *opened_with;
        ++wrong.sequence;
        EXPECT_FALSE(open_record(wrong, record));
        to.read(record);
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "authority"};
    std::shared_ptr<const Credentials> of_client, of_server;
};

TEST_F(SessionSecretsTest, OpenTheNextRecordOfBothWaysAtAnyTime) {
    Ticket ticket;
    for (const bool is_resumed : {false, true}) {
        End client(of_client, Side::client, ticket), server(of_server, Side::server);
        shake(client, server);
        EXPECT_EQ(client.session.resumed(), is_resumed);
        client.read(server.take());  // with a full handshake a ticket, which counts as a record
        ticket = client.session.take_ticket();
        EXPECT_TRUE(client.session.may_leave() && server.session.may_leave());
        for (int i = 0; i < 3; ++i) {
            expect_keys_fit(client, server);
            expect_keys_fit(server, client);
            server.read(client.write(std::string(40'000, 'x')));
        }
    }
}

TEST_F(SessionSecretsTest, AreNotSaidInTheMiddleOfARecord) {
    End client(of_client, Side::client), server(of_server, Side::server);
    shake(client, server);
    const auto record = client.write("a record");
    server.read(std::string_view(record).substr(0, 10));
    EXPECT_FALSE(server.session.keys(Way::receive));
    EXPECT_TRUE(server.session.keys(Way::transmit));
    EXPECT_EQ(server.session.missing(), record.size() - 10);
    server.read(std::string_view(record).substr(10));
    expect_keys_fit(client, server);
}

TEST_F(SessionSecretsTest, FollowKeyUpdates) {
    End client(of_client, Side::client), server(of_server, Side::server);
    shake(client, server);
    client.session.update_key();
    const auto both = client.write("behind");
    const auto update = both.substr(0, 5 + 5 + 1 + 16);
    const auto keys = server.session.keys(Way::receive);
    ASSERT_TRUE(keys);
    EXPECT_EQ(open_record(*keys, update), std::string("\x18\x00\x00\x01\x00", 5));
    const auto later = server.session.next_keys(Way::receive);
    ASSERT_TRUE(later);
    EXPECT_EQ(open_record(*later, both.substr(update.size())), "behind");
    EXPECT_EQ(later->sequence, 0U);
}

// OpenSSL does not say the secrets that follow.
TEST_F(SessionSecretsTest, StayWithOpensslThatHasChangedKeys) {
    End client(of_client, Side::client), server(of_server, Side::server);
    shake(client, server);
    client.session.update_key();
    server.read(client.write("behind"));
    EXPECT_FALSE(server.session.may_leave());
    EXPECT_FALSE(client.session.may_leave());
    EXPECT_FALSE(server.session.keys(Way::receive));
}

}  // namespace
}  // namespace meshd::tls
