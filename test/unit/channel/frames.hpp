// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the channel's tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "channel/assembler.hpp"
#include "channel/messages.hpp"
#include "channel/split.hpp"
#include "model/service.hpp"

namespace meshd::channel {

inline std::string frame(std::string_view json) {
    const auto size = json.size();
    std::string text;
    for (const auto shift : {24, 16, 8, 0}) text += static_cast<char>((size >> shift) & 0xff);
    return text + std::string(json);
}

inline boost::json::object object(std::string_view text) { return boost::json::parse(text).as_object(); }

inline model::ServicePtr service(const std::string& name, unsigned number, std::size_t backends,
                                 const std::string& locality = {}) {
    model::Service service;
    service.name = name;
    base::IpAddress address = *base::IpAddress::parse("10.96.0.0");
    address.bytes[14] = static_cast<std::uint8_t>(number >> 8);
    address.bytes[15] = static_cast<std::uint8_t>(number);
    service.addresses = {address};
    service.source = "file:/etc/meshd/services.d/" + name + ".yaml";
    model::ServicePort port;
    port.number = 80;
    for (std::size_t i = 0; i < backends; ++i) {
        model::Backend backend;
        backend.endpoint = {*base::IpAddress::parse("10.1.2.3"), static_cast<std::uint16_t>(1 + i)};
        backend.locality = locality;
        port.backends.push_back(backend);
    }
    service.ports = {port};
    return std::make_shared<const model::Service>(std::move(service));
}

inline std::vector<std::string> frames_of(const Delta& delta) {
    std::vector<std::string> frames;
    split_delta(delta, [&](std::string_view text) { frames.emplace_back(text); });
    return frames;
}

// As the peer sees it.
inline base::Result<std::optional<Message>> receive(Assembler& assembler, const std::vector<std::string>& frames) {
    base::Result<std::optional<Message>> last = std::optional<Message>{};
    for (const auto& text : frames) {
        auto message = decode(object(text));
        if (!message) return tl::make_unexpected(message.error());
        last = assembler.add(std::move(*message));
        if (!last) return last;
    }
    return last;
}

}  // namespace meshd::channel
