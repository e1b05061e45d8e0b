// SPDX-License-Identifier: Apache-2.0
#include "relay/client_hello.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <utility>

namespace meshd::relay {

namespace {

constexpr char handshake_record = 22;
constexpr char major_version = 3;
constexpr std::size_t record_header = 5;
constexpr std::size_t longest_record = std::size_t{16} << 10;
constexpr char client_hello = 1;
constexpr std::size_t message_header = 4;
constexpr std::size_t version_and_random = 2 + 32;
constexpr std::size_t longest_session_id = 32;
constexpr std::uint64_t server_name_extension = 0;
constexpr std::uint64_t protocols_extension = 16;
constexpr std::uint64_t host_name = 0;

tl::unexpected<base::Error> malformed(std::string why) { return base::fail({"read", "a ClientHello", 0, std::move(why), {}}); }

std::uint64_t number_of(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

// Takes parts off the front; what is not there is empty, and ok() no more.
class Cursor {
public:
    explicit Cursor(std::string_view bytes) : rest_(bytes) {}

    std::string_view bytes(std::size_t size) {
        if (size > rest_.size()) {
            is_ok_ = false;
            rest_ = {};
            return {};
        }
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::uint64_t number(std::size_t size) { return number_of(bytes(size)); }
    // What stands behind its own length, which takes `size` bytes.
    std::string_view vector(std::size_t size) { return bytes(number(size)); }
    [[nodiscard]] bool ok() const { return is_ok_; }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

private:
    std::string_view rest_;
    bool is_ok_ = true;
};

// The records that a message is cut into. They may be so small that even its header is in several.
class Records {
public:
    // Whether the message is whole.
    base::Result<bool> read(std::string_view bytes) {
        while (!bytes.empty()) {
            if (bytes[0] != handshake_record) return malformed("it begins otherwise");
            if (bytes.size() > 1 && bytes[1] != major_version) return malformed("no version of TLS");
            if (bytes.size() < record_header) return false;
            const auto size = number_of(bytes.substr(3, 2));
            if (size == 0 || size > longest_record) return malformed("a record has no length that TLS allows");
            const auto part = bytes.substr(record_header, size);
            message_.append(part);
            if (!message_.empty() && message_[0] != client_hello) return malformed("it is another message");
            if (message_.size() >= message_header) {
                const auto whole = message_header + number_of(std::string_view(message_).substr(1, 3));
                if (whole > max_client_hello) return malformed("too long");
                if (message_.size() >= whole) {
                    message_.resize(whole);
                    return true;
                }
            }
            if (part.size() < size) return false;
            bytes.remove_prefix(record_header + size);
        }
        return false;
    }
    [[nodiscard]] std::string_view body() const { return std::string_view(message_).substr(message_header); }

private:
    std::string message_;
};

bool read_server_name(std::string_view extension, ClientHello& hello) {
    Cursor outer(extension);
    Cursor list(outer.vector(2));
    while (list.ok() && !list.empty()) {
        const auto kind = list.number(1);
        const auto name = list.vector(2);
        if (kind != host_name || !list.ok()) continue;
        const bool is_sound = !name.empty() && name.size() <= 255 && hello.server_name.empty() &&
                              std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
        if (!is_sound) return false;
        hello.server_name = name;
    }
    auto& name = hello.server_name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) { return std::tolower(letter); });
    return list.ok() && outer.ok() && outer.empty();
}

bool read_protocols(std::string_view extension, ClientHello& hello) {
    Cursor outer(extension);
    Cursor list(outer.vector(2));
    while (list.ok() && !list.empty()) {
        const auto protocol = list.vector(1);
        if (protocol.empty()) return false;
        hello.protocols.emplace_back(protocol);
    }
    return list.ok() && outer.ok() && outer.empty();
}

base::Result<ClientHello> read_body(std::string_view body) {
    ClientHello hello;
    Cursor all(body);
    all.bytes(version_and_random);
    const auto session = all.vector(1);
    const auto ciphers = all.vector(2);
    const auto compressions = all.vector(1);
    if (!all.ok() || session.size() > longest_session_id || ciphers.empty() || ciphers.size() % 2 != 0 || compressions.empty())
        return malformed("its fixed part is cut off");
    if (all.empty()) return hello;  // before TLS 1.2
    Cursor extensions(all.vector(2));
    bool has_name = false;
    bool has_protocols = false;
    while (extensions.ok() && !extensions.empty()) {
        const auto kind = extensions.number(2);
        const auto extension = extensions.vector(2);
        if (!extensions.ok()) break;
        if (kind == server_name_extension && (std::exchange(has_name, true) || !read_server_name(extension, hello)))
            return malformed("the name that it asks for is none");
        if (kind == protocols_extension && (std::exchange(has_protocols, true) || !read_protocols(extension, hello)))
            return malformed("its list of protocols is broken");
    }
    if (!extensions.ok() || !all.ok() || !all.empty()) return malformed("an extension is cut off");
    return hello;
}

}  // namespace

bool begins_tls(std::string_view bytes) {
    return (bytes.empty() || bytes[0] == handshake_record) && (bytes.size() < 2 || bytes[1] == major_version);
}

base::Result<std::optional<ClientHello>> parse_client_hello(std::string_view bytes) {
    Records records;
    const auto is_whole = records.read(bytes.substr(0, max_client_hello));
    if (!is_whole) return tl::make_unexpected(is_whole.error());
    if (!*is_whole) {
        if (bytes.size() >= max_client_hello) return malformed("longer than " + std::to_string(max_client_hello) + " bytes");
        return std::nullopt;
    }
    auto hello = read_body(records.body());
    if (!hello) return tl::make_unexpected(std::move(hello.error()));
    return std::move(*hello);
}

}  // namespace meshd::relay
