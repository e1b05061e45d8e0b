// SPDX-License-Identifier: Apache-2.0
// What the agent reads that it did not write in this run: answers of sock_diag, lines of mountinfo and the file of an earlier
// agent. Whatever the bytes are, reading ends, and what is taken from them is what it should be.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "sockets/departure_file.hpp"
#include "sockets/diag_message.hpp"
#include "sockets/net_namespaces.hpp"

namespace {

using namespace meshd::sockets;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::size_t sockets = 0;
    const auto answered = read_answer(std::as_bytes(std::span(data, size)), [&](const DiagSocket& socket) {
        require(socket.family == AF_INET || socket.family == AF_INET6);
        ++sockets;
    });
    require(answered.error >= 0 && (answered.ended || answered.error == 0));
    require(sockets <= size / sizeof(inet_diag_msg));

    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto mount = parse_net_mount(text)) require(mount->path.size() <= size);
    if (const auto departures = parse_departures(text, "boot")) {
        Departures::All all;
        for (const auto& one : *departures) all.insert_or_assign({one.service_id, one.backend}, one);
        const auto again = parse_departures(departures_text(all, "boot"), "boot");
        require(again.has_value() && again->size() == all.size());
    }
    return 0;
}
