// SPDX-License-Identifier: Apache-2.0
// Messages of DNS, written byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meshd::registry::dns {

class Message {
public:
    static constexpr std::uint16_t cname = 5, soa = 6, a = 1, aaaa = 28, srv = 33;

    explicit Message(std::string_view question = "db.test", std::uint16_t type = a) {
        body_ = encoded(question) + number(type) + number(1);
    }

    static std::string number(std::uint16_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 255)}; }
    static std::string number32(std::uint32_t value) {
        return number(static_cast<std::uint16_t>(value >> 16)) + number(static_cast<std::uint16_t>(value & 65535));
    }
    static std::string encoded(std::string_view name) {
        std::string text;
        while (!name.empty()) {
            const auto label = name.substr(0, name.find('.'));
            text += static_cast<char>(label.size());
            text += label;
            name.remove_prefix(std::min(label.size() + 1, name.size()));
        }
        return text + '\0';
    }
    static std::string service(std::uint16_t priority, std::uint16_t weight, std::uint16_t port, std::string_view target) {
        return number(priority) + number(weight) + number(port) + encoded(target);
    }

    // Of the name that was asked for: a pointer to it.
    Message& answer(std::uint16_t type, std::uint32_t ttl, std::string_view data) {
        ++answers_;
        body_ += record("\xc0\x0c", type, ttl, data);
        return *this;
    }
    Message& authority(std::uint32_t ttl, std::uint32_t minimum) {
        ++authorities_;
        body_ += record(encoded("test"), soa, ttl,
                        encoded("ns.test") + encoded("root.test") + number32(1) + number32(2) + number32(3) + number32(4) +
                            number32(minimum));
        return *this;
    }

    [[nodiscard]] std::vector<std::uint8_t> bytes() const {
        const auto text = number(7) + number(0x8180) + number(1) + number(answers_) + number(authorities_) + number(0) + body_;
        return {text.begin(), text.end()};
    }

private:
    static std::string record(std::string_view name, std::uint16_t type, std::uint32_t ttl, std::string_view data) {
        return std::string(name) + number(type) + number(1) + number32(ttl) + number(static_cast<std::uint16_t>(data.size())) +
               std::string(data);
    }

    std::string body_;
    std::uint16_t answers_ = 0, authorities_ = 0;
};

}  // namespace meshd::registry::dns
