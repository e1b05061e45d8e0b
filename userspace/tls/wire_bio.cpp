// SPDX-License-Identifier: Apache-2.0
#include "tls/wire_bio.hpp"

#include <algorithm>
#include <cstring>

namespace meshd::tls {

namespace {

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(::BIO_get_data(bio)); }

int read_received(BIO* bio, char* into, int room) {
    auto& received = wire_of(bio).received;
    BIO_clear_retry_flags(bio);
    if (received.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const auto size = std::min(received.size(), static_cast<std::size_t>(room));
    std::memcpy(into, received.data(), size);
    received.remove_prefix(size);
    return static_cast<int>(size);
}

int append_to_send(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    wire_of(bio).to_send.append(bytes, static_cast<std::size_t>(size));
    return size;
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* wire_method() {
    static BIO_METHOD* const method = [] {
        auto* const made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
        if (made == nullptr) return made;
        ::BIO_meth_set_read(made, read_received);
        ::BIO_meth_set_write(made, append_to_send);
        ::BIO_meth_set_ctrl(made, control);
        return made;
    }();
    return method;
}

}  // namespace

BIO* new_wire_bio(Wire& wire) {
    auto* const bio = ::BIO_new(wire_method());
    if (bio == nullptr) return nullptr;
    ::BIO_set_data(bio, &wire);
    ::BIO_set_init(bio, 1);
    return bio;
}

}  // namespace meshd::tls
