// SPDX-License-Identifier: Apache-2.0
#include "channel/tls_check_message.hpp"

#include <array>

#include <boost/json.hpp>

#include "channel/fields.hpp"

namespace meshd::channel {

namespace json = boost::json;

namespace {

// What people read of it is bounded by the worker, and here again.
constexpr std::size_t longest_text = 4096;
constexpr std::size_t longest_chain = 16;

base::SocketAddress read_endpoint(Fields& fields, std::string_view key) {
    const auto endpoint = base::SocketAddress::parse(fields.text(key));
    if (endpoint && endpoint->port != 0) return *endpoint;
    fields.wrong(key, "ADDRESS:PORT");
    return {};
}

std::string read_text(Fields& fields, std::string_view key) {
    auto text = fields.text(key);
    if (text.size() > longest_text) fields.wrong(key, "a text of at most 4096 bytes");
    return text;
}

TlsFinding::Certificate read_certificate(const json::value& value, Fields& outer) {
    static const json::object none;
    if (!value.is_object()) outer.wrong("chain", "objects");
    Fields fields(value.is_object() ? value.get_object() : none, "tls_finding.chain");
    TlsFinding::Certificate certificate{
        read_text(fields, "identity"),  read_text(fields, "subject"),    read_text(fields, "issuer"),   read_text(fields, "key"),
        read_text(fields, "signature"), read_text(fields, "not_before"), read_text(fields, "not_after")};
    if (fields.error_ && !outer.error_) outer.error_ = fields.error_;
    return certificate;
}

json::object item(const TlsFinding::Certificate& certificate) {
    return {{"identity", certificate.identity},   {"subject", certificate.subject},
            {"issuer", certificate.issuer},       {"key", certificate.key},
            {"signature", certificate.signature}, {"not_before", certificate.not_before},
            {"not_after", certificate.not_after}};
}

}  // namespace

base::Result<Message> decode_tls_check(const json::object& object) {
    Fields fields(object, "tls_check");
    TlsCheck check;
    check.id = fields.number("id");
    check.identity = fields.text("identity");
    for (const auto& item : fields.array("targets")) {
        static const json::object none;
        if (!item.is_object()) fields.wrong("targets", "objects");
        Fields inner(item.is_object() ? item.get_object() : none, "tls_check.targets");
        check.targets.push_back({read_endpoint(inner, "service"), read_endpoint(inner, "backend")});
        if (inner.error_ && !fields.error_) fields.error_ = inner.error_;
    }
    if (check.targets.empty() || check.targets.size() > most_tls_targets) fields.wrong("targets", "1 to 256 of them");
    return fields.give(std::move(check));
}

base::Result<Message> decode_tls_finding(const json::object& object) {
    Fields fields(object, "tls_finding");
    TlsFinding finding;
    finding.id = fields.number("id");
    finding.backend = read_endpoint(fields, "backend");
    finding.identity = read_text(fields, "identity");
    finding.peer = read_text(fields, "peer");
    finding.result = read_text(fields, "result");
    finding.meaning = read_text(fields, "meaning");
    finding.detail = read_text(fields, "detail");
    finding.remedy = read_text(fields, "remedy");
    finding.is_accepted = fields.boolean("accepted");
    finding.is_connected = fields.boolean("connected");
    finding.peer_identity = read_text(fields, "peer_identity");
    finding.protocol = read_text(fields, "protocol");
    finding.cipher = read_text(fields, "cipher");
    finding.group = read_text(fields, "group");
    finding.authority = read_text(fields, "authority");
    finding.looks_at_revocations = fields.boolean("revocations");
    finding.is_resumable = fields.boolean("resumable");
    finding.connect_us = fields.number("connect_us");
    finding.handshake_us = fields.number("handshake_us");
    for (const auto& item : fields.array("chain")) finding.chain.push_back(read_certificate(item, fields));
    if (finding.chain.size() > longest_chain) fields.wrong("chain", "at most 16 certificates");
    return fields.give(std::move(finding));
}

json::object encode(const TlsCheck& message) {
    json::array targets;
    for (const auto& target : message.targets)
        targets.emplace_back(json::object{{"service", target.service.text()}, {"backend", target.backend.text()}});
    return {{"type", "tls_check"}, {"id", message.id}, {"identity", message.identity}, {"targets", std::move(targets)}};
}

json::object encode(const TlsFinding& message) {
    const auto cut = [](const std::string& text) { return std::string_view(text).substr(0, longest_text); };
    json::array chain;
    for (const auto& certificate : message.chain) chain.emplace_back(item(certificate));
    return {{"type", "tls_finding"},
            {"id", message.id},
            {"backend", message.backend.text()},
            {"identity", message.identity},
            {"peer", message.peer},
            {"result", message.result},
            {"meaning", message.meaning},
            {"detail", cut(message.detail)},
            {"remedy", message.remedy},
            {"accepted", message.is_accepted},
            {"connected", message.is_connected},
            {"peer_identity", message.peer_identity},
            {"protocol", message.protocol},
            {"cipher", message.cipher},
            {"group", message.group},
            {"authority", cut(message.authority)},
            {"revocations", message.looks_at_revocations},
            {"resumable", message.is_resumable},
            {"connect_us", message.connect_us},
            {"handshake_us", message.handshake_us},
            {"chain", std::move(chain)}};
}

}  // namespace meshd::channel
