// SPDX-License-Identifier: Apache-2.0
#include "tls/ticket_keys.hpp"

#include <algorithm>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace meshd::tls {

namespace {

int keys_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

template <std::size_t size>
bool fill(std::array<unsigned char, size>& bytes) {
    return ::RAND_bytes(bytes.data(), static_cast<int>(size)) == 1;
}

bool set_mac(EVP_MAC_CTX* mac, std::array<unsigned char, 32>& key) {
    std::array<char, 7> digest{"SHA256"};
    const std::array<OSSL_PARAM, 3> parameters{::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
                                               ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                               ::OSSL_PARAM_construct_end()};
    return ::EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

}  // namespace

void TicketKeys::serve(SSL_CTX* context) {
    ::SSL_CTX_set_ex_data(context, keys_index(), this);
    ::SSL_CTX_set_tlsext_ticket_key_evp_cb(context, protect);
}

std::optional<TicketKeys::Key> TicketKeys::for_new() {
    const auto now = now_();
    const std::lock_guard lock(mutex_);
    if (newest_ && now - newest_->made < longest_use) return newest_;
    Key fresh;
    fresh.made = now;
    if (!fill(fresh.name) || !fill(fresh.cipher) || !fill(fresh.mac)) return std::nullopt;
    before_ = std::exchange(newest_, fresh);
    return newest_;
}

std::optional<TicketKeys::Key> TicketKeys::named(const unsigned char* name, bool& is_newest) {
    const auto now = now_();
    const std::lock_guard lock(mutex_);
    for (const auto* const key : {&newest_, &before_}) {
        if (!*key || now - (*key)->made >= 2 * longest_use || !std::equal((*key)->name.begin(), (*key)->name.end(), name))
            continue;
        is_newest = key == &newest_ && now - (*key)->made < longest_use;
        return *key;
    }
    return std::nullopt;
}

// What SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants: 1 use it, 2 use it and give a new one, 0 a full handshake, -1 end.
int TicketKeys::protect(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int is_new) {
    auto& keys = *static_cast<TicketKeys*>(::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(session), keys_index()));
    if (is_new == 1) {
        auto key = keys.for_new();
        if (!key || ::RAND_bytes(iv, ::EVP_CIPHER_get_iv_length(::EVP_aes_256_cbc())) != 1) return -1;
        std::copy(key->name.begin(), key->name.end(), name);
        return ::EVP_EncryptInit_ex2(cipher, ::EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) == 1 && set_mac(mac, key->mac)
                   ? 1
                   : -1;
    }
    bool is_newest = false;
    auto key = keys.named(name, is_newest);
    if (!key) return 0;
    if (::EVP_DecryptInit_ex2(cipher, ::EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) != 1 || !set_mac(mac, key->mac))
        return -1;
    return is_newest ? 1 : 2;
}

}  // namespace meshd::tls
