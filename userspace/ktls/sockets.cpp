// SPDX-License-Identifier: Apache-2.0
#include "ktls/sockets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace meshd::ktls {

namespace {

// What is kept of a secret in memory that is given back is of use to nobody but an attacker.
template <typename Info>
int set_info(int fd, Way way, Info& info) {
    const int code = ::setsockopt(fd, SOL_TLS, way == Way::transmit ? TLS_TX : TLS_RX, &info, sizeof info) == 0 ? 0 : errno;
    ::explicit_bzero(&info, sizeof info);
    return code;
}

template <typename Info>
Info info_of(const Keys& keys, std::uint16_t cipher) {
    Info info{};
    info.info.version = TLS_1_3_VERSION;
    info.info.cipher_type = cipher;
    static_assert(sizeof info.salt + sizeof info.iv == sizeof keys.iv);
    std::memcpy(info.key, keys.key.data(), sizeof info.key);
    if constexpr (sizeof info.salt != 0) std::memcpy(info.salt, keys.iv.data(), sizeof info.salt);
    std::memcpy(info.iv, keys.iv.data() + sizeof info.salt, sizeof info.iv);
    for (std::size_t i = 0; i < sizeof info.rec_seq; ++i)
        info.rec_seq[i] = static_cast<unsigned char>(keys.sequence >> (8 * (sizeof info.rec_seq - 1 - i)));
    return info;
}

int set_keys(int fd, Way way, const Keys& keys) {
    switch (keys.cipher) {
        case Cipher::aes_128_gcm: {
            auto info = info_of<tls12_crypto_info_aes_gcm_128>(keys, TLS_CIPHER_AES_GCM_128);
            return set_info(fd, way, info);
        }
        case Cipher::aes_256_gcm: {
            auto info = info_of<tls12_crypto_info_aes_gcm_256>(keys, TLS_CIPHER_AES_GCM_256);
            return set_info(fd, way, info);
        }
        case Cipher::chacha20_poly1305: {
            auto info = info_of<tls12_crypto_info_chacha20_poly1305>(keys, TLS_CIPHER_CHACHA20_POLY1305);
            return set_info(fd, way, info);
        }
    }
    return EINVAL;
}

// One record type as a control message.
struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint8_t))> bytes{};
};

}  // namespace

base::Result<void> prepare(int fd) {
    constexpr std::string_view protocol = "tls";
    if (::setsockopt(fd, IPPROTO_TCP, TCP_ULP, protocol.data(), protocol.size()) == 0) return {};
    if (errno == ENOENT)
        return base::fail({"use", "kernel TLS", 0, "the kernel has no module tls, or it is not loaded", "modprobe tls"});
    return base::fail_errno("use", "kernel TLS");
}

base::Result<void> install(int fd, Way way, const Keys& keys) {
    const int code = set_keys(fd, way, keys);
    if (code == 0) return {};
    return base::fail({way == Way::transmit ? "transmit with" : "receive with",
                       "kernel TLS and " + std::string(name(keys.cipher)),
                       code,
                       {},
                       {}});
}

bool send_record(int fd, std::uint8_t type, std::string_view bytes) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_TLS;
    header->cmsg_type = TLS_SET_RECORD_TYPE;
    header->cmsg_len = CMSG_LEN(sizeof type);
    *CMSG_DATA(header) = type;
    return ::sendmsg(fd, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

Received receive(int fd, std::span<char> into) {
    iovec part{into.data(), into.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const auto size = ::recvmsg(fd, &message, 0);
    if (size < 0) return {0, {}, errno};
    const auto* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_TLS || header->cmsg_type != TLS_GET_RECORD_TYPE)
        return {static_cast<std::size_t>(size), {}, size == 0 ? 0 : EPROTO};
    return {static_cast<std::size_t>(size), *CMSG_DATA(header), 0};
}

// A close hands over to TCP what is left, as far as there is room: half of what may be sent is more than that ever is.
bool may_close(int fd) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof memory;
    if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return true;
    return memory[SK_MEMINFO_WMEM_QUEUED] <= memory[SK_MEMINFO_SNDBUF] / 2;
}

}  // namespace meshd::ktls
