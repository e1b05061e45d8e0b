// SPDX-License-Identifier: Apache-2.0
#include "tls/authority_record.hpp"

#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "model/tls.hpp"
#include "tls/spiffe_id.hpp"

namespace meshd::tls {

namespace json = boost::json;

namespace {

using Time = std::chrono::system_clock::time_point;

std::optional<std::uint64_t> number_in(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    json::error_code error;
    const auto number = value != nullptr ? value->to_number<std::uint64_t>(error) : 0;
    return value != nullptr && !error ? std::optional(number) : std::nullopt;
}

std::optional<Time> time_in(const json::object& object, std::string_view key) {
    const auto seconds = number_in(object, key);
    constexpr std::uint64_t latest = 9'000'000'000;
    if (!seconds || *seconds > latest) return std::nullopt;
    return Time(std::chrono::seconds(*seconds));
}

std::optional<std::string> text_in(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(std::string_view(value->get_string()));
}

bool is_serial(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

std::optional<IssuedCertificate> issued_in(const json::value& value) {
    const auto* const object = value.if_object();
    if (object == nullptr) return std::nullopt;
    const auto serial = text_in(*object, "serial"), identity = text_in(*object, "identity");
    const auto begins = time_in(*object, "not_before"), ends = time_in(*object, "not_after");
    const auto generation = number_in(*object, "generation");
    if (!serial || !is_serial(*serial) || !identity || !SpiffeId::parse(*identity) || !begins || !ends || !generation)
        return std::nullopt;
    IssuedCertificate issued{*serial, *identity, *begins, *ends, {}, *generation};
    if (object->contains("revoked")) {
        issued.revoked = time_in(*object, "revoked");
        if (!issued.revoked) return std::nullopt;
        issued.is_identity_revoked = object->contains("revoked_identity");
    }
    return issued;
}

std::optional<JoinToken> token_in(const json::value& value) {
    const auto* const object = value.if_object();
    if (object == nullptr) return std::nullopt;
    const auto hash = text_in(*object, "hash"), identity = text_in(*object, "identity"), key = text_in(*object, "key");
    const auto ends = time_in(*object, "not_after");
    if (!hash || !is_serial(*hash) || !identity || !SpiffeId::parse(*identity) || !ends || !key) return std::nullopt;
    return JoinToken{*hash, *identity, *ends, *key};
}

}  // namespace

std::vector<std::uint64_t> AuthorityRecord::believed() const {
    std::vector<std::uint64_t> all{signing};
    if (next) all.push_back(*next);
    if (old) all.push_back(*old);
    return all;
}

std::string to_text(const AuthorityRecord& record) {
    json::object object{{"trust_domain", record.trust_domain}, {"signing", record.signing}, {"lists", record.lists}};
    if (record.next) object["next"] = *record.next;
    if (record.old) object["old"] = *record.old;
    json::array issued;
    for (const auto& one : record.issued) {
        json::object item{{"serial", one.serial},
                          {"identity", one.identity},
                          {"not_before", base::unix_seconds(one.begins)},
                          {"not_after", base::unix_seconds(one.ends)},
                          {"generation", one.generation}};
        if (one.revoked) item["revoked"] = base::unix_seconds(*one.revoked);
        if (one.is_identity_revoked) item["revoked_identity"] = true;
        issued.emplace_back(std::move(item));
    }
    object["issued"] = std::move(issued);
    json::array tokens;
    for (const auto& one : record.tokens)
        tokens.emplace_back(json::object{
            {"hash", one.hash}, {"identity", one.identity}, {"not_after", base::unix_seconds(one.ends)}, {"key", one.key}});
    object["tokens"] = std::move(tokens);
    return json::serialize(object) + "\n";
}

base::Result<AuthorityRecord> parse_authority_record(const std::string& text, const std::string& path) {
    const auto refuse = [&](const std::string& why) {
        return base::fail({"read", path, 0, why, "bring it back from a copy: it says what was issued and revoked"});
    };
    json::error_code error;
    const auto parsed = json::parse(text, error);
    if (error || !parsed.is_object()) return refuse("it is no JSON object");
    const auto& object = parsed.get_object();
    AuthorityRecord record;
    const auto trust_domain = text_in(object, "trust_domain");
    const auto signing = number_in(object, "signing"), lists = number_in(object, "lists");
    if (!trust_domain || !model::is_trust_domain(*trust_domain)) return refuse("it has no trust_domain");
    if (!signing || !lists) return refuse("it does not say who signs");
    record.trust_domain = *trust_domain;
    record.signing = *signing;
    record.lists = *lists;
    record.next = number_in(object, "next");
    record.old = number_in(object, "old");
    const auto* const issued = object.if_contains("issued");
    if (issued == nullptr || !issued->is_array()) return refuse("it does not say what was issued");
    for (const auto& item : issued->get_array()) {
        auto one = issued_in(item);
        if (!one) return refuse("it has a broken entry of what was issued");
        record.issued.push_back(std::move(*one));
    }
    const auto* const tokens = object.if_contains("tokens");
    if (tokens == nullptr) return record;  // of a version that knew none
    if (!tokens->is_array()) return refuse("its tokens are no list");
    for (const auto& item : tokens->get_array()) {
        auto one = token_in(item);
        if (!one) return refuse("it has a broken token");
        record.tokens.push_back(std::move(*one));
    }
    return record;
}

}  // namespace meshd::tls
