// SPDX-License-Identifier: Apache-2.0
#include "model/tls.hpp"

#include <algorithm>
#include <array>
#include <thread>

#include "base/address.hpp"
#include "model/edge.hpp"

namespace meshd::model {

namespace {

constexpr std::array<std::string_view, 3> mode_names{"off", "mutual", "originate"};
constexpr std::array<std::string_view, 2> clear_text_names{"strict", "permissive"};
constexpr std::array<std::string_view, 2> same_node_names{"plain", "encrypt"};
constexpr std::array<std::string_view, 2> version_names{"1.2", "1.3"};
constexpr std::array<std::string_view, 3> kernel_names{"off", "auto", "on"};
constexpr unsigned most_threads = 64;
constexpr std::size_t longest_trust_domain = 255;

template <typename Enum, std::size_t size>
std::optional<Enum> parse(const std::array<std::string_view, size>& names, std::string_view text) {
    const auto* const found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

}  // namespace

// http://www.isthe.com/chongo/tech/comp/fnv/, FNV-1a with its 32-bit offset basis and prime.
std::uint32_t identity_number(std::string_view name) {
    std::uint32_t hash = 2166136261U;
    for (const char letter : name) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 16777619U;
    return hash != 0 && hash != node_identity && hash != unknown_identity ? hash : 1;
}

unsigned relay_threads(std::uint32_t asked) {
    return std::clamp(asked != 0 ? asked : std::thread::hardware_concurrency(), 1U, most_threads);
}

void place_issued(NodeTls& tls, const std::string& directory) {
    if (!tls.issuer) return;
    tls.issuer->directory = directory;
    const auto place = [&](CertificateFiles& files, const std::string& name) {
        if (files.is_issued) files.certificate = files.key = directory + "/" + name + ".pem";
    };
    place(tls.node, "node");
    for (auto& identity : tls.identities) {
        auto name = identity.name;
        std::replace(name.begin(), name.end(), '/', '+');  // which no name has
        place(identity.files, "identity-" + name);
    }
}

std::string issued_identity(const NodeTls& tls, const WorkloadIdentity& identity) {
    return "spiffe://" + tls.trust_domain + "/" + identity.name;
}

std::string_view name(TlsMode mode) { return mode_names.at(static_cast<std::size_t>(mode)); }
std::string_view name(ClearText accept) { return clear_text_names.at(static_cast<std::size_t>(accept)); }
std::string_view name(SameNode same_node) { return same_node_names.at(static_cast<std::size_t>(same_node)); }
std::string_view name(TlsVersion version) { return version_names.at(static_cast<std::size_t>(version)); }
std::optional<TlsVersion> parse_tls_version(std::string_view text) { return parse<TlsVersion>(version_names, text); }
std::optional<TlsMode> parse_tls_mode(std::string_view text) { return parse<TlsMode>(mode_names, text); }
std::optional<ClearText> parse_clear_text(std::string_view text) { return parse<ClearText>(clear_text_names, text); }
std::string_view name(KernelTls kernel) { return kernel_names.at(static_cast<std::size_t>(kernel)); }
std::optional<KernelTls> parse_kernel_tls(std::string_view text) { return parse<KernelTls>(kernel_names, text); }
std::optional<SameNode> parse_same_node(std::string_view text) { return parse<SameNode>(same_node_names, text); }

bool is_server_name(std::string_view text) {
    return is_server_name_pattern(text) && !text.starts_with('*') && !base::IpAddress::parse(text);
}

bool is_trust_domain(std::string_view text) {
    return !text.empty() && text.size() <= longest_trust_domain && std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '.' || letter == '-' ||
               letter == '_';
    });
}

}  // namespace meshd::model
