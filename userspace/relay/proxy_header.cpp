// SPDX-License-Identifier: Apache-2.0
#include "relay/proxy_header.hpp"

#include <algorithm>

namespace meshd::relay {

namespace {

using namespace std::string_view_literals;

constexpr auto signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t fixed_size = 16;  // signature, version and command, family, length
constexpr char proxy_command = '\x21';  // version 2
constexpr char tcp_v4 = '\x11';
constexpr char tcp_v6 = '\x21';
constexpr std::size_t addresses_v4 = 12;
constexpr std::size_t addresses_v6 = 36;

void add_number(std::string& wire, std::size_t value) {
    wire += static_cast<char>(value >> 8);
    wire += static_cast<char>(value);
}

std::uint16_t number_at(std::string_view bytes) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]));
}

void add_address(std::string& wire, const base::IpAddress& address, bool v4) {
    wire.append(reinterpret_cast<const char*>(address.bytes.data()) + (v4 ? 12 : 0), v4 ? 4 : 16);
}

base::IpAddress address_at(std::string_view bytes, bool v4) {
    base::IpAddress address;
    if (v4) address.bytes[10] = address.bytes[11] = 0xff;
    std::copy_n(bytes.begin(), v4 ? 4 : 16, address.bytes.begin() + (v4 ? 12 : 0));
    return address;
}

tl::unexpected<base::Error> malformed(std::string why) { return base::fail({"read", "a PROXY header", 0, std::move(why), {}}); }

// What may follow the addresses: type, length, value. Those that are not known are passed over.
base::Result<void> read_fields(std::string_view fields, ProxyHeader& header) {
    auto& service = header.service;
    while (!fields.empty()) {
        if (fields.size() < 3) return malformed("a field is cut off");
        const std::size_t size = number_at(fields.substr(1));
        if (fields.size() < 3 + size) return malformed("a field is cut off");
        if (static_cast<std::uint8_t>(fields[0]) == service_name_type) {
            if (!service.empty() || size == 0) return malformed("it does not name exactly one service");
            service = fields.substr(3, size);
        }
        if (static_cast<std::uint8_t>(fields[0]) == only_connects_type) header.only_connects = true;
        fields.remove_prefix(3 + size);
    }
    return {};
}

}  // namespace

void add_field(std::string& fields, std::uint8_t type, std::string_view value) {
    fields += static_cast<char>(type);
    add_number(fields, value.size());
    fields += value;
}

std::string to_wire(const base::SocketAddress& source, const base::SocketAddress& destination, std::string_view fields) {
    const bool v4 = source.address.is_v4() && destination.address.is_v4();
    std::string body;
    add_address(body, source.address, v4);
    add_address(body, destination.address, v4);
    add_number(body, source.port);
    add_number(body, destination.port);
    body += fields;
    std::string wire(signature);
    wire += proxy_command;
    wire += v4 ? tcp_v4 : tcp_v6;
    add_number(wire, body.size());
    return wire + body;
}

std::string to_wire(const ProxyHeader& header) {
    std::string fields;
    if (!header.service.empty()) add_field(fields, service_name_type, header.service);
    if (header.only_connects) add_field(fields, only_connects_type, {});
    return to_wire(header.source, header.destination, fields);
}

base::Result<std::optional<ParsedProxyHeader>> parse_proxy_header(std::string_view bytes) {
    if (!signature.starts_with(bytes.substr(0, signature.size()))) return malformed("it begins otherwise");
    if (bytes.size() > 12 && bytes[12] != proxy_command) return malformed("no version 2 for a connection of somebody else");
    if (bytes.size() > 13 && bytes[13] != tcp_v4 && bytes[13] != tcp_v6) return malformed("not for TCP");
    if (bytes.size() < fixed_size) return std::nullopt;

    const bool v4 = bytes[13] == tcp_v4;
    const std::size_t addresses = v4 ? addresses_v4 : addresses_v6;
    const std::size_t size = fixed_size + number_at(bytes.substr(14));
    if (size < fixed_size + addresses) return malformed("too short for its addresses");
    if (size > max_proxy_header) return malformed("longer than " + std::to_string(max_proxy_header) + " bytes");
    if (bytes.size() < size) return std::nullopt;

    const auto body = bytes.substr(fixed_size, size - fixed_size);
    const std::size_t width = v4 ? 4 : 16;
    ParsedProxyHeader parsed;
    if (auto read = read_fields(body.substr(addresses), parsed.header); !read)
        return tl::make_unexpected(std::move(read.error()));
    parsed.header.source = {address_at(body, v4), number_at(body.substr(2 * width))};
    parsed.header.destination = {address_at(body.substr(width), v4), number_at(body.substr(2 * width + 2))};
    parsed.size = size;
    return parsed;
}

}  // namespace meshd::relay
