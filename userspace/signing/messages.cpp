// SPDX-License-Identifier: Apache-2.0
#include "signing/messages.hpp"

#include <boost/json.hpp>

#include "model/members.hpp"

namespace meshd::signing {

namespace json = boost::json;

namespace {

base::Result<json::value> parsed(std::string_view text, const char* what) {
    boost::system::error_code error;
    auto value = json::parse(json::string_view(text.data(), text.size()), error);
    if (!error && value.is_object()) return value;
    return base::fail({"read", what, 0, "it is no JSON object", {}});
}

std::string text_or_empty(model::Members& members, std::string_view key) {
    return members.value(key).is_null() ? std::string() : members.text(key);
}

Trust trust_of(model::Members& members) { return {members.text("authorities"), members.text("revoked")}; }

template <typename Message, typename Read>
base::Result<Message> read(std::string_view text, const char* what, Read take) {
    const auto value = parsed(text, what);
    if (!value) return tl::make_unexpected(value.error());
    model::Members members(*value, what);
    Message message = take(members);
    if (const auto outcome = members.outcome(); !outcome) {
        const auto& error = outcome.error();
        return base::fail({"read", error.object, 0, error.detail, {}});
    }
    return message;
}

}  // namespace

std::string to_text(const SignRequest& request) {
    json::object object{{"csr", request.csr}};
    if (!request.identity.empty()) object["identity"] = request.identity;
    if (!request.token.empty()) object["token"] = request.token;
    return json::serialize(object);
}

std::string to_text(const Trust& trust) {
    return json::serialize(json::object{{"authorities", trust.authorities}, {"revoked", trust.revoked}});
}

std::string to_text(const SignAnswer& answer) {
    return json::serialize(json::object{
        {"certificate", answer.certificate}, {"authorities", answer.trust.authorities}, {"revoked", answer.trust.revoked}});
}

std::string error_text(std::string_view why) { return json::serialize(json::object{{"error", why}}) + "\n"; }

base::Result<SignRequest> sign_request_in(std::string_view text) {
    return read<SignRequest>(text, "the request", [](model::Members& members) {
        return SignRequest{members.text("csr"), text_or_empty(members, "identity"), text_or_empty(members, "token")};
    });
}

base::Result<SignAnswer> sign_answer_in(std::string_view text) {
    return read<SignAnswer>(text, "the answer of the signing agent", [](model::Members& members) {
        return SignAnswer{members.text("certificate"), trust_of(members)};
    });
}

base::Result<Trust> trust_in(std::string_view text) { return read<Trust>(text, "the answer of the signing agent", trust_of); }

std::string error_in(std::string_view text) {
    const auto value = parsed(text, "an error");
    const auto* const why = value ? value->get_object().if_contains("error") : nullptr;
    return why != nullptr && why->is_string() ? std::string(std::string_view(why->get_string())) : std::string();
}

}  // namespace meshd::signing
